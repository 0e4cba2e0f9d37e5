// The element-wise kernels for one element type (REAL) and one instruction set (NAME); included by elementwise.c.
//
// Rows are short (8 to some hundred channels), too short for wide vectors, so per-channel parameters are repeated
// into a tile of whole rows and the inner loops run over a tile. The tile depends on the channel count alone.

static void NAME(statistics)(const REAL *restrict x, int64_t rows, int64_t channels, const REAL *shift, double *sum,
                             double *squares) {
  const int64_t repeats = tile_rows(channels), tile = repeats * channels;
  REAL shifts[tile];
  double sums[tile], products[tile];
  for (int64_t i = 0; i < tile; i++) {
    shifts[i] = shift[i % channels];
    sums[i] = 0;
    products[i] = 0;
  }
  for (int64_t left = rows * channels; left > 0; left -= tile, x += tile) {
    const int64_t count = left < tile ? left : tile;
    for (int64_t i = 0; i < count; i++) {
      const double d = (double)x[i] - (double)shifts[i];
      sums[i] += d;
      products[i] += d * d;
    }
  }
  for (int64_t i = 0; i < tile; i++) {
    sum[i % channels] += sums[i];
    squares[i % channels] += products[i];
  }
}

static void NAME(normalize)(const REAL *restrict x, int64_t rows, int64_t channels, const REAL *scale,
                            const REAL *offset, bool relu, REAL *restrict y) {
  const int64_t repeats = tile_rows(channels), tile = repeats * channels;
  REAL scales[tile], offsets[tile];
  for (int64_t i = 0; i < tile; i++) {
    scales[i] = scale[i % channels];
    offsets[i] = offset[i % channels];
  }
  for (int64_t left = rows * channels; left > 0; left -= tile, x += tile, y += tile) {
    const int64_t count = left < tile ? left : tile;
    if (relu) {
      for (int64_t i = 0; i < count; i++) {
        const REAL value = FMA(x[i], scales[i], offsets[i]);
        y[i] = value < 0 ? 0 : value;
      }
    } else {
      for (int64_t i = 0; i < count; i++) y[i] = FMA(x[i], scales[i], offsets[i]);
    }
  }
}

static void NAME(normalize_add)(const REAL *restrict x, int64_t rows, int64_t channels, const REAL *scale,
                                const REAL *offset, const REAL *restrict r, const REAL *r_scale, const REAL *r_offset,
                                REAL *restrict y) {
  const int64_t repeats = tile_rows(channels), tile = repeats * channels;
  REAL scales[tile], offsets[tile], r_scales[tile], r_offsets[tile];
  for (int64_t i = 0; i < tile; i++) {
    scales[i] = scale[i % channels];
    offsets[i] = offset[i % channels];
    r_scales[i] = r_scale ? r_scale[i % channels] : 1;
    r_offsets[i] = r_scale ? r_offset[i % channels] : 0;
  }
  for (int64_t left = rows * channels; left > 0; left -= tile, x += tile, r += tile, y += tile) {
    const int64_t count = left < tile ? left : tile;
    for (int64_t i = 0; i < count; i++) {
      const REAL value = FMA(x[i], scales[i], offsets[i]) + FMA(r[i], r_scales[i], r_offsets[i]);
      y[i] = value < 0 ? 0 : value;
    }
  }
}

static void NAME(mask)(REAL *restrict dy, const REAL *restrict y, int64_t count) {
  for (int64_t i = 0; i < count; i++) dy[i] = y[i] <= 0 ? 0 : dy[i];
}

static void NAME(normalize_sums)(const REAL *restrict dy, const REAL *restrict x, int64_t rows, int64_t channels,
                                 const REAL *scale, const REAL *offset, const double *mean, double *sum,
                                 double *products) {
  const int64_t repeats = tile_rows(channels), tile = repeats * channels;
  REAL scales[tile], offsets[tile];
  double means[tile], sums[tile], sums_of_products[tile];
  for (int64_t i = 0; i < tile; i++) {
    scales[i] = scale ? scale[i % channels] : 0;
    offsets[i] = scale ? offset[i % channels] : 1;  // Without ReLU the mask is always open.
    means[i] = mean[i % channels];
    sums[i] = 0;
    sums_of_products[i] = 0;
  }
  for (int64_t left = rows * channels; left > 0; left -= tile, x += tile, dy += tile) {
    const int64_t count = left < tile ? left : tile;
    for (int64_t i = 0; i < count; i++) {
      const REAL g = FMA(x[i], scales[i], offsets[i]) <= 0 ? 0 : dy[i];
      sums[i] += (double)g;
      sums_of_products[i] += (double)g * ((double)x[i] - means[i]);
    }
  }
  for (int64_t i = 0; i < tile; i++) {
    sum[i % channels] += sums[i];
    products[i % channels] += sums_of_products[i];
  }
}

static void NAME(normalize_backward)(const REAL *dy, const REAL *x, int64_t rows, int64_t channels, const REAL *scale,
                                     const REAL *offset, const REAL *mean, const REAL *a, const REAL *b, const REAL *c,
                                     REAL *dx) {
  const int64_t repeats = tile_rows(channels), tile = repeats * channels;
  REAL scales[tile], offsets[tile], means[tile], as[tile], bs[tile], cs[tile];
  for (int64_t i = 0; i < tile; i++) {
    scales[i] = scale ? scale[i % channels] : 0;
    offsets[i] = scale ? offset[i % channels] : 1;
    means[i] = mean[i % channels];
    as[i] = a[i % channels];
    bs[i] = b[i % channels];
    cs[i] = c[i % channels];
  }
  for (int64_t left = rows * channels; left > 0; left -= tile, x += tile, dy += tile, dx += tile) {
    const int64_t count = left < tile ? left : tile;
    // Each element is read before it is written, so dx may be dy.
#pragma clang loop vectorize(assume_safety)
    for (int64_t i = 0; i < count; i++) {
      const REAL g = FMA(x[i], scales[i], offsets[i]) <= 0 ? 0 : dy[i];
      dx[i] = FMA(as[i], g, FMA(bs[i], x[i] - means[i], cs[i]));
    }
  }
}

static void NAME(add)(REAL *restrict y, const REAL *restrict x, int64_t count) {
  for (int64_t i = 0; i < count; i++) y[i] += x[i];
}

static void NAME(sgd)(REAL *restrict w, REAL *restrict v, const REAL *restrict sum, int64_t count, REAL scale,
                      REAL rate, REAL momentum, REAL decay, bool nesterov) {
  for (int64_t i = 0; i < count; i++) {
    const REAL gradient = sum[i] * scale;
    const REAL d = FMA(decay, w[i], gradient);
    const REAL velocity = FMA(momentum, v[i], d);
    v[i] = velocity;
    w[i] = FMA(-rate, nesterov ? FMA(momentum, velocity, d) : velocity, w[i]);
  }
}

static void NAME(running)(REAL *restrict running, const REAL *restrict sum, int64_t count, REAL scale, REAL keep,
                          REAL fraction) {
  for (int64_t i = 0; i < count; i++) running[i] = FMA(fraction, sum[i] * scale, keep * running[i]);
}

static const struct TABLE NAME(table) = {
    NAME(statistics),     NAME(normalize),          NAME(normalize_add), NAME(mask),
    NAME(normalize_sums), NAME(normalize_backward), NAME(add),           NAME(sgd),
    NAME(running),
};
