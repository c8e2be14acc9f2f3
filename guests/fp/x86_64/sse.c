// SSE: each instruction with all pairs of some vectors, all rounding modes, and flushing of denormals.
#include "../../common/tap.h"
#include "fp.h"

// In sse.S: floating point, where MXCSR has a say; integers and moves; those behind CPUID bits.
extern const struct operation sse_float[], sse_float_end[], sse_integer[], sse_integer_end[];
extern const struct operation aes[], aes_end[], clmul[], clmul_end[], sha[], sha_end[];

enum { VECTORS = 24, FLAGS = 0x3f, DENORMAL = 2, MASKED = 0x1f80, DAZ = 0x40, FTZ = 0x8000, ROUNDING = 0x2000 };

static const uint32_t singles[] = {
    0, 0x80000000, 0x3f800000, 0xbf800000, 0x3f800001, 0x7f7fffff, 0x00800000, 0x007fffff, 0x00000001, 0x80000001,
    0x7f800000, 0xff800000, 0x7fc00001, 0x7f800001, 0xffc00000, 0x40490fdb, 0x4f000000, 0xcf000000, 0x3effffff, 0x42f6e979,
};
static const uint64_t doubles[] = {
    0, 0x8000000000000000, 0x3ff0000000000000, 0xbff0000000000000, 0x3ff0000000000001, 0x7fefffffffffffff,
    0x0010000000000000, 0x000fffffffffffff, 1, 0x8000000000000001, 0x7ff0000000000000, 0xfff0000000000000,
    0x7ff8000000000001, 0x7ff0000000000001, 0xfff8000000000000, 0x400921fb54442d18, 0x41e0000000000000,
    0xc1e0000000200000, 0x43e0000000000000, 0x3fdfffffffffffff, 0x36a0000000000000, 0x47efffffe0000000,
};
enum { SINGLES = sizeof singles / sizeof *singles, DOUBLES = sizeof doubles / sizeof *doubles };
static union vector vectors[VECTORS];

static void make_vectors(void) {
  uint64_t state = 0x9e3779b97f4a7c15;
  for (unsigned i = 0; i < VECTORS; i++) {
    for (unsigned lane = 0; lane < 4; lane++) vectors[i].words[lane] = singles[(i + lane * 7) % SINGLES];
    for (unsigned lane = 0; i >= 10 && lane < 2; lane++) vectors[i].halves[lane] = doubles[(i * 3 + lane * 5) % DOUBLES];
    for (unsigned lane = 0; i >= 20 && lane < 2; lane++) {
      state = state * 6364136223846793005 + 1442695040888963407;
      vectors[i].halves[lane] = state ^ state >> 31;
    }
  }
}

static bool has_nan(const union vector *vector) {
  bool found = false;
  for (unsigned lane = 0; lane < 4; lane++) found |= (vector->words[lane] & 0x7fffffff) > 0x7f800000;
  for (unsigned lane = 0; lane < 2; lane++) found |= (vector->halves[lane] & INT64_MAX) > 0x7ff0000000000000;
  return found;
}

static uint64_t checksum_with(const struct operation *row, uint32_t control, bool two_nans, uint32_t flags, uint64_t hash) {
  for (unsigned a = 0; a < VECTORS; a++) {
    for (unsigned b = 0; b < VECTORS; b++) {
      if (!two_nans && has_nan(&vectors[a]) && has_nan(&vectors[b])) continue;
      union vector result;
      set_mxcsr(control);
      row->run(&result, &vectors[a], &vectors[b]);
      hash = mix(mix(mix(hash, result.halves[0]), result.halves[1]), get_mxcsr() & flags);
    }
  }
  set_mxcsr(MASKED);
  return hash;
}

// Plain: without the denormal flag, flushing, and pairs of NaNs.
static uint64_t checksum_of_float(const struct operation *row, bool full) {
  uint64_t hash = 0;
  uint32_t flags = full ? FLAGS : FLAGS & ~DENORMAL;
  for (unsigned rounding = 0; rounding < 4; rounding++) hash = checksum_with(row, MASKED | rounding * ROUNDING, full, flags, hash);
  if (!full) return hash;
  hash = checksum_with(row, MASKED | DAZ, true, flags, hash);
  hash = checksum_with(row, MASKED | FTZ, true, flags, hash);
  return checksum_with(row, MASKED | FTZ | DAZ, true, flags, hash);
}

static uint64_t checksum(const struct operation *row, bool full) {
  (void)full;
  return checksum_with(row, MASKED, true, 0, 0);
}

static void check_feature(const char *name, bool there, const struct operation *first, const struct operation *end) {
  tap_note("%s", name);
  if (there) check_operations(first, end, false, checksum);
  else for (const struct operation *row = first; row < end; row++) tap_skip("there is none", "%s", row->name);
}

void test_sse(void) {
  make_vectors();
  tap_note("SSE to SSE4.2: floating point");
  check_operations(sse_float, sse_float_end, false, checksum_of_float);
  tap_note("integers and moves");
  check_operations(sse_integer, sse_integer_end, false, checksum);
  check_feature("AES", has_feature(1, 2, 25), aes, aes_end);
  check_feature("PCLMULQDQ", has_feature(1, 2, 1), clmul, clmul_end);
  check_feature("SHA", has_feature(7, 1, 29), sha, sha_end);
}

void test_sse_extensions(void) {
  make_vectors();
  tap_note("SSE to SSE4.2: floating point with denormals and NaNs");
  check_operations(sse_float, sse_float_end, true, checksum_of_float);
}
