// Read-modify-write instructions: each operation in each size and order, and compare and swap.
#include "../../aarch64/aarch64.h"
#include "atomics.h"

typedef uint64_t operation(uint64_t *cell, uint64_t operand);

// Gives what was in memory. `order`: nothing, a (acquire), l (release) or al.
#define ONE(name, order, size, w) \
  static uint64_t name##order##size(uint64_t *cell, uint64_t operand) { \
    uint64_t was = ~0ul; \
    __asm__ volatile(#name #order #size " %" w "1, %" w "0, [%2]" : "=&r"(was) : "r"(operand), "r"(cell) : "memory"); \
    return was; \
  }
#define ORDERS(name, size, w) ONE(name, , size, w) ONE(name, a, size, w) ONE(name, l, size, w) ONE(name, al, size, w)
#define WHOLE(name, order, suffix, w) \
  static uint64_t name##order##_##suffix(uint64_t *cell, uint64_t operand) { \
    uint64_t was = ~0ul; \
    __asm__ volatile(#name #order " %" w "1, %" w "0, [%2]" : "=&r"(was) : "r"(operand), "r"(cell) : "memory"); \
    return was; \
  }
#define WHOLES(name, suffix, w) WHOLE(name, , suffix, w) WHOLE(name, a, suffix, w) WHOLE(name, l, suffix, w) WHOLE(name, al, suffix, w)
#define SIZES(name) ORDERS(name, b, "w") ORDERS(name, h, "w") WHOLES(name, w, "w") WHOLES(name, x, "x")

SIZES(ldadd)
SIZES(ldclr)
SIZES(ldeor)
SIZES(ldset)
SIZES(ldsmax)
SIZES(ldsmin)
SIZES(ldumax)
SIZES(ldumin)
SIZES(swp)

enum kind { ADD, CLEAR, EOR, SET, SMAX, SMIN, UMAX, UMIN, SWAP };

