// Matrix products on tiles of registers; included by paths.cpp inside an instruction set's namespace.

/// Rows of a tile that is `vectors` wide: as many sums as the registers hold beside the operands.
constexpr int tile_rows(int vectors) {
#if WIDTH == 16
  return vectors == 4 ? 6 : vectors == 3 ? 8 : vectors == 2 ? 12 : 14;
#else
  return vectors == 2 ? 6 : 12;
#endif
}

/// Vectors of the next panel when `left` vectors of columns are left.
INLINE int64_t panel_vectors(int64_t left) {
#if WIDTH == 16
  return left == 4 ? 4 : left < 3 ? left : 3;
#else
  return left >= 2 ? 2 : 1;
#endif
}

/// One panel: its first column, vectors, how many columns of the last vector exist, and where it lies when packed.
struct Panel {
  int64_t column, vectors, last, offset;
};

/// Calls body(index, panel) over the panels of so many columns.
template <typename Body>
INLINE void for_panels(int64_t columns, int64_t depth, Body body) {
  int64_t left = (columns + WIDTH - 1) / WIDTH, column = 0, offset = 0;
  for (int64_t index = 0; left > 0; index++) {
    const int64_t vectors = panel_vectors(left), rest = columns - column - (vectors - 1) * WIDTH;
    body(index, Panel{column, vectors, rest < WIDTH ? rest : (int64_t)WIDTH, offset});
    left -= vectors;
    column += vectors * WIDTH;
    offset += depth * vectors * WIDTH;
  }
}

/// `call(VECTORS)` for a number of vectors known at run time.
#undef WITH_VECTORS
#if WIDTH == 16
#define WITH_VECTORS(count, call) \
  switch (count) {                \
    case 4: call(4); break;       \
    case 3: call(3); break;       \
    case 2: call(2); break;       \
    default: call(1); break;      \
  }
#else
#define WITH_VECTORS(count, call) \
  switch (count) {                \
    case 2: call(2); break;       \
    default: call(1); break;      \
  }
#endif

#define UNROLL _Pragma("clang loop unroll(full)")

template <int ROWS, int VECTORS>
INLINE void store_tile(const vec (&sum)[ROWS][VECTORS], float *y, int64_t stride, int64_t last) {
  UNROLL for (int i = 0; i < ROWS; i++) {
    UNROLL for (int v = 0; v < VECTORS - 1; v++) store(y + i * stride + v * WIDTH, sum[i][v]);
    store_some(y + i * stride + (VECTORS - 1) * WIDTH, sum[i][VECTORS - 1], last);
  }
}

template <int ROWS, int VECTORS>
static void product_tile(const float *const *taps, int64_t tap_count, int64_t first, int64_t length,
                         const float *panel, float *y, int64_t y_stride, int64_t last) {
  vec sum[ROWS][VECTORS];
  UNROLL for (int i = 0; i < ROWS; i++) {
    UNROLL for (int v = 0; v < VECTORS; v++) sum[i][v] = 0;
  }
  for (int64_t tap = 0; tap < tap_count; tap++) {
    if (!taps[tap]) {
      panel += length * VECTORS * WIDTH;
      continue;
    }
    const float *x = taps[tap] + first * length;
    for (int64_t c = 0; c < length; c++) {
      vec weight[VECTORS];
      UNROLL for (int v = 0; v < VECTORS; v++) weight[v] = load(panel + v * WIDTH);
      UNROLL for (int i = 0; i < ROWS; i++) {
        const vec value = x[i * length + c];
        UNROLL for (int v = 0; v < VECTORS; v++) sum[i][v] = fma(value, weight[v], sum[i][v]);
      }
      panel += VECTORS * WIDTH;
    }
  }
  store_tile<ROWS, VECTORS>(sum, y, y_stride, last);
}

template <int VECTORS>
static void product_panel(const float *const *taps, int64_t tap_count, int64_t rows, int64_t length,
                          const float *panel, float *y, int64_t y_stride, int64_t last) {
  constexpr int ROWS = tile_rows(VECTORS);
  int64_t row = 0;
  for (; row + ROWS <= rows; row += ROWS)
    product_tile<ROWS, VECTORS>(taps, tap_count, row, length, panel, y + row * y_stride, y_stride, last);
  for (; row + 4 <= rows; row += 4)
    product_tile<4, VECTORS>(taps, tap_count, row, length, panel, y + row * y_stride, y_stride, last);
  for (; row + 2 <= rows; row += 2)
    product_tile<2, VECTORS>(taps, tap_count, row, length, panel, y + row * y_stride, y_stride, last);
  for (; row < rows; row++)
    product_tile<1, VECTORS>(taps, tap_count, row, length, panel, y + row * y_stride, y_stride, last);
}

