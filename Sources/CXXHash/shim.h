// XXH3 64-bit hashes, by the widest instructions that the processor has.
#pragma once

#include <xxhash.h>

// The library's plain functions are compiled for the oldest processor of the architecture; these choose at run time.
#if defined(__x86_64__) && __has_include(<xxh_x86dispatch.h>)
#include <xxh_x86dispatch.h>
#endif

static inline uint64_t sluice_xxh3(const void *bytes, size_t count, uint64_t seed) {
  return XXH3_64bits_withSeed(bytes, count, seed);
}

static inline void sluice_xxh3_update(XXH3_state_t *state, const void *bytes, size_t count) {
  XXH3_64bits_update(state, bytes, count);
}
