// Winograd's minimal filtering through frames; included by paths.cpp inside an instruction set's namespace.

template <class F, bool ACTIVATE>
static void line_input(const float *const *frames, int64_t rows, int64_t channels, sluice_activation activation,
                       float *v, int64_t point_stride) {
  for (int64_t row = 0; row < rows; row++) {
    for_vectors(channels, [&](int64_t c, int64_t count) INLINE_LAMBDA {
      const vec scale = ACTIVATE ? load_some(activation.scale + c, count) : (vec)0.0f;
      const vec offset = ACTIVATE ? load_some(activation.offset + c, count) : (vec)0.0f;
      const int64_t at = row * channels + c;
      vec d[F::points];
      UNROLL for (int i = 0; i < F::points; i++) {
        vec value = 0.0f;
        if (frames[i]) {
          value = load_some(frames[i] + at, count);
          if (ACTIVATE) value = relu(fma(value, scale, offset));
        }
        d[i] = value;
      }
      F::input(d, 1);
      UNROLL for (int i = 0; i < F::points; i++) store_some(v + i * point_stride + at, d[i], count);
    });
  }
}

template <class F>
static void lines_input(const float *const *frames, int64_t rows, int64_t channels, sluice_activation activation,
                        float *v, int64_t point_stride) {
  if (activation.scale) {
    line_input<F, true>(frames, rows, channels, activation, v, point_stride);
  } else {
    line_input<F, false>(frames, 1, rows * channels, activation, v, point_stride);
  }
}

template <class F>
static void lines_output(const float *q, int64_t point_stride, int64_t count, float *const *frames) {
  for_vectors(count, [&](int64_t c, int64_t some) INLINE_LAMBDA {
    vec m[F::points];
    UNROLL for (int i = 0; i < F::points; i++) m[i] = load_some(q + i * point_stride + c, some);
    F::output(m, 1);
    UNROLL for (int i = 0; i < F::outputs; i++) {
      if (frames[i]) store_some(frames[i] + c, m[i], some);
    }
  });
}

template <class F>
static void lines_gradient(const float *const *frames, int64_t count, float *q, int64_t point_stride) {
  for_vectors(count, [&](int64_t c, int64_t some) INLINE_LAMBDA {
    vec m[F::points];
    UNROLL for (int i = 0; i < F::outputs; i++) m[i] = frames[i] ? load_some(frames[i] + c, some) : (vec)0.0f;
    F::gradient(m, 1);
    UNROLL for (int i = 0; i < F::points; i++) store_some(q + i * point_stride + c, m[i], some);
  });
}

template <class F>
static void lines_weights(const float *weights, int64_t count, bool reversed, float *u) {
  for (int64_t first = 0; first < count; first += WIDTH) {
    const int64_t some = count - first < WIDTH ? count - first : (int64_t)WIDTH;
    alignas(64) float lanes[F::points][WIDTH] = {};
    for (int64_t j = 0; j < some; j++) {
      for (int tap = 0; tap < 3; tap++) lanes[tap][j] = weights[(first + j) * 3 + (reversed ? 2 - tap : tap)];
    }
    vec w[F::points];
    UNROLL for (int tap = 0; tap < 3; tap++) w[tap] = load(lanes[tap]);
    F::weights(w, 1);
    UNROLL for (int i = 0; i < F::points; i++) store(lanes[i], w[i]);
    for (int64_t j = 0; j < some; j++) {
      for (int i = 0; i < F::points; i++) u[(first + j) * F::points + i] = lanes[i][j];
    }
  }
}

template <class F>
static void lines_weight_gradient(float *d, int64_t parts, int64_t part_stride, int64_t point_stride, int64_t count) {
  for_vectors(count, [&](int64_t c, int64_t some) INLINE_LAMBDA {
    vec u[F::points];
    UNROLL for (int i = 0; i < F::points; i++) {
      vec sum = load_some(d + i * point_stride + c, some);
      for (int64_t part = 1; part < parts; part++) sum += load_some(d + part * part_stride + i * point_stride + c, some);
      u[i] = sum;
    }
    F::weight_gradient(u, 1);
    UNROLL for (int tap = 0; tap < 3; tap++) store_some(d + tap * point_stride + c, u[tap], some);
  });
}

static const sluice_time_kernels through_time = {
    F4::outputs, F4::points, lines_input<F4>, lines_output<F4>, lines_gradient<F4>, lines_weights<F4>,
    lines_weight_gradient<F4>,
};