static void product(const float *const *taps, int64_t tap_count, int64_t rows, int64_t length,
                    const float *panels, int64_t columns, float *y, int64_t y_stride) {
  for_panels(columns, tap_count * length, [&](int64_t, Panel panel) {
#define CALL(VECTORS)                                                                                              \
  product_panel<VECTORS>(taps, tap_count, rows, length, panels + panel.offset, y + panel.column, y_stride, panel.last)
    WITH_VECTORS(panel.vectors, CALL)
#undef CALL
  });
}

template <int ROWS, int VECTORS>
static void transposed_tile(const float *x, int64_t x_stride, const float *y, int64_t y_stride, int64_t rows, float *d,
                            int64_t d_stride, int64_t last, bool accumulate) {
  vec sum[ROWS][VECTORS];
  UNROLL for (int i = 0; i < ROWS; i++) {
    UNROLL for (int v = 0; v < VECTORS; v++) {
      const float *from = d + i * d_stride + v * WIDTH;
      sum[i][v] = !accumulate ? (vec)0.0f : v == VECTORS - 1 ? load_some(from, last) : load(from);
    }
  }
  for (int64_t r = 0; r < rows; r++, x += x_stride, y += y_stride) {
    vec value[VECTORS];
    UNROLL for (int v = 0; v < VECTORS - 1; v++) value[v] = load(y + v * WIDTH);
    value[VECTORS - 1] = load_some(y + (VECTORS - 1) * WIDTH, last);
    UNROLL for (int i = 0; i < ROWS; i++) {
      const vec factor = x[i];
      UNROLL for (int v = 0; v < VECTORS; v++) sum[i][v] = fma(factor, value[v], sum[i][v]);
    }
  }
  store_tile<ROWS, VECTORS>(sum, d, d_stride, last);
}

template <int VECTORS>
static void transposed_panel(const float *x, int64_t x_stride, int64_t length, const float *y, int64_t y_stride,
                             int64_t rows, float *d, int64_t d_stride, int64_t last, bool accumulate) {
  constexpr int ROWS = tile_rows(VECTORS);
  int64_t c = 0;
  for (; c + ROWS <= length; c += ROWS)
    transposed_tile<ROWS, VECTORS>(x + c, x_stride, y, y_stride, rows, d + c * d_stride, d_stride, last, accumulate);
  for (; c + 4 <= length; c += 4)
    transposed_tile<4, VECTORS>(x + c, x_stride, y, y_stride, rows, d + c * d_stride, d_stride, last, accumulate);
  for (; c < length; c++)
    transposed_tile<1, VECTORS>(x + c, x_stride, y, y_stride, rows, d + c * d_stride, d_stride, last, accumulate);
}

static void product_transposed(const float *x, int64_t x_stride, int64_t length, const float *y, int64_t y_stride,
                               int64_t columns, int64_t rows, float *d, int64_t d_stride, bool accumulate) {
  for_panels(columns, 0, [&](int64_t, Panel panel) {
#define CALL(VECTORS)                                                                                              \
  transposed_panel<VECTORS>(x, x_stride, length, y + panel.column, y_stride, rows, d + panel.column, d_stride, \
                            panel.last, accumulate)
    WITH_VECTORS(panel.vectors, CALL)
#undef CALL
  });
}

static int64_t panel_elements(int64_t depth, int64_t columns) {
  return (columns + WIDTH - 1) / WIDTH * WIDTH * depth;
}

static int64_t panel_count(int64_t columns) {
  int64_t count = 0;
  for_panels(columns, 0, [&](int64_t, Panel) { count++; });
  return count;
}

static void pack_panels(const float *weights, int64_t outputs, int64_t inputs, int64_t all_taps, const int64_t *taps,
                        int64_t tap_count, bool transposed, int64_t first, int64_t end, float *panels) {
  const int64_t depth = transposed ? outputs : inputs, columns = transposed ? inputs : outputs;
  const int64_t depth_stride = transposed ? inputs * all_taps : all_taps;
  const int64_t column_stride = transposed ? all_taps : inputs * all_taps;
  for_panels(columns, tap_count * depth, [&](int64_t index, Panel panel) {
    if (index < first || index >= end) return;
    const int64_t wide = panel.vectors * WIDTH;
    const int64_t valid = columns - panel.column < wide ? columns - panel.column : wide;
    for (int64_t row = 0; row < depth; row++) {
      for (int64_t tap = 0; tap < tap_count; tap++) {
        const float *from = weights + panel.column * column_stride + row * depth_stride + taps[tap];
        float *to = panels + panel.offset + (tap * depth + row) * wide;
        for (int64_t j = 0; j < valid; j++) to[j] = from[j * column_stride];
        for (int64_t j = valid; j < wide; j++) to[j] = 0;
      }
    }
  });
}

/// Rows as they lie, activated if asked; stacked rows of single elements are the same.
static void float_rows(const float *x, int64_t rows, int64_t channels, sluice_activation activation, float *y) {
  copy_positions(x, rows, channels, activation, y);
}

static const sluice_products products = {
    1, float_rows, float_rows, pack_panels, product, product_transposed,
};
