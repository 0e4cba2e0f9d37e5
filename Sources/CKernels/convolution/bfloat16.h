// Products of bfloat16 pairs summed in float32; included by paths.cpp inside the namespace of a set that has them.
//
// Rows hold channels in pairs, padded to an even number. A pair is one 32-bit lane: the earlier element in the low half.

INLINE __m512 multiply_pairs(__m512 sum, uint32_t factor, __m512i values) {
  return _mm512_dpbf16_ps(sum, (__m512bh)_mm512_set1_epi32((int)factor), (__m512bh)values);
}

INLINE __m512i load_pairs(const uint32_t *p, int64_t count) {
  return _mm512_maskz_loadu_epi32((__mmask16)((1u << count) - 1), p);
}

/// Sixteen floats rounded to bfloat16, each in the low half of a lane.
INLINE __m512i rounded(vec v) { return _mm512_cvtepu16_epi32((__m256i)_mm512_cvtneps_pbh((__m512)v)); }

INLINE vec load_activated(const float *x, int64_t c, int64_t count, sluice_activation activation) {
  vec v = load_some(x + c, count);
  if (activation.scale) v = relu(fma(v, load_some(activation.scale + c, count), load_some(activation.offset + c, count)));
  return v;
}

static void bf16_rows(const float *x, int64_t rows, int64_t channels, sluice_activation activation, uint32_t *y) {
  const int64_t pairs = (channels + 1) / 2;
  for (int64_t row = 0; row < rows; row++, x += channels, y += pairs) {
    uint16_t *to = reinterpret_cast<uint16_t *>(y);
    for_vectors(channels, [&](int64_t c, int64_t count) INLINE_LAMBDA {
      const __m256i v = (__m256i)_mm512_cvtneps_pbh((__m512)load_activated(x, c, count, activation));
      _mm256_mask_storeu_epi16(to + c, (__mmask16)((1u << count) - 1), v);
    });
    if (channels % 2) to[channels] = 0;
  }
}

static void bf16_row_pairs(const float *x, int64_t rows, int64_t channels, sluice_activation activation, uint32_t *y) {
  for (int64_t row = 0; row < rows; row += 2, x += 2 * channels, y += channels) {
    for_vectors(channels, [&](int64_t c, int64_t count) INLINE_LAMBDA {
      const __m512i low = rounded(load_activated(x, c, count, activation));
      const __m512i high =
          row + 1 < rows ? rounded(load_activated(x + channels, c, count, activation)) : _mm512_setzero_si512();
      _mm512_mask_storeu_epi32(y + c, (__mmask16)((1u << count) - 1), _mm512_or_si512(low, _mm512_slli_epi32(high, 16)));
    });
  }
}

static void bf16_pack_panels(const float *weights, int64_t outputs, int64_t inputs, int64_t taps, bool transposed,
                             int64_t first, int64_t end, uint32_t *panels) {
  const int64_t depth = transposed ? outputs : inputs, columns = transposed ? inputs : outputs;
  const int64_t depth_stride = transposed ? inputs * taps : taps;
  const int64_t column_stride = transposed ? taps : inputs * taps;
  const int64_t pairs = (depth + 1) / 2;
  for_panels(columns, taps * pairs, [&](int64_t index, Panel panel) {
    if (index < first || index >= end) return;
    const int64_t wide = panel.vectors * WIDTH;
    for (int64_t pair = 0; pair < pairs; pair++) {
      for (int64_t tap = 0; tap < taps; tap++) {
        uint32_t *to = panels + panel.offset + (tap * pairs + pair) * wide;
        for (int64_t j = 0; j < wide; j += WIDTH) {
          alignas(64) float low[WIDTH] = {}, high[WIDTH] = {};
          for (int64_t i = 0; i < WIDTH && panel.column + j + i < columns; i++) {
            const float *from = weights + (panel.column + j + i) * column_stride + 2 * pair * depth_stride + tap;
            low[i] = from[0];
            if (2 * pair + 1 < depth) high[i] = from[depth_stride];
          }
          _mm512_storeu_si512(to + j, _mm512_or_si512(rounded(load(low)), _mm512_slli_epi32(rounded(load(high)), 16)));
        }
      }
    }
  });
}

template <int ROWS, int VECTORS>
static void bf16_tile(const uint32_t *const *taps, int64_t tap_count, int64_t first, int64_t pairs, const uint32_t *panel,
                      float *y, int64_t y_stride, int64_t last) {
  __m512 sum[ROWS][VECTORS];
  UNROLL for (int i = 0; i < ROWS; i++) {
    UNROLL for (int v = 0; v < VECTORS; v++) sum[i][v] = _mm512_setzero_ps();
  }
  for (int64_t tap = 0; tap < tap_count; tap++) {
    if (!taps[tap]) {
      panel += pairs * VECTORS * WIDTH;
      continue;
    }
    const uint32_t *x = taps[tap] + first * pairs;
    for (int64_t c = 0; c < pairs; c++) {
      __m512i weight[VECTORS];
      UNROLL for (int v = 0; v < VECTORS; v++) weight[v] = _mm512_loadu_si512(panel + v * WIDTH);
      UNROLL for (int i = 0; i < ROWS; i++) {
        UNROLL for (int v = 0; v < VECTORS; v++) sum[i][v] = multiply_pairs(sum[i][v], x[i * pairs + c], weight[v]);
      }
      panel += VECTORS * WIDTH;
    }
  }
  UNROLL for (int i = 0; i < ROWS; i++) {
    UNROLL for (int v = 0; v < VECTORS; v++)
      store_some(y + i * y_stride + v * WIDTH, (vec)sum[i][v], v == VECTORS - 1 ? last : (int64_t)WIDTH);
  }
}

