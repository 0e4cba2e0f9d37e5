// Perceptual hashes of 256 bits, compared and looked up many at a time; compiled once per instruction set, chosen at run time.
#include "CKernels.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

#define INLINE static inline __attribute__((always_inline))

INLINE int64_t smaller(int64_t a, int64_t b) { return a < b ? a : b; }

INLINE int64_t least_of(const uint64_t *hash, const uint64_t *others, int64_t count) {
  int64_t whole = INT64_MAX / 4, part = INT64_MAX / 4;
  for (const uint64_t *other = others; other < others + 4 * count; other += 4) {
    const int64_t top = __builtin_popcountll(hash[0] ^ other[0]);
    const int64_t middle = __builtin_popcountll(hash[1] ^ other[1]) + __builtin_popcountll(hash[2] ^ other[2]);
    const int64_t bottom = __builtin_popcountll(hash[3] ^ other[3]);
    whole = smaller(whole, top + middle + bottom);
    part = smaller(part, middle + smaller(top, bottom));
  }
  return smaller(whole, part * 4 / 3);
}

/// The bits of a word that are set in the mask, side by side, the lowest first.
INLINE uint64_t extracted(uint64_t word, uint64_t mask) {
  uint64_t bits = 0;
  for (int place = 0; mask != 0; mask &= mask - 1, place++) {
    bits |= (word >> __builtin_ctzll(mask) & 1) << place;
  }
  return bits;
}

#define LEAST(NAME, TARGET, LEAST_OF)                                                                                     \
  TARGET static void NAME(const uint64_t *hash, const uint64_t *others, int64_t groups, int64_t stride, int64_t count,    \
                          uint16_t *least) {                                                                              \
    for (int64_t group = 0; group < groups; group++) {                                                                    \
      least[group] = (uint16_t)LEAST_OF(hash, others + 4 * group * stride, count);                                        \
    }                                                                                                                     \
  }

#define KEYS(NAME, TARGET, EXTRACTED)                                                                                     \
  TARGET static void NAME(const uint64_t *hashes, int64_t count, const uint64_t *masks, int64_t tables, uint32_t *keys) { \
    for (int64_t number = 0; number < count; number++) {                                                                  \
      for (int64_t table = 0; table < tables; table++) {                                                                  \
        uint64_t key = 0;                                                                                                 \
        for (int word = 0; word < 4; word++) {                                                                            \
          const uint64_t mask = masks[4 * table + word];                                                                  \
          key = key << __builtin_popcountll(mask) | EXTRACTED(hashes[4 * number + word], mask);                           \
        }                                                                                                                 \
        keys[number * tables + table] = (uint32_t)key;                                                                    \
      }                                                                                                                   \
    }                                                                                                                     \
  }

LEAST(least_portable, , least_of)
KEYS(keys_portable, , extracted)

#if defined(__x86_64__)
LEAST(least_popcnt, __attribute__((target("popcnt"))), least_of)
KEYS(keys_bmi2, __attribute__((target("popcnt,bmi2"))), _pext_u64)

/// Two hashes at a time, a word a lane; what is wanted of the words of each comes to its first lane.
__attribute__((target("avx512f,avx512vpopcntdq"))) static inline int64_t least_of_two(
    const uint64_t *hash, const uint64_t *others, int64_t count) {
  const __m512i wanted = _mm512_broadcast_i64x4(_mm256_loadu_si256((const __m256i *)hash));
  __m512i whole = _mm512_set1_epi64(INT64_MAX / 4), part = whole;
  for (int64_t first = 0; first < count; first += 2) {
    const __mmask8 lanes = count - first > 1 ? 0xFF : 0x0F;
    const __m512i words = _mm512_maskz_loadu_epi64(lanes, others + 4 * first);
    const __m512i counts = _mm512_popcnt_epi64(_mm512_xor_si512(wanted, words));
    const __m512i reversed = _mm512_permutex_epi64(counts, 0x1B);
    const __m512i sums = _mm512_add_epi64(counts, reversed);      // top and bottom, middle, middle, top and bottom
    const __m512i swapped = _mm512_permutex_epi64(sums, 0xB1);    // middle, top and bottom, ...
    whole = _mm512_mask_min_epu64(whole, lanes, whole, _mm512_add_epi64(sums, swapped));
    part = _mm512_mask_min_epu64(part, lanes, part, _mm512_add_epi64(swapped, _mm512_min_epu64(counts, reversed)));
  }
  const __mmask8 firsts = 0x11;
  return smaller(
      (int64_t)_mm512_mask_reduce_min_epu64(firsts, whole), (int64_t)_mm512_mask_reduce_min_epu64(firsts, part) * 4 / 3);
}

LEAST(least_avx512, __attribute__((target("avx512f,avx512vpopcntdq"))), least_of_two)
#endif

void sluice_hash_least_distances(
    const uint64_t *hash, const uint64_t *others, int64_t groups, int64_t stride, int64_t count, uint16_t *least) {
#if defined(__x86_64__)
  const sluice_path path = sluice_current_path();
  if (path >= sluice_path_avx512 && __builtin_cpu_supports("avx512vpopcntdq")) {
    least_avx512(hash, others, groups, stride, count, least);
    return;
  }
  if (path >= sluice_path_avx2 && __builtin_cpu_supports("popcnt")) {
    least_popcnt(hash, others, groups, stride, count, least);
    return;
  }
#endif
  least_portable(hash, others, groups, stride, count, least);
}

void sluice_hash_prefetch(const uint64_t *others, int64_t groups, int64_t stride, int64_t count) {
  for (int64_t group = 0; group < groups; group++) {
    const char *first = (const char *)(others + 4 * group * stride);
    for (int64_t byte = 0; byte < 32 * count; byte += 64) __builtin_prefetch(first + byte);
    __builtin_prefetch(first + 32 * count - 1);
  }
}

void sluice_hash_keys(const uint64_t *hashes, int64_t count, const uint64_t *masks, int64_t tables, uint32_t *keys) {
#if defined(__x86_64__)
  if (sluice_current_path() >= sluice_path_avx2 && __builtin_cpu_supports("bmi2") && __builtin_cpu_supports("popcnt")) {
    keys_bmi2(hashes, count, masks, tables, keys);
    return;
  }
#endif
  keys_portable(hashes, count, masks, tables, keys);
}
