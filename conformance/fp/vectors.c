// Records what floating-point instructions do, for lib/arch/aarch64/fp_vectors_test.ts:
//
// record.sh builds and runs it. One line per instruction: its word, its class, and for each FPCR a
// checksum of the results (V0, X0, NZCV, FPSR) of CASES executions. Operands come from a generator
// that the test repeats. `vectors WORD FPCR` (hexadecimal) prints the single cases instead.
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define CASES 32

struct registers {
  uint64_t v[4][2];
  uint64_t x[2];
  uint32_t fpcr, fpsr, nzcv, pad;
};

extern const uint32_t words[], words_end[];
extern const uint8_t classes[];
void execute(struct registers *r, const void *code);

static const uint32_t modes[] = {
  0,          // nearest
  0x00400000, // to plus infinity
  0x00800000, // to minus infinity
  0x00c00000, // to zero
  0x01000000, // FZ
  0x02000000, // DN
  0x04000000, // AHP
  0x03400000, // FZ, DN, to plus infinity
  0x07800000, // AHP, FZ, DN, to minus infinity
  0x05c00000, // AHP, FZ, to zero
};
#define MODES (sizeof modes / sizeof modes[0])

static const uint64_t doubles[] = {
  0, 1, 2, 0x000fffffffffffff, 0x0008000000000000, 0x0010000000000000, 0x0010000000000001,
  0x0020000000000000, 0x3ca0000000000000, 0x3fdfffffffffffff, 0x3fe0000000000000,
  0x3fe0000000000001, 0x3fefffffffffffff, 0x3ff0000000000000, 0x3ff0000000000001,
  0x3ff8000000000000, 0x4000000000000000, 0x4004000000000000, 0x4008000000000000,
  0x40efffc000000000, 0x40effe0000000000, 0x40f0000000000000, 0x3f10000000000000,
  0x3e60000000000000, 0x41dfffffffc00000, 0x41e0000000000000, 0x41efffffffe00000,
  0x41f0000000000000, 0x4330000000000000, 0x4330000000000001, 0x43e0000000000000,
  0x43dfffffffffffff, 0x43f0000000000000, 0x3810000000000000, 0x380fffffffffffff,
  0x36a0000000000000, 0x47efffffe0000000, 0x47efffffefffffff, 0x47effffff0000000,
  0x7fd0000000000000, 0x7fe0000000000000, 0x7fefffffffffffff, 0x7ff0000000000000,
  0x7ff8000000000000, 0x7ff8000000000001, 0x7ff0000000000001, 0x7ff4000000000123,
};
static const uint32_t singles[] = {
  0, 1, 2, 0x007fffff, 0x00400000, 0x00200000, 0x001fffff, 0x00800000, 0x00800001, 0x01000000,
  0x25800000, 0x33000000, 0x33800000, 0x38800000, 0x387fffff, 0x3effffff, 0x3f000000, 0x3f000001,
  0x3f7fffff, 0x3f800000, 0x3f800001, 0x3fc00000, 0x40000000, 0x40200000, 0x40400000, 0x477fe000,
  0x477fefff, 0x477ff000, 0x47800000, 0x4effffff, 0x4f000000, 0x4f7fffff, 0x4f800000, 0x4b800001,
  0x5effffff, 0x5f000000, 0x5f800000, 0x7e800000, 0x7f000000, 0x7f7fffff, 0x7f800000, 0x7fc00000,
  0x7fc00001, 0x7f800001, 0x7fa01234, 0x40490fdb,
};
static const uint16_t halves[] = {
  0, 1, 0x03ff, 0x0200, 0x0400, 0x0401, 0x3800, 0x3c00, 0x3c01, 0x4000, 0x7bff, 0x7800, 0x7c00,
  0x7c01, 0x7d55, 0x7e00, 0x7e01, 0x7fff,
};
static const uint64_t integers[] = {
  0, 1, 2, 3, 0x7f, 0x00ffffff, 0x01000001, 0x01ffffff, 0x7fffffff, 0x80000000, 0x80000001,
  0xffffffff, 0x7fffff80, 0x7fffffc0, 0xffffff7f, 0x001fffffffffffff, 0x0020000000000001,
  0x7fffffffffffffff, 0x8000000000000000, 0xffffffffffffffff, 0x7ffffffffffffe00,
  0xfffffffffffffbff, 0x40000000ffffffff, 0x3fffffffc0000000, 0xc0000000bfffffff,
};
#define COUNT(a) (sizeof(a) / sizeof(a)[0])

static uint32_t state;
static uint32_t next(void) {
  state ^= state << 13;
  state ^= state >> 17;
  state ^= state << 5;
  return state;
}
static uint64_t next64(void) {
  uint64_t high = next();
  return high << 32 | next();
}