template <int VECTORS>
static void bf16_panel(const uint32_t *const *taps, int64_t tap_count, int64_t rows, int64_t pairs,
                       const uint32_t *panel, float *y, int64_t y_stride, int64_t last) {
  constexpr int ROWS = tile_rows(VECTORS);
  int64_t row = 0;
  for (; row + ROWS <= rows; row += ROWS)
    bf16_tile<ROWS, VECTORS>(taps, tap_count, row, pairs, panel, y + row * y_stride, y_stride, last);
  for (; row + 4 <= rows; row += 4)
    bf16_tile<4, VECTORS>(taps, tap_count, row, pairs, panel, y + row * y_stride, y_stride, last);
  for (; row < rows; row++)
    bf16_tile<1, VECTORS>(taps, tap_count, row, pairs, panel, y + row * y_stride, y_stride, last);
}

static void bf16_product(const uint32_t *const *taps, int64_t tap_count, int64_t rows, int64_t pairs,
                         const uint32_t *panels, int64_t columns, float *y, int64_t y_stride) {
  for_panels(columns, tap_count * pairs, [&](int64_t, Panel panel) {
#define CALL(VECTORS) \
  bf16_panel<VECTORS>(taps, tap_count, rows, pairs, panels + panel.offset, y + panel.column, y_stride, panel.last)
    WITH_VECTORS(panel.vectors, CALL)
#undef CALL
  });
}

template <int ROWS, int VECTORS>
static void bf16_transposed_tile(const uint32_t *x, int64_t x_stride, const uint32_t *y, int64_t y_stride, int64_t pairs,
                                 float *d, int64_t d_stride, int64_t last) {
  __m512 sum[ROWS][VECTORS];
  UNROLL for (int i = 0; i < ROWS; i++) {
    UNROLL for (int v = 0; v < VECTORS; v++)
      sum[i][v] = (__m512)load_some(d + i * d_stride + v * WIDTH, v == VECTORS - 1 ? last : (int64_t)WIDTH);
  }
  for (int64_t r = 0; r < pairs; r++, x += x_stride, y += y_stride) {
    __m512i value[VECTORS];
    UNROLL for (int v = 0; v < VECTORS - 1; v++) value[v] = _mm512_loadu_si512(y + v * WIDTH);
    value[VECTORS - 1] = load_pairs(y + (VECTORS - 1) * WIDTH, last);
    UNROLL for (int i = 0; i < ROWS; i++) {
      UNROLL for (int v = 0; v < VECTORS; v++) sum[i][v] = multiply_pairs(sum[i][v], x[i], value[v]);
    }
  }
  UNROLL for (int i = 0; i < ROWS; i++) {
    UNROLL for (int v = 0; v < VECTORS; v++)
      store_some(d + i * d_stride + v * WIDTH, (vec)sum[i][v], v == VECTORS - 1 ? last : (int64_t)WIDTH);
  }
}

template <int VECTORS>
static void bf16_transposed_panel(const uint32_t *x, int64_t length, const uint32_t *y, int64_t y_stride, int64_t pairs,
                                  float *d, int64_t d_stride, int64_t last) {
  constexpr int ROWS = tile_rows(VECTORS);
  int64_t c = 0;
  for (; c + ROWS <= length; c += ROWS)
    bf16_transposed_tile<ROWS, VECTORS>(x + c, length, y, y_stride, pairs, d + c * d_stride, d_stride, last);
  for (; c + 4 <= length; c += 4)
    bf16_transposed_tile<4, VECTORS>(x + c, length, y, y_stride, pairs, d + c * d_stride, d_stride, last);
  for (; c < length; c++)
    bf16_transposed_tile<1, VECTORS>(x + c, length, y, y_stride, pairs, d + c * d_stride, d_stride, last);
}

static void bf16_product_transposed(const uint32_t *x, int64_t length, const uint32_t *y, int64_t columns, int64_t pairs,
                                    float *d) {
  for_panels(columns, 0, [&](int64_t, Panel panel) {
#define CALL(VECTORS) \
  bf16_transposed_panel<VECTORS>(x, length, y + panel.column, columns, pairs, d + panel.column, columns, panel.last)
    WITH_VECTORS(panel.vectors, CALL)
#undef CALL
  });
}

static const sluice_bf16_kernels bf16_kernels = {
    bf16_rows, bf16_row_pairs, bf16_pack_panels, bf16_product, bf16_product_transposed,
};