#define ROW(name, kind) \
  {#name, kind, {{name##b, name##ab, name##lb, name##alb}, {name##h, name##ah, name##lh, name##alh}, \
                 {name##_w, name##a_w, name##l_w, name##al_w}, {name##_x, name##a_x, name##l_x, name##al_x}}}

static const struct {
  const char *name;
  enum kind kind;
  operation *run[4][4]; // by size, then by order
} rows[] = {
    ROW(ldadd, ADD),   ROW(ldclr, CLEAR), ROW(ldeor, EOR),   ROW(ldset, SET),  ROW(ldsmax, SMAX),
    ROW(ldsmin, SMIN), ROW(ldumax, UMAX), ROW(ldumin, UMIN), ROW(swp, SWAP),
};

static uint64_t model(enum kind kind, uint64_t was, uint64_t operand, unsigned bits) {
  int64_t x = (int64_t)(was << (64 - bits)), y = (int64_t)(operand << (64 - bits));
  switch (kind) {
    case ADD: return was + operand;
    case CLEAR: return was & ~operand;
    case EOR: return was ^ operand;
    case SET: return was | operand;
    case SMAX: return x > y ? was : operand;
    case SMIN: return x < y ? was : operand;
    case UMAX: return was > operand ? was : operand;
    case UMIN: return was < operand ? was : operand;
    default: return operand;
  }
}

static void test_row(unsigned row, unsigned size) {
  static const uint64_t values[] = {0, 1, 0x7f, 0x80, 0xff, 0x7fff, 0x8000, 0xffff, 0x7fffffff, 0x80000000, 0xffffffff, 1ul << 63, ~0ul >> 1, ~0ul};
  enum { VALUES = sizeof values / sizeof *values };
  static uint64_t cell;
  const unsigned bits = 8u << size;
  const uint64_t mask = ~0ul >> (64 - bits), around = 0xa5a5a5a5a5a5a5a5 & ~mask;
  unsigned faults = 0;
  for (unsigned order = 0; order < 4; order++) {
    for (unsigned i = 0; i < VALUES; i++) {
      for (unsigned j = 0; j < VALUES; j++) {
        uint64_t was = values[i] & mask, operand = values[j];
        cell = around | was;
        uint64_t result = rows[row].run[size][order](&cell, operand);
        uint64_t stored = around | (model(rows[row].kind, was, operand & mask, bits) & mask);
        if (result == was && cell == stored) continue;
        if (faults++ == 0) tap_note("0x%lx and 0x%lx: gave 0x%lx, stored 0x%lx", was, operand, result, cell);
      }
    }
  }
  tap_ok(faults == 0, "%s, %u bits, in all orders", rows[row].name, bits);
}

#define COMPARE(name, w) \
  static uint64_t name(uint64_t *cell, uint64_t expected, uint64_t value) { \
    __asm__ volatile(#name " %" w "0, %" w "1, [%2]" : "+r"(expected) : "r"(value), "r"(cell) : "memory"); \
    return expected; \
  }
COMPARE(casb, "w")
COMPARE(casah, "w")
COMPARE(casal, "x")
static uint64_t casl_w(uint64_t *cell, uint64_t expected, uint64_t value) {
  __asm__ volatile("casl %w0, %w1, [%2]" : "+r"(expected) : "r"(value), "r"(cell) : "memory");
  return expected;
}

static void test_compare(void) {
  static const struct {
    const char *name;
    uint64_t (*run)(uint64_t *, uint64_t, uint64_t);
    unsigned bits;
  } rows[] = {{"casb", casb, 8}, {"casah", casah, 16}, {"casl", casl_w, 32}, {"casal", casal, 64}};
  const uint64_t was = 0x1122334455667788, value = 0xaabbccddeeff0011;
  static uint64_t cell;
  for (unsigned i = 0; i < 4; i++) {
    const uint64_t mask = ~0ul >> (64 - rows[i].bits);
    cell = was;
    // Of the register that is compared, only the size counts.
    uint64_t result = rows[i].run(&cell, was ^ (mask == ~0ul ? 0 : mask + 1), value);
    tap_ok(result == (was & mask) && cell == ((was & ~mask) | (value & mask)), "%s that is equal", rows[i].name);
    cell = was;
    result = rows[i].run(&cell, was ^ 1, value);
    tap_ok(result == (was & mask) && cell == was, "%s that is not equal", rows[i].name);
  }
}

static void test_compare_pair(void) {
  static uint64_t pair[2] __attribute__((aligned(16)));
  register uint64_t x0 __asm__("x0"), x1 __asm__("x1");
  register uint64_t x2 __asm__("x2") = 3, x3 __asm__("x3") = 4;
  pair[0] = x0 = 1;
  pair[1] = x1 = 2;
  __asm__ volatile("caspal x0, x1, x2, x3, [%4]" : "+r"(x0), "+r"(x1) : "r"(x2), "r"(x3), "r"(pair) : "memory");
  bool equal = x0 == 1 && x1 == 2 && pair[0] == 3 && pair[1] == 4;
  x0 = 3;
  x1 = 5;
  __asm__ volatile("casp x0, x1, x2, x3, [%4]" : "+r"(x0), "+r"(x1) : "r"(x2), "r"(x3), "r"(pair) : "memory");
  bool unequal = x0 == 3 && x1 == 4 && pair[0] == 3 && pair[1] == 4;
  tap_ok(equal, "caspal that is equal");
  tap_ok(unequal, "casp whose second half is not equal");
}

// The destination XZR makes stores of them.
static void test_stores(void) {
  static uint64_t cell;
  cell = 40;
  __asm__ volatile("stadd %0, [%1]\n\tstset %w2, [%1]" ::"r"(2ul), "r"(&cell), "r"(0x100) : "memory");
  tap_equal(cell, 0x12a, "stadd and stset");
  uint64_t was;
  __asm__ volatile("swp xzr, %0, [%1]" : "=r"(was) : "r"(&cell) : "memory");
  tap_ok(was == 0x12a && cell == 0, "swp of xzr");
  __asm__ volatile("stlr %0, [%1]\n\tldar %0, [%1]" : "+r"(was) : "r"(&cell) : "memory");
  tap_ok(was == 0x12a && cell == 0x12a, "stlr and ldar");
}

void test_instructions(void) {
  tap_note("read-modify-write");
  for (unsigned row = 0; row < sizeof rows / sizeof *rows; row++) {
    for (unsigned size = 0; size < 4; size++) test_row(row, size);
  }
  test_compare();
  test_compare_pair();
  test_stores();
}
