// Vectors of integers and floats: each lane against the same done alone.
#include "fp.h"

union vector {
  uint8_t b[16];
  uint16_t h[8];
  uint32_t s[4];
  uint64_t d[2];
};

typedef void operation(union vector *result, const union vector *a, const union vector *b);

// `result` is the destination, which some instructions also read.
#define VECTOR(name, arrangement) \
  static void name##_##arrangement(union vector *result, const union vector *a, const union vector *b) { \
    __asm__ volatile("ldr q0, [%0]\n\tldr q1, [%1]\n\tldr q2, [%2]\n\t" #name " v0." #arrangement ", v1." #arrangement ", v2." #arrangement \
                     "\n\tstr q0, [%0]" ::"r"(result), "r"(a), "r"(b) : "v0", "v1", "v2", "memory"); \
  }
#define NARROW(name) VECTOR(name, 16b) VECTOR(name, 8h) VECTOR(name, 4s)
#define ALL(name) NARROW(name) VECTOR(name, 2d)

ALL(add)
ALL(sub)
ALL(sqadd)
ALL(uqadd)
ALL(sqsub)
ALL(uqsub)
ALL(cmeq)
ALL(cmgt)
ALL(cmhi)
ALL(cmtst)
ALL(sshl)
ALL(ushl)
ALL(srshl)
NARROW(mul)
NARROW(mla)
NARROW(smax)
NARROW(umin)
NARROW(sabd)
NARROW(uaba)
NARROW(shadd)
NARROW(urhadd)
VECTOR(sqdmulh, 8h)
VECTOR(sqdmulh, 4s)
VECTOR(sqrdmulh, 8h)
VECTOR(sqrdmulh, 4s)
VECTOR(sqrdmlah, 8h)
VECTOR(sqrdmlah, 4s)
VECTOR(addp, 16b)

static uint64_t get(const union vector *v, unsigned bits, unsigned lane) {
  switch (bits) {
    case 8: return v->b[lane];
    case 16: return v->h[lane];
    case 32: return v->s[lane];
    default: return v->d[lane];
  }
}

static uint64_t mask(unsigned bits) {
  return ~0ul >> (64 - bits);
}

static int64_t extend(uint64_t value, unsigned bits) {
  return (int64_t)(value << (64 - bits)) >> (64 - bits);
}

static bool saturated;

typedef __int128 wide;

static uint64_t clamp_signed(wide value, unsigned bits) {
  wide limit = (wide)1 << (bits - 1);
  if (value >= limit) value = limit - 1;
  else if (value < -limit) value = -limit;
  else return (uint64_t)value;
  saturated = true;
  return (uint64_t)value;
}

static uint64_t clamp_unsigned(wide value, unsigned bits) {
  if (value < 0) value = 0;
  else if (value > (wide)mask(bits)) value = (wide)mask(bits);
  else return (uint64_t)value;
  saturated = true;
  return (uint64_t)value;
}

// Shift by the signed low byte: to the left if positive.
static uint64_t shift(wide value, uint64_t by, unsigned bits, bool round) {
  int64_t amount = extend(by, 8);
  if (amount >= (int64_t)bits) return 0;
  if (amount >= 0) return (uint64_t)(value << amount);
  if (amount < -64) amount = -65;
  if (round) value += (wide)1 << (-amount - 1);
  return (uint64_t)(value >> -amount);
}

enum kind { ADD, SUB, SQADD, UQADD, SQSUB, UQSUB, CMEQ, CMGT, CMHI, CMTST, SSHL, USHL, SRSHL, MUL, MLA, SMAX, UMIN, SABD, UABA, SHADD, URHADD, SQDMULH, SQRDMULH, SQRDMLAH };

