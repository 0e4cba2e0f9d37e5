// Planes of luma and chroma to pixels.
#include "CKernels.h"

/// Fixed point with 14 fraction bits, to a byte.
static inline uint8_t pixel(int32_t value) {
  value >>= 14;
  return (uint8_t)(value < 0 ? 0 : value > 255 ? 255 : value);
}

void sluice_planes_to_rgb(const uint8_t *planes, int64_t height, int64_t width, uint8_t *rgb) {
  // What chroma adds to red, green and blue: the same for two rows, and in runs short enough for the stack.
  enum { RUN = 256 };
  int32_t red[RUN], green[RUN], blue[RUN];
  const uint8_t *u = planes + height * width, *v = u + height / 2 * (width / 2);
  for (int64_t row = 0; row < height; row += 2)
    for (int64_t first = 0; first < width; first += RUN) {
      const int64_t count = width - first < RUN ? width - first : RUN;
      const int64_t chroma = row / 2 * (width / 2) + first / 2;
      for (int64_t x = 0; x < count / 2; x++) {
        const int32_t cb = u[chroma + x] - 128, cr = v[chroma + x] - 128;
        red[2 * x] = red[2 * x + 1] = 26149 * cr;
        green[2 * x] = green[2 * x + 1] = -6419 * cb - 13320 * cr;
        blue[2 * x] = blue[2 * x + 1] = 33050 * cb;
      }
      for (int64_t line = row; line < row + 2; line++) {
        const uint8_t *from = planes + line * width + first;
        uint8_t *to = rgb + (line * width + first) * 3;
        for (int64_t x = 0; x < count; x++) {
          const int32_t luma = 19077 * (from[x] - 16) + (1 << 13);
          to[3 * x] = pixel(luma + red[x]);
          to[3 * x + 1] = pixel(luma + green[x]);
          to[3 * x + 2] = pixel(luma + blue[x]);
        }
      }
    }
}
