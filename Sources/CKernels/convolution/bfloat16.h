// Products of bfloat16 pairs summed in float32; included by paths.cpp inside the namespace of a set that has them.
//
// Rows hold channels in pairs, padded to an even number. A pair is one 32-bit lane: the earlier element in the low half.

/// sum + the pair in the lane `factor` times each of `values`.
INLINE __m512 multiply_pairs(__m512 sum, float factor, __m512i values) {
  return _mm512_dpbf16_ps(sum, (__m512bh)_mm512_set1_ps(factor), (__m512bh)values);
}

INLINE __m512i load_pairs(const float *p, int64_t count) {
  return _mm512_maskz_loadu_epi32((__mmask16)((1u << count) - 1), p);
}

/// Sixteen floats rounded to bfloat16, each in the low half of a lane.
INLINE __m512i rounded(vec v) { return _mm512_cvtepu16_epi32((__m256i)_mm512_cvtneps_pbh((__m512)v)); }

/// Lanes of an earlier and a later element.
INLINE __m512i pair_up(__m512i low, __m512i high) { return _mm512_or_si512(low, _mm512_slli_epi32(high, 16)); }

INLINE vec load_activated(const float *x, int64_t c, int64_t count, sluice_activation activation) {
  vec v = load_some(x + c, count);
  if (activation.scale) v = relu(fma(v, load_some(activation.scale + c, count), load_some(activation.offset + c, count)));
  return v;
}