static uint64_t model(enum kind kind, uint64_t was, uint64_t a, uint64_t b, unsigned bits) {
  int64_t x = extend(a, bits), y = extend(b, bits);
  switch (kind) {
    case ADD: return a + b;
    case SUB: return a - b;
    case SQADD: return clamp_signed((wide)x + y, bits);
    case UQADD: return clamp_unsigned((wide)a + b, bits);
    case SQSUB: return clamp_signed((wide)x - y, bits);
    case UQSUB: return clamp_unsigned((wide)a - b, bits);
    case CMEQ: return a == b ? ~0ul : 0;
    case CMGT: return x > y ? ~0ul : 0;
    case CMHI: return a > b ? ~0ul : 0;
    case CMTST: return (a & b) != 0 ? ~0ul : 0;
    case SSHL: return shift(x, b, bits, false);
    case USHL: return shift(a, b, bits, false);
    case SRSHL: return shift(x, b, bits, true);
    case MUL: return a * b;
    case MLA: return was + a * b;
    case SMAX: return x > y ? a : b;
    case UMIN: return a < b ? a : b;
    case SABD: return (uint64_t)(x > y ? x - y : y - x);
    case UABA: return was + (a > b ? a - b : b - a);
    case SHADD: return (uint64_t)((x + y) >> 1);
    case URHADD: return (a + b + 1) >> 1;
    case SQDMULH: return clamp_signed(((wide)x * y * 2) >> bits, bits);
    case SQRDMULH: return clamp_signed(((wide)x * y * 2 + ((wide)1 << (bits - 1))) >> bits, bits);
    default: return clamp_signed((((wide)extend(was, bits) << bits) + (wide)x * y * 2 + ((wide)1 << (bits - 1))) >> bits, bits);
  }
}

static const struct {
  const char *name;
  enum kind kind;
  // Lanes of 8, 16, 32 and 64 bits; null where there is no such instruction.
  operation *run[4];
} rows[] = {
    {"ADD", ADD, {add_16b, add_8h, add_4s, add_2d}},
    {"SUB", SUB, {sub_16b, sub_8h, sub_4s, sub_2d}},
    {"SQADD", SQADD, {sqadd_16b, sqadd_8h, sqadd_4s, sqadd_2d}},
    {"UQADD", UQADD, {uqadd_16b, uqadd_8h, uqadd_4s, uqadd_2d}},
    {"SQSUB", SQSUB, {sqsub_16b, sqsub_8h, sqsub_4s, sqsub_2d}},
    {"UQSUB", UQSUB, {uqsub_16b, uqsub_8h, uqsub_4s, uqsub_2d}},
    {"CMEQ", CMEQ, {cmeq_16b, cmeq_8h, cmeq_4s, cmeq_2d}},
    {"CMGT", CMGT, {cmgt_16b, cmgt_8h, cmgt_4s, cmgt_2d}},
    {"CMHI", CMHI, {cmhi_16b, cmhi_8h, cmhi_4s, cmhi_2d}},
    {"CMTST", CMTST, {cmtst_16b, cmtst_8h, cmtst_4s, cmtst_2d}},
    {"SSHL", SSHL, {sshl_16b, sshl_8h, sshl_4s, sshl_2d}},
    {"USHL", USHL, {ushl_16b, ushl_8h, ushl_4s, ushl_2d}},
    {"SRSHL", SRSHL, {srshl_16b, srshl_8h, srshl_4s, srshl_2d}},
    {"MUL", MUL, {mul_16b, mul_8h, mul_4s, 0}},
    {"MLA", MLA, {mla_16b, mla_8h, mla_4s, 0}},
    {"SMAX", SMAX, {smax_16b, smax_8h, smax_4s, 0}},
    {"UMIN", UMIN, {umin_16b, umin_8h, umin_4s, 0}},
    {"SABD", SABD, {sabd_16b, sabd_8h, sabd_4s, 0}},
    {"UABA", UABA, {uaba_16b, uaba_8h, uaba_4s, 0}},
    {"SHADD", SHADD, {shadd_16b, shadd_8h, shadd_4s, 0}},
    {"URHADD", URHADD, {urhadd_16b, urhadd_8h, urhadd_4s, 0}},
    {"SQDMULH", SQDMULH, {0, sqdmulh_8h, sqdmulh_4s, 0}},
    {"SQRDMULH", SQRDMULH, {0, sqrdmulh_8h, sqrdmulh_4s, 0}},
    {"SQRDMLAH", SQRDMLAH, {0, sqrdmlah_8h, sqrdmlah_4s, 0}},
};

enum { ROUNDS = 24 };

// Every second vector has bytes at the ends of the ranges.
static void fill(union vector *v, uint64_t *random, unsigned round) {
  static const uint8_t ends[] = {0x00, 0x7f, 0x80, 0xff, 0x01, 0xfe};
  for (unsigned i = 0; i < 16; i++) {
    uint64_t value = next_random(random);
    v->b[i] = round & 1 ? ends[value % sizeof ends] : (uint8_t)value;
  }
}

