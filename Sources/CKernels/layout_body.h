// Copies between layouts, pooling and small loops for one element type; included by layout.c with REAL and TYPED set.

void TYPED(sluice_pool)(const REAL *x, int64_t rows, int64_t channels, REAL *y) {
  for (int64_t c = 0; c < channels; c++) {
    double sum = 0;
    for (int64_t r = 0; r < rows; r++) sum += (double)x[r * channels + c];
    y[c] = (REAL)(sum / (double)rows);
  }
}

void TYPED(sluice_pool_backward)(const REAL *dy, int64_t rows, int64_t channels, REAL scale, REAL *dx) {
  for (int64_t r = 0; r < rows; r++)
    for (int64_t c = 0; c < channels; c++) dx[r * channels + c] = dy[c] * scale;
}

void TYPED(sluice_add_bias)(REAL *y, int64_t rows, int64_t channels, const REAL *bias) {
  for (int64_t r = 0; r < rows; r++)
    for (int64_t c = 0; c < channels; c++) y[r * channels + c] += bias[c];
}

void TYPED(sluice_pixels)(const uint8_t *x, int64_t pixels, const REAL *table, REAL *y) {
  for (int64_t i = 0; i < pixels; i++) {
    y[3 * i] = table[x[3 * i]];
    y[3 * i + 1] = table[256 + x[3 * i + 1]];
    y[3 * i + 2] = table[512 + x[3 * i + 2]];
  }
}

void TYPED(sluice_channels_last)(const REAL *x, int64_t channels, int64_t positions, REAL *y) {
  for (int64_t p = 0; p < positions; p++)
    for (int64_t c = 0; c < channels; c++) y[p * channels + c] = x[c * positions + p];
}

void TYPED(sluice_pack)(const REAL *w, const sluice_geometry *g, int64_t first, int64_t end, REAL *packed) {
  const int64_t taps = g->kernel_frames * g->kernel_height * g->kernel_width;
  const int64_t inputs = g->in_channels, outputs = g->out_channels;
  for (int64_t i = 0; i < inputs; i++)
    for (int64_t tap = 0; tap < taps; tap++) {
      const REAL *from = w + i * taps + tap;
      REAL *to = packed + (tap * inputs + i) * outputs;
      for (int64_t o = first; o < end; o++) to[o] = from[o * inputs * taps];
    }
}

void TYPED(sluice_pack_reversed)(const REAL *w, const sluice_geometry *g, int64_t first, int64_t end, REAL *packed) {
  const int64_t taps = g->kernel_frames * g->kernel_height * g->kernel_width;
  const int64_t inputs = g->in_channels, outputs = g->out_channels;
  for (int64_t o = first; o < end; o++)
    for (int64_t tap = 0; tap < taps; tap++) {
      const REAL *from = w + o * inputs * taps + tap;
      REAL *to = packed + ((taps - 1 - tap) * outputs + o) * inputs;
      for (int64_t i = 0; i < inputs; i++) to[i] = from[i * taps];
    }
}

void TYPED(sluice_unpack)(const REAL *packed, int64_t parts, int64_t part_stride, int64_t taps, int64_t inputs,
                          int64_t row_stride, int64_t outputs, bool accumulate, REAL *w, int64_t w_stride) {
  enum { OUTPUTS = 16, RUN = 96 };
  const int64_t depth = inputs * taps;
  // Gathered here first, so that weights are written in runs.
  REAL runs[OUTPUTS][RUN];
  for (int64_t o = 0; o < outputs; o += OUTPUTS) {
    const int64_t count = outputs - o < OUTPUTS ? outputs - o : OUTPUTS;
    for (int64_t start = 0; start < depth; start += RUN) {
      const int64_t length = depth - start < RUN ? depth - start : RUN;
      for (int64_t r = 0; r < length; r++) {
        const int64_t i = (start + r) / taps, tap = (start + r) % taps;
        const REAL *from = packed + (tap * inputs + i) * row_stride + o;
        REAL sums[OUTPUTS];
        for (int64_t j = 0; j < count; j++) sums[j] = from[j];
        for (int64_t part = 1; part < parts; part++)
          for (int64_t j = 0; j < count; j++) sums[j] += from[part * part_stride + j];
        for (int64_t j = 0; j < count; j++) runs[j][r] = sums[j];
      }
      for (int64_t j = 0; j < count; j++) {
        REAL *to = w + (o + j) * w_stride + start;
        if (accumulate) {
          for (int64_t r = 0; r < length; r++) to[r] += runs[j][r];
        } else {
          memcpy(to, runs[j], (size_t)length * sizeof(REAL));
        }
      }
    }
  }
}
