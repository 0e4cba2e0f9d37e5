// Loading of inputs with their activation, as they are or unfolded; included by paths.cpp inside a namespace.

static void activate(const float *x, int64_t rows, int64_t channels, sluice_activation activation, float *y) {
  for (int64_t row = 0; row < rows; row++, x += channels, y += channels) {
    for_vectors(channels, [&](int64_t c, int64_t count) INLINE_LAMBDA {
      const vec scale = load_some(activation.scale + c, count), offset = load_some(activation.offset + c, count);
      store_some(y + c, relu(fma(load_some(x + c, count), scale, offset)), count);
    });
  }
}

/// `count` floats; runs of a few are too short for a call of memcpy.
INLINE void copy(const float *from, int64_t count, float *to) {
  if (count > 16 * WIDTH) {
    memcpy(to, from, (size_t)count * sizeof(float));
  } else {
    for_vectors(count, [&](int64_t c, int64_t some) INLINE_LAMBDA { store_some(to + c, load_some(from + c, some), some); });
  }
}

/// `positions` neighbouring positions of x, activated if asked; zeros where x is NULL.
INLINE void copy_positions(const float *x, int64_t positions, int64_t channels, sluice_activation activation, float *y) {
  if (!x) {
    for_vectors(positions * channels, [&](int64_t c, int64_t some) INLINE_LAMBDA { store_some(y + c, (vec)0.0f, some); });
  } else if (activation.scale) {
    activate(x, positions, channels, activation, y);
  } else {
    copy(x, positions * channels, y);
  }
}

static void unfold(const float *x, const sluice_geometry *g, sluice_activation activation, int64_t first, int64_t end,
                   float *columns) {
  const int64_t channels = g->in_channels;
  for (int64_t row = first; row < end; row++) {
    const int64_t w = row % g->out_width, h = row / g->out_width % g->out_height;
    const int64_t t = row / (g->out_width * g->out_height) % g->out_frames;
    const int64_t n = row / (g->out_width * g->out_height * g->out_frames);
    const int64_t left = w * g->stride_width - g->pad_width;
    const int64_t skip = left < 0 ? (-left < g->kernel_width ? -left : g->kernel_width) : 0;
    int64_t stop = g->in_width - left < g->kernel_width ? g->in_width - left : g->kernel_width;
    if (stop < skip) stop = skip;
    for (int64_t i = 0; i < g->kernel_frames; i++) {
      const int64_t frame = t * g->stride_frames - g->pad_frames + i;
      for (int64_t j = 0; j < g->kernel_height; j++, columns += g->kernel_width * channels) {
        const int64_t line = h * g->stride_height - g->pad_height + j;
        const bool inside = frame >= 0 && frame < g->in_frames && line >= 0 && line < g->in_height;
        const float *from =
            inside ? x + (((n * g->in_frames + frame) * g->in_height + line) * g->in_width + left) * channels : nullptr;
        copy_positions(nullptr, skip, channels, activation, columns);
        copy_positions(from ? from + skip * channels : nullptr, stop - skip, channels, activation,
                       columns + skip * channels);
        copy_positions(nullptr, g->kernel_width - stop, channels, activation, columns + stop * channels);
      }
    }
  }
}