static void test_operation(const char *name, enum kind kind, operation *run, unsigned bits) {
  uint64_t random = bits;
  unsigned faults = 0;
  for (unsigned round = 0; round < ROUNDS; round++) {
    union vector a, b, before, result;
    fill(&a, &random, round);
    fill(&b, &random, round);
    fill(&before, &random, round);
    result = before;
    saturated = false;
    clear_fpsr();
    run(&result, &a, &b);
    uint64_t flags = get_fpsr();
    for (unsigned lane = 0; lane < 128 / bits; lane++) {
      uint64_t expected = model(kind, get(&before, bits, lane), get(&a, bits, lane), get(&b, bits, lane), bits) & mask(bits);
      if (get(&result, bits, lane) == expected) continue;
      if (faults++ == 0) tap_note("lane %u: found 0x%lx, expected 0x%lx", lane, get(&result, bits, lane), expected);
    }
    if (flags != (saturated ? QC : 0) && faults++ == 0) tap_note("FPSR 0x%lx", flags);
  }
  tap_ok(faults == 0, "%s, lanes of %u bits", name, bits);
}

void test_integer_lanes(void) {
  tap_note("vectors of integers");
  for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++) {
    for (unsigned size = 0; size < 4; size++) {
      if (rows[i].run[size]) test_operation(rows[i].name, rows[i].kind, rows[i].run[size], 8u << size);
    }
  }
}

#define FLOATS(name) VECTOR(name, 4s) VECTOR(name, 2d) \
  static void name##_scalar_s(union vector *result, const union vector *a, const union vector *b) { \
    __asm__ volatile("ldr s0, [%0]\n\tldr s1, [%1]\n\tldr s2, [%2]\n\t" #name " s0, s1, s2\n\tstr s0, [%0]" \
                     ::"r"(result), "r"(a), "r"(b) : "v0", "v1", "v2", "memory"); \
  } \
  static void name##_scalar_d(union vector *result, const union vector *a, const union vector *b) { \
    __asm__ volatile("ldr d0, [%0]\n\tldr d1, [%1]\n\tldr d2, [%2]\n\t" #name " d0, d1, d2\n\tstr d0, [%0]" \
                     ::"r"(result), "r"(a), "r"(b) : "v0", "v1", "v2", "memory"); \
  }
FLOATS(fadd)
FLOATS(fmul)
FLOATS(fdiv)
FLOATS(fmax)
FLOATS(fminnm)
FLOATS(fcmge)
FLOATS(facgt)
FLOATS(frecps)
VECTOR(fmla, 4s)
VECTOR(fmla, 2d)

static void fmla_scalar_s(union vector *result, const union vector *a, const union vector *b) {
  __asm__ volatile("ldr s0, [%0]\n\tldr s1, [%1]\n\tldr s2, [%2]\n\tfmadd s0, s1, s2, s0\n\tstr s0, [%0]"
                   ::"r"(result), "r"(a), "r"(b) : "v0", "v1", "v2", "memory");
}

static void fmla_scalar_d(union vector *result, const union vector *a, const union vector *b) {
  __asm__ volatile("ldr d0, [%0]\n\tldr d1, [%1]\n\tldr d2, [%2]\n\tfmadd d0, d1, d2, d0\n\tstr d0, [%0]"
                   ::"r"(result), "r"(a), "r"(b) : "v0", "v1", "v2", "memory");
}

static const struct {
  const char *name;
  operation *vector[2], *scalar[2];
} floats[] = {
    {"FADD", {fadd_4s, fadd_2d}, {fadd_scalar_s, fadd_scalar_d}},
    {"FMUL", {fmul_4s, fmul_2d}, {fmul_scalar_s, fmul_scalar_d}},
    {"FDIV", {fdiv_4s, fdiv_2d}, {fdiv_scalar_s, fdiv_scalar_d}},
    {"FMAX", {fmax_4s, fmax_2d}, {fmax_scalar_s, fmax_scalar_d}},
    {"FMINNM", {fminnm_4s, fminnm_2d}, {fminnm_scalar_s, fminnm_scalar_d}},
    {"FCMGE", {fcmge_4s, fcmge_2d}, {fcmge_scalar_s, fcmge_scalar_d}},
    {"FACGT", {facgt_4s, facgt_2d}, {facgt_scalar_s, facgt_scalar_d}},
    {"FRECPS", {frecps_4s, frecps_2d}, {frecps_scalar_s, frecps_scalar_d}},
    {"FMLA", {fmla_4s, fmla_2d}, {fmla_scalar_s, fmla_scalar_d}},
};

