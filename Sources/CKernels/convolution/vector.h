// Vectors of WIDTH floats of one instruction set; included by paths.cpp inside that set's namespace.

typedef float vec __attribute__((ext_vector_type(WIDTH)));
typedef float unaligned_vec __attribute__((ext_vector_type(WIDTH), aligned(4)));

INLINE vec load(const float *p) { return *reinterpret_cast<const unaligned_vec *>(p); }
INLINE void store(float *p, vec v) { *reinterpret_cast<unaligned_vec *>(p) = v; }

#if FUSED
INLINE vec fma(vec a, vec b, vec c) { return __builtin_elementwise_fma(a, b, c); }
#else
INLINE vec fma(vec a, vec b, vec c) { return a * b + c; }
#endif

/// The first `count` elements, the others zero; count in 1...WIDTH.
INLINE vec load_part(const float *p, int64_t count) {
#if WIDTH == 16
  return (vec)_mm512_maskz_loadu_ps((__mmask16)((1u << count) - 1), p);
#elif WIDTH == 8
  return (vec)_mm256_maskload_ps(p, _mm256_loadu_si256((const __m256i *)(part_masks + 8 - count)));
#else
  vec v = 0;
  for (int64_t i = 0; i < count; i++) v[i] = p[i];
  return v;
#endif
}

INLINE void store_part(float *p, vec v, int64_t count) {
#if WIDTH == 16
  _mm512_mask_storeu_ps(p, (__mmask16)((1u << count) - 1), (__m512)v);
#elif WIDTH == 8
  _mm256_maskstore_ps(p, _mm256_loadu_si256((const __m256i *)(part_masks + 8 - count)), (__m256)v);
#else
  for (int64_t i = 0; i < count; i++) p[i] = v[i];
#endif
}

INLINE vec relu(vec v) { return __builtin_elementwise_max(v, (vec)0.0f); }

/// Calls body(first channel, channels of this vector) over a row.
template <typename Body>
INLINE void for_vectors(int64_t channels, Body body) {
  for (int64_t c = 0; c < channels; c += WIDTH) body(c, channels - c < WIDTH ? channels - c : (int64_t)WIDTH);
}

INLINE vec load_some(const float *p, int64_t count) { return count == WIDTH ? load(p) : load_part(p, count); }
INLINE void store_some(float *p, vec v, int64_t count) {
  if (count == WIDTH) {
    store(p, v);
  } else {
    store_part(p, v, count);
  }
}
