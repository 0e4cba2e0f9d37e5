// Winograd's minimal filtering F(2x2, 3x3) and F(4x4, 3x3) (Lavin and Gray 2016, arXiv:1509.09308), points 0, ±1, ±2, ∞;
// included by paths.cpp inside an instruction set's namespace. `step` is the distance between the vectors of a line.

template <int TILE>
struct Transform;

template <>
struct Transform<2> {
  static constexpr int points = 4;
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

template <>
struct Transform<4> {
  static constexpr int points = 6;
  INLINE void input(vec *d, int step) {
    const vec a = d[0], b = d[step], c = d[2 * step], e = d[3 * step], f = d[4 * step], g = d[5 * step];
    const vec two = 2.0f, four = 4.0f, five = 5.0f;
    const vec p = fma(-four, c, f), q = fma(-four, b, e), u = f - c, v = two * (e - b);
    d[0] = fma(four, a, fma(-five, c, f));
    d[step] = p + q;
    d[2 * step] = p - q;
    d[3 * step] = u + v;
    d[4 * step] = u - v;
    d[5 * step] = fma(four, b, fma(-five, e, g));
  }
  INLINE void output(vec *m, int step) {
    const vec a = m[0], b = m[step], c = m[2 * step], e = m[3 * step], f = m[4 * step], g = m[5 * step];
    const vec p = b + c, q = b - c, u = e + f, v = e - f;
    m[0] = a + p + u;
    m[step] = fma((vec)2.0f, v, q);
    m[2 * step] = fma((vec)4.0f, u, p);
    m[3 * step] = fma((vec)8.0f, v, q) + g;
  }
  INLINE void gradient(vec *m, int step) {
    const vec x = m[0], y = m[step], z = m[2 * step], w = m[3 * step];
    const vec p = x + z, q = y + w, s = fma((vec)4.0f, z, x), t = fma((vec)8.0f, w, (vec)2.0f * y);
    m[step] = p + q;
    m[2 * step] = p - q;
    m[3 * step] = s + t;
    m[4 * step] = s - t;
    m[5 * step] = w;
  }
  INLINE void weights(vec *w, int step) {
    const vec a = w[0], b = w[step], c = w[2 * step];
    const vec sixth = -1.0f / 6, fine = 1.0f / 24, middle = 1.0f / 12;
    const vec even = sixth * (a + c), odd = sixth * b;
    const vec far = fma(fine, a, -sixth * c), near = middle * b;
    w[0] = (vec)0.25f * a;
    w[step] = even + odd;
    w[2 * step] = even - odd;
    w[3 * step] = far + near;
    w[4 * step] = far - near;
    w[5 * step] = c;
  }
  INLINE void weight_gradient(vec *u, int step) {
    const vec a = u[0], b = u[step], c = u[2 * step], e = u[3 * step], f = u[4 * step], g = u[5 * step];
    const vec sixth = 1.0f / 6, fine = 1.0f / 24, middle = 1.0f / 12;
    const vec near = b + c, far = e + f;
    u[0] = fma((vec)0.25f, a, fma(fine, far, -sixth * near));
    u[step] = fma(sixth, c - b, middle * (e - f));
    u[2 * step] = fma(sixth, far - near, g);
  }
};

/// Where a tile lies: its frame, and its first output line and column.
struct TilePlace {
  int64_t frame, y, x;
};

INLINE TilePlace place_of(int64_t index, const sluice_tiling &tiling, int tile) {
  const int64_t across = (tiling.width + tile - 1) / tile, down = (tiling.height + tile - 1) / tile;
  return {index / (across * down), index / across % down * tile, index % across * tile};
}

template <int TILE, bool ACTIVATE>
static void input_tile(const float *x, const sluice_tiling &tiling, int64_t channels, sluice_activation activation,
                       TilePlace place, float *v, int64_t point_stride) {
  constexpr int POINTS = Transform<TILE>::points;
  const float *lines[POINTS];
  bool inside[POINTS];
  for (int i = 0; i < POINTS; i++) {
    const int64_t y = place.y + i - 1, column = place.x + i - 1;
    inside[i] = column >= 0 && column < tiling.width;
    lines[i] = y < 0 || y >= tiling.height
                   ? nullptr
                   : x + ((place.frame * tiling.height + y) * tiling.width + place.x - 1) * channels;
  }
  for_vectors(channels, [&](int64_t c, int64_t count) INLINE_LAMBDA {
    vec d[POINTS * POINTS];
    const vec scale = ACTIVATE ? load_some(activation.scale + c, count) : (vec)0.0f;
    const vec offset = ACTIVATE ? load_some(activation.offset + c, count) : (vec)0.0f;
    UNROLL for (int i = 0; i < POINTS; i++) {
      UNROLL for (int j = 0; j < POINTS; j++) {
        vec value = 0.0f;
        if (lines[i] && inside[j]) {
          value = load_some(lines[i] + j * channels + c, count);
          if (ACTIVATE) value = relu(fma(value, scale, offset));
        }
        d[i * POINTS + j] = value;
      }
    }
    UNROLL for (int i = 0; i < POINTS; i++) Transform<TILE>::input(d + i * POINTS, 1);
    UNROLL for (int j = 0; j < POINTS; j++) Transform<TILE>::input(d + j, POINTS);
    UNROLL for (int i = 0; i < POINTS * POINTS; i++) store_some(v + i * point_stride + c, d[i], count);
  });
}

template <int TILE>
static void winograd_input_tiles(const float *x, sluice_tiling tiling, int64_t channels, sluice_activation activation,
                                 int64_t first, int64_t end, float *v, int64_t point_stride) {
  for (int64_t index = first; index < end; index++, v += channels) {
    const TilePlace place = place_of(index, tiling, TILE);
    if (activation.scale) {
      input_tile<TILE, true>(x, tiling, channels, activation, place, v, point_stride);
    } else {
      input_tile<TILE, false>(x, tiling, channels, activation, place, v, point_stride);
    }
  }
}

template <int TILE>
static void winograd_output_tiles(const float *q, int64_t point_stride, sluice_tiling tiling, int64_t channels,
                                  int64_t first, int64_t end, float *y) {
  constexpr int POINTS = Transform<TILE>::points;
  for (int64_t index = first; index < end; index++, q += channels) {
    const TilePlace place = place_of(index, tiling, TILE);
    float *corner = y + ((place.frame * tiling.height + place.y) * tiling.width + place.x) * channels;
    for_vectors(channels, [&](int64_t c, int64_t count) INLINE_LAMBDA {
      vec m[POINTS * POINTS];
      UNROLL for (int i = 0; i < POINTS * POINTS; i++) m[i] = load_some(q + i * point_stride + c, count);
      UNROLL for (int j = 0; j < POINTS; j++) Transform<TILE>::output(m + j, POINTS);
      UNROLL for (int i = 0; i < TILE; i++) Transform<TILE>::output(m + i * POINTS, 1);
      UNROLL for (int i = 0; i < TILE; i++) {
        UNROLL for (int j = 0; j < TILE; j++) {
          if (place.y + i < tiling.height && place.x + j < tiling.width)
            store_some(corner + (i * tiling.width + j) * channels + c, m[i * POINTS + j], count);
        }
      }
    });
  }
}

template <int TILE>
static void winograd_gradient_tiles(const float *dy, sluice_tiling tiling, int64_t channels, int64_t first, int64_t end,
                                    float *q, int64_t point_stride) {
  constexpr int POINTS = Transform<TILE>::points;
  for (int64_t index = first; index < end; index++, q += channels) {
    const TilePlace place = place_of(index, tiling, TILE);
    const float *corner = dy + ((place.frame * tiling.height + place.y) * tiling.width + place.x) * channels;
    for_vectors(channels, [&](int64_t c, int64_t count) INLINE_LAMBDA {
      vec m[POINTS * POINTS];
      UNROLL for (int i = 0; i < TILE; i++) {
        UNROLL for (int j = 0; j < TILE; j++) {
          const bool inside = place.y + i < tiling.height && place.x + j < tiling.width;
          m[i * POINTS + j] =
              inside ? load_some(corner + (i * tiling.width + j) * channels + c, count) : (vec)0.0f;
        }
      }
      UNROLL for (int i = 0; i < TILE; i++) Transform<TILE>::gradient(m + i * POINTS, 1);
      UNROLL for (int j = 0; j < POINTS; j++) Transform<TILE>::gradient(m + j, POINTS);
      UNROLL for (int i = 0; i < POINTS * POINTS; i++) store_some(q + i * point_stride + c, m[i], count);
    });
  }
}

template <int TILE>
static void winograd_weight_panels(const float *weights, int64_t outputs, int64_t inputs, bool transposed, int64_t first,
                                   int64_t end, float *panels, int64_t point_stride) {
  constexpr int POINTS = Transform<TILE>::points;
  const int64_t depth = transposed ? outputs : inputs, columns = transposed ? inputs : outputs;
  const int64_t row_stride = transposed ? inputs * 9 : 9, column_stride = transposed ? 9 : inputs * 9;
  for_panels(columns, depth, [&](int64_t index, Panel panel) {
    if (index < first || index >= end) return;
    for (int64_t row = 0; row < depth; row++) {
      for (int64_t v = 0; v < panel.vectors; v++) {
        const int64_t column = panel.column + v * WIDTH;
        const int64_t valid = columns - column < WIDTH ? columns - column : (int64_t)WIDTH;
        alignas(64) float taps[9][WIDTH] = {};
        const float *from = weights + row * row_stride + column * column_stride;
        for (int64_t j = 0; j < valid; j++, from += column_stride) {
          for (int tap = 0; tap < 9; tap++) taps[tap][j] = from[transposed ? 8 - tap : tap];
        }
        vec u[POINTS * POINTS];
        UNROLL for (int i = 0; i < 3; i++) {
          UNROLL for (int j = 0; j < 3; j++) u[i * POINTS + j] = load(taps[i * 3 + j]);
        }
        UNROLL for (int i = 0; i < 3; i++) Transform<TILE>::weights(u + i * POINTS, 1);
        UNROLL for (int j = 0; j < POINTS; j++) Transform<TILE>::weights(u + j, POINTS);
        float *to = panels + panel.offset + (row * panel.vectors + v) * WIDTH;
        UNROLL for (int i = 0; i < POINTS * POINTS; i++) store(to + i * point_stride, u[i]);
      }
    }
  });
}

template <int TILE>
static void winograd_weight_gradient_tiles(const float *d, int64_t parts, int64_t part_stride, int64_t outputs,
                                           int64_t inputs, int64_t first, int64_t end, float *gradient) {
  constexpr int POINTS = Transform<TILE>::points;
  for (int64_t output = first; output < end; output += WIDTH) {
    const int64_t count = end - output < WIDTH ? end - output : (int64_t)WIDTH;
    for (int64_t input = 0; input < inputs; input++) {
      vec u[POINTS * POINTS];
      UNROLL for (int i = 0; i < POINTS * POINTS; i++) {
        const float *from = d + (i * inputs + input) * outputs + output;
        vec sum = load_some(from, count);
        for (int64_t part = 1; part < parts; part++) sum += load_some(from + part * part_stride, count);
        u[i] = sum;
      }
      UNROLL for (int j = 0; j < POINTS; j++) Transform<TILE>::weight_gradient(u + j, POINTS);
      UNROLL for (int i = 0; i < 3; i++) Transform<TILE>::weight_gradient(u + i * POINTS, 1);
      alignas(64) float taps[9][WIDTH];
      UNROLL for (int i = 0; i < 3; i++) {
        UNROLL for (int j = 0; j < 3; j++) store(taps[i * 3 + j], u[i * POINTS + j]);
      }
      for (int64_t j = 0; j < count; j++) {
        float *to = gradient + ((output + j) * inputs + input) * 9;
        for (int tap = 0; tap < 9; tap++) to[tap] = taps[tap][j];
      }
    }
  }
}