// Zeros, infinities, NaNs, subnormals, ends of the range, or any number.
static uint64_t any_float(uint64_t *random, unsigned bits) {
  static const uint64_t singles[] = {0, 0x80000000, 0x7f800000, 0xff800000, 0x7fc00001, 0x7f800001, 1, 0x007fffff, 0x7f7fffff, 0x3f800000};
  static const uint64_t doubles[] = {0, 1ul << 63, 0x7ff0000000000000, 0xfff0000000000000, 0x7ff8000000000001, 0x7ff0000000000001, 1, 0xfffffffffffff, 0x7fefffffffffffff, 0x3ff0000000000000};
  uint64_t choice = next_random(random) >> 32 & 15, value = next_random(random);
  return choice < 10 ? (bits == 32 ? singles : doubles)[choice] : value & mask(bits);
}

static void put(union vector *v, unsigned bits, unsigned lane, uint64_t value) {
  if (bits == 32) v->s[lane] = (uint32_t)value;
  else v->d[lane] = value;
}

static void test_floats(const char *name, operation *vector, operation *scalar, unsigned bits) {
  uint64_t random = bits + 1;
  unsigned faults = 0;
  for (unsigned round = 0; round < ROUNDS; round++) {
    union vector a, b, before, result;
    for (unsigned lane = 0; lane < 128 / bits; lane++) {
      put(&a, bits, lane, any_float(&random, bits));
      put(&b, bits, lane, any_float(&random, bits));
      put(&before, bits, lane, any_float(&random, bits));
    }
    result = before;
    set_fpcr((round & 3) * RP);
    clear_fpsr();
    vector(&result, &a, &b);
    uint64_t flags = get_fpsr();
    clear_fpsr();
    for (unsigned lane = 0; lane < 128 / bits; lane++) {
      union vector x = {.d = {get(&a, bits, lane)}}, y = {.d = {get(&b, bits, lane)}}, r = {.d = {get(&before, bits, lane)}};
      scalar(&r, &x, &y);
      if (get(&result, bits, lane) == get(&r, bits, 0)) continue;
      if (faults++ == 0) tap_note("lane %u: found 0x%lx, alone 0x%lx", lane, get(&result, bits, lane), get(&r, bits, 0));
    }
    if (flags != get_fpsr() && faults++ == 0) tap_note("FPSR 0x%lx, alone 0x%lx", flags, get_fpsr());
  }
  set_fpcr(0);
  tap_ok(faults == 0, "%s, lanes of %u bits as scalars, in all rounding modes", name, bits);
}

void test_float_lanes(void) {
  tap_note("vectors of floats");
  for (unsigned i = 0; i < sizeof floats / sizeof *floats; i++) {
    test_floats(floats[i].name, floats[i].vector[0], floats[i].scalar[0], 32);
    test_floats(floats[i].name, floats[i].vector[1], floats[i].scalar[1], 64);
  }
}

#define PERMUTE(name, arrangement) \
  static void name##_##arrangement(union vector *result, const union vector *a, const union vector *b) { \
    __asm__ volatile("ldr q1, [%1]\n\tldr q2, [%2]\n\t" #name " v0." #arrangement ", v1." #arrangement ", v2." #arrangement "\n\tstr q0, [%0]" \
                     ::"r"(result), "r"(a), "r"(b) : "v0", "v1", "v2", "memory"); \
  }
PERMUTE(zip1, 8h)
PERMUTE(zip2, 8h)
PERMUTE(uzp1, 8h)
PERMUTE(uzp2, 8h)
PERMUTE(trn1, 8h)
PERMUTE(trn2, 8h)

#define BYTES(name, instructions) \
  static void name(union vector *result, const union vector *a, const union vector *b) { \
    __asm__ volatile("ldr q0, [%0]\n\tldr q1, [%1]\n\tldr q2, [%2]\n\t" instructions "\n\tstr q0, [%0]" \
                     ::"r"(result), "r"(a), "r"(b) : "v0", "v1", "v2", "v3", "memory"); \
  }
BYTES(ext_5, "ext v0.16b, v1.16b, v2.16b, #5")
BYTES(rev64_8, "rev64 v0.16b, v1.16b")
BYTES(rev32_16, "rev32 v0.8h, v1.8h")
BYTES(ins_3_1, "ins v0.s[3], v1.s[1]")
BYTES(dup_h5, "dup v0.8h, v1.h[5]")
BYTES(tbl_1, "movi v3.16b, #15\n\tsub v3.16b, v3.16b, v2.16b\n\ttbl v0.16b, {v1.16b}, v3.16b")
BYTES(tbl_2, "shl v3.16b, v2.16b, #1\n\tmov v2.16b, v1.16b\n\ttbl v0.16b, {v1.16b, v2.16b}, v3.16b")
BYTES(tbx_1, "shl v3.16b, v2.16b, #1\n\ttbx v0.16b, {v1.16b}, v3.16b")
BYTES(xtn_8, "xtn v0.8b, v1.8h")
BYTES(xtn2_8, "xtn2 v0.16b, v1.8h")
BYTES(scalar_clears, "dup d0, v1.d[1]")

