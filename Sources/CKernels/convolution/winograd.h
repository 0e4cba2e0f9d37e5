// Winograd's minimal filtering (Lavin and Gray 2016, arXiv:1509.09308) by nested one-dimensional transforms; included by
// paths.cpp inside an instruction set's namespace. `step` is the distance between the vectors of a line.

/// F(2, 3), points 0, ±1, ∞.
struct F2 {
  static constexpr int outputs = 2, points = 4;
  /// Bᵀ on a line of four, in place.
  INLINE void input(vec *d, int step) {
    const vec a = d[0], b = d[step], c = d[2 * step], e = d[3 * step];
    d[0] = a - c;
    d[step] = b + c;
    d[2 * step] = c - b;
    d[3 * step] = b - e;
  }
  /// Aᵀ: four to two.
  INLINE void output(vec *m, int step) {
    const vec a = m[0], b = m[step], c = m[2 * step], e = m[3 * step];
    m[0] = a + b + c;
    m[step] = b - c - e;
  }
  /// A: two to four.
  INLINE void gradient(vec *m, int step) {
    const vec x = m[0], y = m[step];
    m[step] = x + y;
    m[2 * step] = x - y;
    m[3 * step] = -y;
  }
  /// G: three to four.
  INLINE void weights(vec *w, int step) {
    const vec a = w[0], b = w[step], c = w[2 * step], half = 0.5f;
    w[step] = half * (a + b + c);
    w[2 * step] = half * (a - b + c);
    w[3 * step] = c;
  }
  /// Gᵀ: four to three.
  INLINE void weight_gradient(vec *u, int step) {
    const vec half = 0.5f, b = u[step], c = u[2 * step];
    u[0] = u[0] + half * (b + c);
    u[step] = half * (b - c);
    u[2 * step] = half * (b + c) + u[3 * step];
  }
};

/// F(4, 3), points 0, ±1, 1/2, -2, ∞, which round less than ±2 do: in float32 0.6 times as much in two dimensions (Barabasz et
/// al. 2018, arXiv:1803.10986).
struct F4 {
  static constexpr int outputs = 4, points = 6;
  INLINE void input(vec *d, int step) {
    const vec a = d[0], b = d[step], c = d[2 * step], e = d[3 * step], f = d[4 * step], g = d[5 * step];
    const vec u = f - c, w = e - b, more = 1.5f;
    const vec p = fma(more, e, u), q = fma(more, c, w);
    d[0] = fma(more, w, (a - c) + u);
    d[step] = p + q;
    d[2 * step] = p - q;
    d[3 * step] = fma((vec)2.0f, w, u);
    d[4 * step] = fma((vec)-0.5f, w, u);
    d[5 * step] = fma(more, u, (g - e) - w);
  }
  INLINE void output(vec *m, int step) {
    const vec a = m[0], b = m[step], c = m[2 * step], e = m[3 * step], f = m[4 * step], g = m[5 * step];
    const vec p = b + c, q = b - c;
    m[0] = a + p + (e + f);
    m[step] = fma((vec)0.5f, e, fma((vec)-2.0f, f, q));
    m[2 * step] = fma((vec)0.25f, e, fma((vec)4.0f, f, p));
    m[3 * step] = fma((vec)0.125f, e, fma((vec)-8.0f, f, q)) + g;
  }
  INLINE void gradient(vec *m, int step) {
    const vec x = m[0], y = m[step], z = m[2 * step], w = m[3 * step];
    const vec p = x + z, q = y + w;
    m[step] = p + q;
    m[2 * step] = p - q;
    m[3 * step] = fma((vec)0.5f, y, fma((vec)0.25f, z, fma((vec)0.125f, w, x)));
    m[4 * step] = fma((vec)-2.0f, y, fma((vec)4.0f, z, fma((vec)-8.0f, w, x)));
    m[5 * step] = w;
  }
  INLINE void weights(vec *w, int step) {
    const vec a = w[0], b = w[step], c = w[2 * step];
    const vec third = 1.0f / 3, fine = 1.0f / 15;
    const vec even = third * (a + c), odd = third * b;
    w[step] = even + odd;
    w[2 * step] = odd - even;
    w[3 * step] = (vec)(-16.0f / 15) * fma((vec)0.25f, c, fma((vec)0.5f, b, a));
    w[4 * step] = fine * fma((vec)4.0f, c, fma((vec)-2.0f, b, a));
    w[5 * step] = c;
  }
  INLINE void weight_gradient(vec *u, int step) {
    const vec a = u[0], b = u[step], c = u[2 * step], g = u[5 * step];
    const vec e = (vec)(-16.0f / 15) * u[3 * step], f = (vec)(1.0f / 15) * u[4 * step], third = 1.0f / 3;
    const vec even = third * (b - c);
    u[0] = (a + even) + (e + f);
    u[step] = fma(third, b + c, fma((vec)0.5f, e, (vec)-2.0f * f));
    u[2 * step] = fma((vec)0.25f, e, fma((vec)4.0f, f, even)) + g;
  }
};

