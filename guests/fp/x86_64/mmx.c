// MMX, and its registers as those of x87.
#include "../../common/tap.h"
#include "fp.h"

extern const struct operation mmx[], mmx_end[];

static const uint64_t values[] = {
    0, ~0ul, 0x8000800080008000, 0x7fff7fff7fff7fff, 0x0001000200030004, 0x80ff7f0102fe8001, 0x123456789abcdef0,
    0xfedcba9876543210, 17, 0x3f800000bf800001, 0x0102030405060708, 0x8000000080000000,
};
enum { VALUES = sizeof values / sizeof *values };

static uint64_t checksum(const struct operation *row, bool full) {
  (void)full;
  uint64_t hash = 0;
  for (unsigned a = 0; a < VALUES; a++) {
    for (unsigned b = 0; b < VALUES; b++) {
      uint64_t result;
      row->run(&result, &values[a], &values[b]);
      hash = mix(hash, result);
    }
  }
  set_mxcsr(0x1f80);
  return hash;
}

struct environment {
  uint32_t control, status, tags, others[4];
};

static struct environment environment(void) {
  struct environment result;
  __asm__ volatile("fnstenv %0\n\tfldenv %0" : "=m"(result));
  return result;
}

void test_mmx(void) {
  tap_note("MMX");
  check_operations(mmx, mmx_end, false, checksum);
  __asm__ volatile("fninit");
  tap_equal(environment().tags & 0xffff, 0xffff, "all registers are empty");
  __asm__ volatile("movq %0, %%mm3" ::"m"(values[6]));
  tap_equal(environment().tags & 0xffff & 3 << 6, 2 << 6, "a write of MM3 makes it special, and none is empty");
  uint8_t image[16];
  __asm__ volatile("fxch %%st(3)\n\tfstpt %0" : "=m"(image));
  tap_ok(image[8] == 0xff && image[9] == 0xff && *(uint64_t *)image == values[6], "as a number its sign and exponent are ones");
  __asm__ volatile("emms");
  tap_equal(environment().tags & 0xffff, 0xffff, "EMMS empties all");
  __asm__ volatile("fninit");
}