static void bf16_rows(const float *x, int64_t rows, int64_t channels, sluice_activation activation, float *y) {
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

static void bf16_stacked_rows(const float *x, int64_t rows, int64_t channels, sluice_activation activation, float *y) {
  for (int64_t row = 0; row < rows; row += 2, x += 2 * channels, y += channels) {
    for_vectors(channels, [&](int64_t c, int64_t count) INLINE_LAMBDA {
      const __m512i low = rounded(load_activated(x, c, count, activation));
      const __m512i high =
          row + 1 < rows ? rounded(load_activated(x + channels, c, count, activation)) : _mm512_setzero_si512();
      _mm512_mask_storeu_epi32(y + c, (__mmask16)((1u << count) - 1), pair_up(low, high));
    });
  }
}

static void bf16_pack_panels(const float *weights, int64_t outputs, int64_t inputs, int64_t all_taps, const int64_t *taps,
                             int64_t tap_count, bool transposed, int64_t first, int64_t end, float *panels) {
  const int64_t depth = transposed ? outputs : inputs, columns = transposed ? inputs : outputs;
  const int64_t depth_stride = transposed ? inputs * all_taps : all_taps;
  const int64_t column_stride = transposed ? all_taps : inputs * all_taps;
  const int64_t pairs = (depth + 1) / 2;
  for_panels(columns, tap_count * pairs, [&](int64_t index, Panel panel) {
    if (index < first || index >= end) return;
    const int64_t wide = panel.vectors * WIDTH;
    for (int64_t pair = 0; pair < pairs; pair++) {
      for (int64_t tap = 0; tap < tap_count; tap++) {
        float *to = panels + panel.offset + (tap * pairs + pair) * wide;
        for (int64_t j = 0; j < wide; j += WIDTH) {
          alignas(64) float low[WIDTH] = {}, high[WIDTH] = {};
          for (int64_t i = 0; i < WIDTH && panel.column + j + i < columns; i++) {
            const float *from = weights + (panel.column + j + i) * column_stride + 2 * pair * depth_stride + taps[tap];
            low[i] = from[0];
            if (2 * pair + 1 < depth) high[i] = from[depth_stride];
          }
          _mm512_storeu_si512(to + j, pair_up(rounded(load(low)), rounded(load(high))));
        }
      }
    }
  });
}

template <int ROWS, int VECTORS>
static void bf16_tile(const float *const *taps, int64_t tap_count, int64_t first, int64_t pairs, const float *panel,
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
    const float *x = taps[tap] + first * pairs;
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
static void bf16_panel(const float *const *taps, int64_t tap_count, int64_t rows, int64_t pairs, const float *panel,
                       float *y, int64_t y_stride, int64_t last) {
  constexpr int ROWS = tile_rows(VECTORS);
  int64_t row = 0;
  for (; row + ROWS <= rows; row += ROWS)
    bf16_tile<ROWS, VECTORS>(taps, tap_count, row, pairs, panel, y + row * y_stride, y_stride, last);
  for (; row + 4 <= rows; row += 4)
    bf16_tile<4, VECTORS>(taps, tap_count, row, pairs, panel, y + row * y_stride, y_stride, last);
  for (; row < rows; row++)
    bf16_tile<1, VECTORS>(taps, tap_count, row, pairs, panel, y + row * y_stride, y_stride, last);
}

static void bf16_product(const float *const *taps, int64_t tap_count, int64_t rows, int64_t pairs, const float *panels,
                         int64_t columns, float *y, int64_t y_stride) {
  for_panels(columns, tap_count * pairs, [&](int64_t, Panel panel) {
#define CALL(VECTORS) \
  bf16_panel<VECTORS>(taps, tap_count, rows, pairs, panels + panel.offset, y + panel.column, y_stride, panel.last)
    WITH_VECTORS(panel.vectors, CALL)
#undef CALL
  });
}

template <int ROWS, int VECTORS>
static void bf16_transposed_tile(const float *x, int64_t x_stride, const float *y, int64_t y_stride, int64_t pairs,
                                 float *d, int64_t d_stride, int64_t last, bool accumulate) {
  __m512 sum[ROWS][VECTORS];
  UNROLL for (int i = 0; i < ROWS; i++) {
    UNROLL for (int v = 0; v < VECTORS; v++) {
      const float *from = d + i * d_stride + v * WIDTH;
      sum[i][v] = !accumulate ? _mm512_setzero_ps() : (__m512)load_some(from, v == VECTORS - 1 ? last : (int64_t)WIDTH);
    }
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
static void bf16_transposed_panel(const float *x, int64_t x_stride, int64_t length, const float *y, int64_t y_stride,
                                  int64_t pairs, float *d, int64_t d_stride, int64_t last, bool accumulate) {
  constexpr int ROWS = tile_rows(VECTORS);
  int64_t c = 0;
  for (; c + ROWS <= length; c += ROWS)
    bf16_transposed_tile<ROWS, VECTORS>(x + c, x_stride, y, y_stride, pairs, d + c * d_stride, d_stride, last, accumulate);
  for (; c + 4 <= length; c += 4)
    bf16_transposed_tile<4, VECTORS>(x + c, x_stride, y, y_stride, pairs, d + c * d_stride, d_stride, last, accumulate);
  for (; c < length; c++)
    bf16_transposed_tile<1, VECTORS>(x + c, x_stride, y, y_stride, pairs, d + c * d_stride, d_stride, last, accumulate);
}

static void bf16_product_transposed(const float *x, int64_t x_stride, int64_t length, const float *y, int64_t y_stride,
                                    int64_t columns, int64_t pairs, float *d, int64_t d_stride, bool accumulate) {
  for_panels(columns, 0, [&](int64_t, Panel panel) {
#define CALL(VECTORS)                                                                                                 \
  bf16_transposed_panel<VECTORS>(x, x_stride, length, y + panel.column, y_stride, pairs, d + panel.column, d_stride, \
                                 panel.last, accumulate)
    WITH_VECTORS(panel.vectors, CALL)
#undef CALL
  });
}

static const sluice_products bf16_products = {
    2, bf16_rows, bf16_stacked_rows, bf16_pack_panels, bf16_product, bf16_product_transposed,
};

/// Transformed tiles as bfloat16, a row each, in pairs of channels.
struct ChannelPairs {
  uint16_t *row;
  int64_t point_stride;

  ChannelPairs(float *v, int64_t tile, int64_t channels, int64_t stride)
      : row(reinterpret_cast<uint16_t *>(v + tile * ((channels + 1) / 2))), point_stride(2 * stride) {}
  INLINE_LAMBDA void put(int point, int64_t c, vec value, int64_t count) const {
    _mm256_mask_storeu_epi16(row + point * point_stride + c, (__mmask16)((1u << count) - 1),
                             (__m256i)_mm512_cvtneps_pbh((__m512)value));
  }
  INLINE_LAMBDA void finish(int points, int64_t channels) const {
    if (channels % 2 == 0) return;
    for (int point = 0; point < points; point++) row[point * point_stride + channels] = 0;
  }
};

/// Transformed tiles as bfloat16, two to a row of pairs: even ones write the low halves and clear the high ones.
struct TilePairs {
  float *row;
  int64_t point_stride;
  bool is_second;

  TilePairs(float *v, int64_t tile, int64_t channels, int64_t stride)
      : row(v + tile / 2 * channels), point_stride(stride), is_second(tile % 2) {}
  INLINE_LAMBDA void put(int point, int64_t c, vec value, int64_t count) const {
    float *to = row + point * point_stride + c;
    __m512i lanes = rounded(value);
    if (is_second) lanes = pair_up(load_pairs(to, count), lanes);
    _mm512_mask_storeu_epi32(to, (__mmask16)((1u << count) - 1), lanes);
  }
  INLINE_LAMBDA void finish(int, int64_t) const {}
};

/// Transformed kernels as bfloat16: a lane for two elements of a row.
struct PairLanes {
  static constexpr int rows = 2;
  INLINE void put(float *to, vec low, vec high) { _mm512_storeu_si512(to, pair_up(rounded(low), rounded(high))); }
};

static const sluice_winograd_kernels winograd_2x4 = {
    2, 4, &bf16_products, winograd_input<F2, F4, ChannelPairs>, winograd_input<F2, F4, TilePairs>,
    winograd_gradient<F2, F4, TilePairs>, winograd_output<F2, F4>, winograd_weights<F2, F4, PairLanes>,
    winograd_weight_gradient<F2, F4>,
};