/// Where a tile lies: its frame, and its first output line and column.
struct TilePlace {
  int64_t frame, y, x;
};

template <class Y, class X>
INLINE TilePlace place_of(int64_t index, int64_t height, int64_t width) {
  const int64_t across = (width + X::outputs - 1) / X::outputs, down = (height + Y::outputs - 1) / Y::outputs;
  return {index / (across * down), index / across % down * Y::outputs, index % across * X::outputs};
}

/// Transformed tiles as float32, a row each.
struct FloatRows {
  float *row;
  int64_t point_stride;

  FloatRows(float *v, int64_t tile, int64_t channels, int64_t stride) : row(v + tile * channels), point_stride(stride) {}
  INLINE_LAMBDA void put(int point, int64_t c, vec value, int64_t count) const {
    store_some(row + point * point_stride + c, value, count);
  }
  INLINE_LAMBDA void finish(int, int64_t) const {}
};

template <class Y, class X, class Rows, bool ACTIVATE>
static void input_tile(const float *x, int64_t height, int64_t width, int64_t channels, sluice_activation activation,
                       TilePlace place, Rows rows) {
  constexpr int DOWN = Y::points, ACROSS = X::points;
  const float *lines[DOWN];
  bool inside[ACROSS];
  for (int j = 0; j < ACROSS; j++) inside[j] = place.x + j >= 1 && place.x + j <= width;
  for (int i = 0; i < DOWN; i++) {
    const int64_t y = place.y + i - 1;
    lines[i] = y < 0 || y >= height ? nullptr : x + ((place.frame * height + y) * width + place.x - 1) * channels;
  }
  for_vectors(channels, [&](int64_t c, int64_t count) INLINE_LAMBDA {
    vec d[DOWN * ACROSS];
    const vec scale = ACTIVATE ? load_some(activation.scale + c, count) : (vec)0.0f;
    const vec offset = ACTIVATE ? load_some(activation.offset + c, count) : (vec)0.0f;
    UNROLL for (int i = 0; i < DOWN; i++) {
      UNROLL for (int j = 0; j < ACROSS; j++) {
        vec value = 0.0f;
        if (lines[i] && inside[j]) {
          value = load_some(lines[i] + j * channels + c, count);
          if (ACTIVATE) value = relu(fma(value, scale, offset));
        }
        d[i * ACROSS + j] = value;
      }
    }
    UNROLL for (int i = 0; i < DOWN; i++) X::input(d + i * ACROSS, 1);
    UNROLL for (int j = 0; j < ACROSS; j++) Y::input(d + j, ACROSS);
    UNROLL for (int i = 0; i < DOWN * ACROSS; i++) rows.put(i, c, d[i], count);
  });
  rows.finish(DOWN * ACROSS, channels);
}

template <class Y, class X, class Rows>
static void winograd_input(const float *x, int64_t height, int64_t width, int64_t channels, sluice_activation activation,
                           int64_t first, int64_t end, float *v, int64_t point_stride) {
  for (int64_t index = first; index < end; index++) {
    const TilePlace place = place_of<Y, X>(index, height, width);
    const Rows rows(v, index - first, channels, point_stride);
    if (activation.scale) {
      input_tile<Y, X, Rows, true>(x, height, width, channels, activation, place, rows);
    } else {
      input_tile<Y, X, Rows, false>(x, height, width, channels, activation, place, rows);
    }
  }
}

