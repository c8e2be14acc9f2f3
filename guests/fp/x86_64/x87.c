// x87: each instruction with all pairs of some numbers, by rounding and precision.
#include "../../common/tap.h"
#include "fp.h"

// In x87.S: arithmetic, comparisons; of both those that are tested in full only.
extern const struct operation x87[], x87_end[], x87_more[], x87_more_end[];
extern const struct operation x87_compare[], x87_compare_end[], x87_flags[], x87_flags_end[];

// Exception flags with stack fault; with the condition codes C3, C2 and C0.
enum { FLAGS = 0x7f, DENORMAL = 2, CONDITIONS = 0x4500, MASKED = 0x3f };

struct number {
  uint64_t significand;
  uint16_t exponent;
} __attribute__((packed));

static const struct number numbers[] = {
    {0, 0},
    {0, 0x8000},
    {0x8000000000000000, 0x3fff},
    {0x8000000000000000, 0xbfff},
    {0x8000000000000001, 0x3fff},
    {0xffffffffffffffff, 0x7ffe},
    {0x8000000000000000, 0x0001},
    {0x7fffffffffffffff, 0},
    {1, 0},
    {1, 0x8000},
    {0x8000000000000000, 0x7fff},
    {0x8000000000000000, 0xffff},
    {0xc000000000000001, 0x7fff},
    {0x8000000000000001, 0x7fff},
    {0xc90fdaa22168c235, 0x4000},
    {0xfffffffffffff800, 0x43fe},
    {0xa000000000000000, 0x400d},
    {0xd9999999999999a8, 0xc00b},
    {0xffffff8000000000, 0x407e},
    {0x8000000000000000, 0x403e},
    {0xde0b6b3a76400000, 0x403a},
};
enum { NUMBERS = sizeof numbers / sizeof *numbers };
// Reserved precision 1 is left out.
static const uint16_t precisions[] = {0, 2, 3};

static uint64_t checksum_of(const struct operation *row, uint16_t status) {
  uint64_t hash = 0;
  for (unsigned control = 0; control < 12; control++) {
    uint16_t word = (uint16_t)(MASKED | precisions[control / 4] << 8 | control % 4 << 10);
    for (unsigned a = 0; a < NUMBERS; a++) {
      for (unsigned b = 0; b < NUMBERS; b++) {
        struct {
          struct number number;
          uint16_t status;
          uint32_t unused, flags;
        } __attribute__((packed)) result = {0};
        __asm__ volatile("fninit\n\tfldcw %0" ::"m"(word));
        row->run(&result, &numbers[a], &numbers[b]);
        hash = mix(mix(mix(hash, result.number.significand), result.number.exponent), (result.status & status) | (uint64_t)result.flags << 16);
      }
    }
  }
  return hash;
}

// Plain: without the denormal flag.
static uint64_t checksum(const struct operation *row, bool full) {
  return checksum_of(row, full ? FLAGS : FLAGS & ~DENORMAL);
}

static uint64_t checksum_of_compare(const struct operation *row, bool full) {
  return checksum_of(row, (full ? FLAGS : FLAGS & ~DENORMAL) | CONDITIONS);
}

static uint16_t status(void) {
  uint16_t value;
  __asm__ volatile("fnstsw %0" : "=m"(value));
  return value;
}

static void test_stack(void) {
  enum { INVALID_STACK = 0x41, C1 = 1 << 9 };
  __asm__ volatile("fninit\n\tfadd %st(0)");
  tap_equal(status() & (FLAGS | C1), INVALID_STACK, "an empty register: invalid, stack fault, C1 0");
  __asm__ volatile("fninit\n\tfld1\n\tfld1\n\tfld1\n\tfld1\n\tfld1\n\tfld1\n\tfld1\n\tfld1");
  tap_equal(status(), 0, "eight registers");
  __asm__ volatile("fld1");
  tap_equal(status() & (FLAGS | C1), INVALID_STACK | C1, "a ninth: invalid, stack fault, C1 1");
  __asm__ volatile("fninit\n\tfld1\n\tfldz\n\tfincstp");
  tap_equal(status() >> 11 & 7, 7, "FINCSTP moves the top");
  __asm__ volatile("fdecstp\n\tffree %st(0)\n\tfstp %st(1)");
  tap_equal(status() & FLAGS, INVALID_STACK, "FFREE empties a register");
  __asm__ volatile("fninit");
}

void test_x87(void) {
  tap_note("x87");
  check_operations(x87, x87_end, false, checksum);
  check_operations(x87_compare, x87_compare_end, false, checksum_of_compare);
  test_stack();
}

void test_x87_extensions(void) {
  tap_note("x87 with the denormal flag");
  check_operations(x87, x87_end, true, checksum);
  check_operations(x87_more, x87_more_end, true, checksum);
  check_operations(x87_compare, x87_compare_end, true, checksum_of_compare);
  check_operations(x87_flags, x87_flags_end, true, checksum_of_compare);
}