// A number of the class, as a lane of 16, 32 or 64 bits.
static uint64_t lane(int class, int bits) {
  uint32_t how = next();
  uint64_t random = next64();
  uint64_t sign = (uint64_t)(how >> 31) << (bits - 1);
  uint32_t pick = how >> 8 & 0xffff;
  if (class == 3) return (how & 1) ? integers[pick % COUNT(integers)] : random >> (pick & 63);
  switch (how & 7) {
    case 0: case 1: case 2:
      if (bits == 64) return sign | doubles[pick % COUNT(doubles)];
      return sign | (bits == 32 ? singles[pick % COUNT(singles)] : halves[pick % COUNT(halves)]);
    case 3: // any bits
      return random;
    case 4: // few significant bits, moderate exponents: exact results
      if (bits == 64) return sign | (uint64_t)(1018 + pick % 10) << 52 | (random & 0xff) << 44;
      if (bits == 32) return sign | (122 + pick % 10) << 23 | (random & 0xff) << 15;
      return random;
    default: // moderate exponents: inexact results
      if (bits == 64) return sign | (uint64_t)(993 + pick % 100) << 52 | random >> 12;
      if (bits == 32) return sign | (97 + pick % 60) << 23 | (random & 0x7fffff);
      return random;
  }
}

static void fill(uint64_t v[2], int class, const uint64_t other[2]) {
  for (int half = 0; half < 2; half++) {
    if (class == 1 || class == 3) v[half] = lane(class, 64);
    else if (class == 0) {
      v[half] = lane(class, 32) & 0xffffffff;
      v[half] |= lane(class, 32) << 32;
    } else {
      v[half] = 0;
      for (int i = 0; i < 64; i += 16) v[half] |= (lane(class, 16) & 0xffff) << i;
    }
    // Close to another operand: cancellation.
    uint32_t how = next();
    if (other && (how & 7) == 0) v[half] = other[half] ^ (how >> 8 & 3) ^ (uint64_t)(how >> 16) << 48;
    if (other && (how & 7) == 1) v[half] = other[half];
  }
}

static void prepare(struct registers *r, int class, int number) {
  fill(r->v[1], class, 0);
  fill(r->v[2], class, r->v[1]);
  fill(r->v[3], class, r->v[1]);
  fill(r->v[0], class, r->v[2]);
  r->x[0] = next64();
  r->x[1] = lane(3, 64);
  // Every second time Inexact is set beforehand.
  r->fpsr = number & 1 ? 0x10 : 0;
  r->nzcv = next() & 0xf0000000;
}

static uint32_t mix(uint32_t h, uint32_t word) {
  h = (h ^ word) * 16777619u;
  return h ^ h >> 15;
}

int main(int argc, char **argv) {
  uint32_t *code = mmap(0, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  uint32_t only = argc > 2 ? strtoul(argv[1], 0, 16) : 0;
  uint32_t only_mode = argc > 2 ? strtoul(argv[2], 0, 16) : 0;
  for (int i = 0; words + i < words_end; i++) {
    if (only && only != words[i]) continue;
    code[0] = words[i];
    code[1] = 0xd65f03c0;
    __builtin___clear_cache((char *)code, (char *)(code + 2));
    if (!only) printf("%08x %d", words[i], classes[i]);
    for (unsigned m = 0; m < MODES; m++) {
      if (only && only_mode != modes[m]) continue;
      state = words[i] ^ modes[m] ^ 0x9e3779b9;
      uint32_t h = 0x811c9dc5;
      for (int c = 0; c < CASES; c++) {
        struct registers r;
        memset(&r, 0, sizeof r);
        prepare(&r, classes[i], c);
        r.fpcr = modes[m];
        struct registers before = r;
        execute(&r, code);
        h = mix(h, r.v[0][0]);
        h = mix(h, r.v[0][0] >> 32);
        h = mix(h, r.v[0][1]);
        h = mix(h, r.v[0][1] >> 32);
        h = mix(h, r.x[0]);
        h = mix(h, r.x[0] >> 32);
        h = mix(h, r.nzcv >> 28);
        h = mix(h, r.fpsr);
        if (only)
          printf("%2d n=%016lx%016lx m=%016lx%016lx a=%016lx%016lx d=%016lx%016lx x=%016lx -> "
                 "%016lx%016lx x=%016lx nzcv=%x fpsr=%02x\n",
                 c, before.v[1][1], before.v[1][0], before.v[2][1], before.v[2][0], before.v[3][1],
                 before.v[3][0], before.v[0][1], before.v[0][0], before.x[1], r.v[0][1], r.v[0][0],
                 r.x[0], r.nzcv >> 28, r.fpsr);
      }
      if (!only) printf(" %08x", h);
    }
    if (!only) printf("\n");
  }
  return 0;
}