template <class Y, class X>
static void winograd_output(const float *q, int64_t point_stride, int64_t height, int64_t width, int64_t channels,
                            int64_t first, int64_t end, float *y) {
  constexpr int DOWN = Y::points, ACROSS = X::points;
  for (int64_t index = first; index < end; index++, q += channels) {
    const TilePlace place = place_of<Y, X>(index, height, width);
    float *corner = y + ((place.frame * height + place.y) * width + place.x) * channels;
    for_vectors(channels, [&](int64_t c, int64_t count) INLINE_LAMBDA {
      vec m[DOWN * ACROSS];
      UNROLL for (int i = 0; i < DOWN * ACROSS; i++) m[i] = load_some(q + i * point_stride + c, count);
      UNROLL for (int j = 0; j < ACROSS; j++) Y::output(m + j, ACROSS);
      UNROLL for (int i = 0; i < Y::outputs; i++) X::output(m + i * ACROSS, 1);
      UNROLL for (int i = 0; i < Y::outputs; i++) {
        UNROLL for (int j = 0; j < X::outputs; j++) {
          if (place.y + i < height && place.x + j < width)
            store_some(corner + (i * width + j) * channels + c, m[i * ACROSS + j], count);
        }
      }
    });
  }
}

template <class Y, class X, class Rows>
static void winograd_gradient(const float *dy, int64_t height, int64_t width, int64_t channels, int64_t first,
                              int64_t end, float *q, int64_t point_stride) {
  constexpr int DOWN = Y::points, ACROSS = X::points;
  for (int64_t index = first; index < end; index++) {
    const TilePlace place = place_of<Y, X>(index, height, width);
    const Rows rows(q, index - first, channels, point_stride);
    const float *corner = dy + ((place.frame * height + place.y) * width + place.x) * channels;
    for_vectors(channels, [&](int64_t c, int64_t count) INLINE_LAMBDA {
      vec m[DOWN * ACROSS];
      UNROLL for (int i = 0; i < Y::outputs; i++) {
        UNROLL for (int j = 0; j < X::outputs; j++) {
          const bool inside = place.y + i < height && place.x + j < width;
          m[i * ACROSS + j] = inside ? load_some(corner + (i * width + j) * channels + c, count) : (vec)0.0f;
        }
      }
      UNROLL for (int i = 0; i < Y::outputs; i++) X::gradient(m + i * ACROSS, 1);
      UNROLL for (int j = 0; j < ACROSS; j++) Y::gradient(m + j, ACROSS);
      UNROLL for (int i = 0; i < DOWN * ACROSS; i++) rows.put(i, c, m[i], count);
    });
    rows.finish(DOWN * ACROSS, channels);
  }
}

/// G g Gᵀ of `count` kernels of 3x3, `stride` elements apart, in the lanes of `u`; reversed for backward-data.
template <class Y, class X>
INLINE void transform_kernels(const float *from, int64_t stride, int64_t count, bool reversed, vec *u) {
  alignas(64) float taps[9][WIDTH] = {};
  for (int64_t j = 0; j < count; j++, from += stride) {
    for (int tap = 0; tap < 9; tap++) taps[tap][j] = from[reversed ? 8 - tap : tap];
  }
  UNROLL for (int i = 0; i < 3; i++) {
    UNROLL for (int j = 0; j < 3; j++) u[i * X::points + j] = load(taps[i * 3 + j]);
  }
  UNROLL for (int i = 0; i < 3; i++) X::weights(u + i * X::points, 1);
  UNROLL for (int j = 0; j < X::points; j++) Y::weights(u + j, X::points);
}

/// Transformed kernels as float32: a lane for each element of a row.
struct FloatLanes {
  static constexpr int rows = 1;
  INLINE void put(float *to, vec row, vec) { store(to, row); }
};