// With a = 0..15, b = 0..15 in tbl, else 16..31, and 0xe0..0xef in the destination.
static const struct {
  const char *name;
  operation *run;
  bool indices;
  uint8_t result[16];
} permutations[] = {
    {"ZIP1", zip1_8h, false, {0, 1, 16, 17, 2, 3, 18, 19, 4, 5, 20, 21, 6, 7, 22, 23}},
    {"ZIP2", zip2_8h, false, {8, 9, 24, 25, 10, 11, 26, 27, 12, 13, 28, 29, 14, 15, 30, 31}},
    {"UZP1", uzp1_8h, false, {0, 1, 4, 5, 8, 9, 12, 13, 16, 17, 20, 21, 24, 25, 28, 29}},
    {"UZP2", uzp2_8h, false, {2, 3, 6, 7, 10, 11, 14, 15, 18, 19, 22, 23, 26, 27, 30, 31}},
    {"TRN1", trn1_8h, false, {0, 1, 16, 17, 4, 5, 20, 21, 8, 9, 24, 25, 12, 13, 28, 29}},
    {"TRN2", trn2_8h, false, {2, 3, 18, 19, 6, 7, 22, 23, 10, 11, 26, 27, 14, 15, 30, 31}},
    {"ADDP", addp_16b, false, {1, 5, 9, 13, 17, 21, 25, 29, 33, 37, 41, 45, 49, 53, 57, 61}},
    {"EXT", ext_5, false, {5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20}},
    {"REV64", rev64_8, false, {7, 6, 5, 4, 3, 2, 1, 0, 15, 14, 13, 12, 11, 10, 9, 8}},
    {"REV32", rev32_16, false, {2, 3, 0, 1, 6, 7, 4, 5, 10, 11, 8, 9, 14, 15, 12, 13}},
    {"INS", ins_3_1, false, {0xe0, 0xe1, 0xe2, 0xe3, 0xe4, 0xe5, 0xe6, 0xe7, 0xe8, 0xe9, 0xea, 0xeb, 4, 5, 6, 7}},
    {"DUP", dup_h5, false, {10, 11, 10, 11, 10, 11, 10, 11, 10, 11, 10, 11, 10, 11, 10, 11}},
    {"TBL", tbl_1, true, {15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0}},
    {"TBL of two", tbl_2, true, {0, 2, 4, 6, 8, 10, 12, 14, 0, 2, 4, 6, 8, 10, 12, 14}},
    {"TBX keeps what is outside", tbx_1, true, {0, 2, 4, 6, 8, 10, 12, 14, 0xe8, 0xe9, 0xea, 0xeb, 0xec, 0xed, 0xee, 0xef}},
    {"XTN clears the upper half", xtn_8, false, {0, 2, 4, 6, 8, 10, 12, 14, 0, 0, 0, 0, 0, 0, 0, 0}},
    {"XTN2 keeps the lower half", xtn2_8, false, {0xe0, 0xe1, 0xe2, 0xe3, 0xe4, 0xe5, 0xe6, 0xe7, 0, 2, 4, 6, 8, 10, 12, 14}},
    {"A scalar clears the upper half", scalar_clears, false, {8, 9, 10, 11, 12, 13, 14, 15, 0, 0, 0, 0, 0, 0, 0, 0}},
};

void test_permutations(void) {
  tap_note("permutations");
  for (unsigned i = 0; i < sizeof permutations / sizeof *permutations; i++) {
    union vector a, b, result;
    for (unsigned lane = 0; lane < 16; lane++) {
      a.b[lane] = (uint8_t)lane;
      b.b[lane] = (uint8_t)(permutations[i].indices ? lane : lane + 16);
      result.b[lane] = (uint8_t)(0xe0 + lane);
    }
    permutations[i].run(&result, &a, &b);
    bool good = true;
    for (unsigned lane = 0; lane < 16; lane++) good = good && result.b[lane] == permutations[i].result[lane];
    tap_ok(good, "%s", permutations[i].name);
    if (!good) tap_note("found 0x%016lx%016lx", result.d[1], result.d[0]);
  }
}