template <class Y, class X, class Lanes>
static void winograd_weights(const float *weights, int64_t outputs, int64_t inputs, bool transposed, int64_t first,
                             int64_t end, float *panels, int64_t point_stride) {
  constexpr int POINTS = Y::points * X::points;
  const int64_t depth = transposed ? outputs : inputs, columns = transposed ? inputs : outputs;
  const int64_t row_stride = transposed ? inputs * 9 : 9, column_stride = transposed ? 9 : inputs * 9;
  for_panels(columns, (depth + Lanes::rows - 1) / Lanes::rows, [&](int64_t index, Panel panel) {
    if (index < first || index >= end) return;
    for (int64_t row = 0; row < depth; row += Lanes::rows) {
      for (int64_t v = 0; v < panel.vectors; v++) {
        const int64_t column = panel.column + v * WIDTH;
        const int64_t count = columns - column < WIDTH ? columns - column : (int64_t)WIDTH;
        const float *from = weights + row * row_stride + column * column_stride;
        vec u[Lanes::rows][POINTS];
        for (int r = 0; r < Lanes::rows; r++)
          transform_kernels<Y, X>(from + r * row_stride, column_stride, row + r < depth ? count : 0, transposed, u[r]);
        float *to = panels + panel.offset + (row / Lanes::rows * panel.vectors + v) * WIDTH;
        UNROLL for (int i = 0; i < POINTS; i++) Lanes::put(to + i * point_stride, u[0][i], u[Lanes::rows - 1][i]);
      }
    }
  });
}

template <class Y, class X>
static void winograd_weight_gradient(const float *d, int64_t parts, int64_t part_stride, int64_t point_stride,
                                     int64_t row_stride, int64_t outputs, int64_t inputs, bool accumulate, float *gradient,
                                     int64_t gradient_stride) {
  constexpr int POINTS = Y::points * X::points, BLOCK = 16;
  // Gathered here first, so that gradients are written in runs.
  alignas(64) float runs[WIDTH][BLOCK * 9];
  for (int64_t output = 0; output < outputs; output += WIDTH) {
    const int64_t count = outputs - output < WIDTH ? outputs - output : (int64_t)WIDTH;
    for (int64_t start = 0; start < inputs; start += BLOCK) {
      const int64_t rows = inputs - start < BLOCK ? inputs - start : (int64_t)BLOCK;
      for (int64_t row = 0; row < rows; row++) {
        vec u[POINTS];
        UNROLL for (int i = 0; i < POINTS; i++) {
          const float *from = d + i * point_stride + (start + row) * row_stride + output;
          vec sum = load_some(from, count);
          for (int64_t part = 1; part < parts; part++) sum += load_some(from + part * part_stride, count);
          u[i] = sum;
        }
        UNROLL for (int j = 0; j < X::points; j++) Y::weight_gradient(u + j, X::points);
        UNROLL for (int i = 0; i < 3; i++) X::weight_gradient(u + i * X::points, 1);
        alignas(64) float taps[9][WIDTH];
        UNROLL for (int i = 0; i < 3; i++) {
          UNROLL for (int j = 0; j < 3; j++) store(taps[i * 3 + j], u[i * X::points + j]);
        }
        for (int64_t j = 0; j < count; j++) {
          for (int tap = 0; tap < 9; tap++) runs[j][row * 9 + tap] = taps[tap][j];
        }
      }
      for (int64_t j = 0; j < count; j++) {
        float *to = gradient + (output + j) * gradient_stride + start * 9;
        if (accumulate) {
          for (int64_t i = 0; i < rows * 9; i++) to[i] += runs[j][i];
        } else {
          memcpy(to, runs[j], (size_t)(rows * 9) * sizeof(float));
        }
      }
    }
  }
}

static const sluice_winograd_kernels winograd_2x2 = {
    2, 2, &products, winograd_input<F2, F2, FloatRows>, winograd_input<F2, F2, FloatRows>,
    winograd_gradient<F2, F2, FloatRows>, winograd_output<F2, F2>, winograd_weights<F2, F2, FloatLanes>,
    winograd_weight_gradient<F2, F2>,
};
static const sluice_winograd_kernels winograd_4x4 = {
    4, 4, &products, winograd_input<F4, F4, FloatRows>, winograd_input<F4, F4, FloatRows>,
    winograd_gradient<F4, F4, FloatRows>, winograd_output<F4, F4>, winograd_weights<F4, F4, FloatLanes>,
    winograd_weight_gradient<F4, F4>,
};
