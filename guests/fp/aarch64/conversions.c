// Conversions between formats and to and from integers, rounding to integers, comparisons.
#include "fp.h"

#define TO_INTEGER(name, instruction, from) \
  static uint64_t name(uint64_t a) { \
    uint64_t r; \
    __asm__ volatile(from "\n\t" instruction : "=r"(r) : "r"(a) : "v0"); \
    return r; \
  }
#define FROM_DOUBLE "fmov d0, %1"
#define FROM_SINGLE "fmov s0, %w1"

TO_INTEGER(fcvtzs_xd, "fcvtzs %x0, d0", FROM_DOUBLE)
TO_INTEGER(fcvtzs_wd, "fcvtzs %w0, d0", FROM_DOUBLE)
TO_INTEGER(fcvtzu_xd, "fcvtzu %x0, d0", FROM_DOUBLE)
TO_INTEGER(fcvtzu_wd, "fcvtzu %w0, d0", FROM_DOUBLE)
TO_INTEGER(fcvtns_xd, "fcvtns %x0, d0", FROM_DOUBLE)
TO_INTEGER(fcvtas_xd, "fcvtas %x0, d0", FROM_DOUBLE)
TO_INTEGER(fcvtps_xd, "fcvtps %x0, d0", FROM_DOUBLE)
TO_INTEGER(fcvtms_xd, "fcvtms %x0, d0", FROM_DOUBLE)
TO_INTEGER(fcvtzs_xs, "fcvtzs %x0, s0", FROM_SINGLE)
TO_INTEGER(fcvtzs_fixed, "fcvtzs %x0, d0, #16", FROM_DOUBLE)
TO_INTEGER(scvtf_dx, "scvtf d0, %x1\n\tfmov %0, d0", "")
TO_INTEGER(ucvtf_dx, "ucvtf d0, %x1\n\tfmov %0, d0", "")
TO_INTEGER(scvtf_sw, "scvtf s0, %w1\n\tfmov %w0, s0", "")
TO_INTEGER(ucvtf_sx, "ucvtf s0, %x1\n\tfmov %w0, s0", "")
TO_INTEGER(scvtf_fixed, "scvtf d0, %x1, #16\n\tfmov %0, d0", "")
TO_INTEGER(fcvt_sd, "fcvt s0, d0\n\tfmov %w0, s0", FROM_DOUBLE)
TO_INTEGER(fcvt_ds, "fcvt d0, s0\n\tfmov %0, d0", FROM_SINGLE)
TO_INTEGER(fcvt_hs, "fcvt h0, s0\n\tfmov %w0, s0", FROM_SINGLE)
TO_INTEGER(fcvt_hd, "fcvt h0, d0\n\tfmov %w0, s0", FROM_DOUBLE)
TO_INTEGER(fcvt_sh, "fcvt s0, h0\n\tfmov %w0, s0", FROM_SINGLE)
TO_INTEGER(fcvtxn, "fcvtxn s0, d0\n\tfmov %w0, s0", FROM_DOUBLE)
TO_INTEGER(frintn, "frintn d0, d0\n\tfmov %0, d0", FROM_DOUBLE)
TO_INTEGER(frinta, "frinta d0, d0\n\tfmov %0, d0", FROM_DOUBLE)
TO_INTEGER(frintp, "frintp d0, d0\n\tfmov %0, d0", FROM_DOUBLE)
TO_INTEGER(frintm, "frintm d0, d0\n\tfmov %0, d0", FROM_DOUBLE)
TO_INTEGER(frintz, "frintz d0, d0\n\tfmov %0, d0", FROM_DOUBLE)
TO_INTEGER(frinti, "frinti d0, d0\n\tfmov %0, d0", FROM_DOUBLE)
TO_INTEGER(frintx, "frintx d0, d0\n\tfmov %0, d0", FROM_DOUBLE)

#define D_2_5 0x4004000000000000
#define D_3_5 0x400c000000000000
#define D_M1_5 0xbff8000000000000
#define D_M0_5 0xbfe0000000000000
#define D_M1 0xbff0000000000000
#define D_M0 0x8000000000000000
#define D_TWO_63 0x43e0000000000000
#define D_NAN 0x7ff8000000000000

static const struct {
  const char *name;
  uint64_t (*run)(uint64_t);
  uint64_t a, fpcr, result, flags;
} rows[] = {
    {"-1.5 to integer, to zero", fcvtzs_xd, D_M1_5, RN, ~0ul, IXC},
    {"2^63 to signed", fcvtzs_xd, D_TWO_63, RN, 0x7fffffffffffffff, IOC},
    {"-2^63 to signed", fcvtzs_xd, D_TWO_63 | D_M0, RN, 0x8000000000000000, 0},
    {"NaN to signed", fcvtzs_xd, D_NAN, RN, 0, IOC},
    {"-inf to signed, 32 bits", fcvtzs_wd, 0xfff0000000000000, RN, 0x80000000, IOC},
    {"2^63 to unsigned", fcvtzu_xd, D_TWO_63, RN, 1ul << 63, 0},
    {"-0.5 to unsigned", fcvtzu_xd, D_M0_5, RN, 0, IXC},
    {"-1 to unsigned", fcvtzu_xd, D_M1, RN, 0, IOC},
    {"2^32 to unsigned, 32 bits", fcvtzu_wd, 0x41f0000000000000, RN, 0xffffffff, IOC},
    {"2.5 to nearest", fcvtns_xd, D_2_5, RZ, 2, IXC},
    {"3.5 to nearest", fcvtns_xd, D_3_5, RZ, 4, IXC},
    {"2.5 to nearest, ties away", fcvtas_xd, D_2_5, RZ, 3, IXC},
    {"2.5 up", fcvtps_xd, D_2_5, RZ, 3, IXC},
    {"-1.5 down", fcvtms_xd, D_M1_5, RZ, ~1ul, IXC},
    {"single 2^63 to signed", fcvtzs_xs, 0x5f000000, RN, 0x7fffffffffffffff, IOC},
    {"-1.5 to 16 bits of fraction", fcvtzs_fixed, D_M1_5, RN, 0xfffffffffffe8000, 0},
    {"2^53 + 1 to double", scvtf_dx, (1ul << 53) + 1, RN, 0x4340000000000000, IXC},
    {"2^53 + 1 to double, up", scvtf_dx, (1ul << 53) + 1, RP, 0x4340000000000001, IXC},
    {"2^64 - 1 to double", ucvtf_dx, ~0ul, RN, 0x43f0000000000000, IXC},
    {"2^64 - 1 to double, to zero", ucvtf_dx, ~0ul, RZ, 0x43efffffffffffff, IXC},
    {"-1 to single", scvtf_sw, ~0ul, RN, 0xbf800000, 0},
    {"2^64 - 1 to single", ucvtf_sx, ~0ul, RN, 0x5f800000, IXC},
    {"16 bits of fraction to double", scvtf_fixed, 0x18000, RN, 0x3ff8000000000000, 0},
    {"double 0.1 to single", fcvt_sd, 0x3fb999999999999a, RN, 0x3dcccccd, IXC},
    {"double too large for single", fcvt_sd, 0x7fefffffffffffff, RN, 0x7f800000, OFC | IXC},
    {"double too small for single", fcvt_sd, 1, RN, 0, UFC | IXC},
    {"NaN of double to single", fcvt_sd, 0x7ff0000000000001, RN, 0x7fc00000, IOC},
    {"NaN of single to double keeps its top", fcvt_ds, 0x7f812345, RN, 0x7ff82468a0000000, IOC},
    {"single subnormal to double", fcvt_ds, 1, RN, 0x36a0000000000000, 0},
    {"single subnormal to double with FZ", fcvt_ds, 1, FZ, 0, IDC},
    {"65504 to half", fcvt_hs, 0x477fe000, RN, 0x7bff, 0},
    {"65520 to half", fcvt_hs, 0x477ff000, RN, 0x7c00, OFC | IXC},
    {"65536 to alternative half", fcvt_hs, 0x47800000, AHP, 0x7c00, 0},
    {"inf to alternative half", fcvt_hs, 0x7f800000, AHP, 0x7fff, IOC},
    {"double 2^-24 to half", fcvt_hd, 0x3e70000000000000, RN, 1, 0},
    {"double 2^-25 to half", fcvt_hd, 0x3e60000000000000, RN, 0, UFC | IXC},
    {"half subnormal to single", fcvt_sh, 1, RN, 0x33800000, 0},
    {"half subnormal to single with FZ", fcvt_sh, 1, FZ, 0x33800000, 0},
    {"half signalling NaN to single", fcvt_sh, 0x7c01, RN, 0x7fc02000, IOC},
    {"alternative half has no inf", fcvt_sh, 0x7c00, AHP, 0x47800000, 0},
    {"to odd: 1 + 2^-52 to single", fcvtxn, 0x3ff0000000000001, RN, 0x3f800001, IXC},
    {"to odd: too large", fcvtxn, 0x7fefffffffffffff, RN, 0x7f7fffff, OFC | IXC},
    {"round 2.5, to even", frintn, D_2_5, RZ, 0x4000000000000000, 0},
    {"round 2.5, away", frinta, D_2_5, RZ, 0x4008000000000000, 0},
    {"round 2.5, up", frintp, D_2_5, RZ, 0x4008000000000000, 0},
    {"round -1.5, down", frintm, D_M1_5, RZ, 0xc000000000000000, 0},
    {"round -0.5, to zero", frintz, D_M0_5, RN, D_M0, 0},
    {"round 2.5 by FPCR", frinti, D_2_5, RP, 0x4008000000000000, 0},
    {"round 2.5 exactly", frintx, D_2_5, RM, 0x4000000000000000, IXC},
    {"round a signalling NaN", frinti, 0x7ff0000000000001, RN, 0x7ff8000000000001, IOC},
};

void test_conversions(void) {
  tap_note("conversions");
  for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++) {
    set_fpcr(rows[i].fpcr);
    clear_fpsr();
    uint64_t result = rows[i].run(rows[i].a), flags = get_fpsr();
    set_fpcr(0);
    bool good = result == rows[i].result && flags == rows[i].flags;
    tap_ok(good, "%s: 0x%lx, flags 0x%02lx", rows[i].name, rows[i].result, rows[i].flags);
    if (!good) tap_note("found 0x%lx, flags 0x%02lx", result, flags);
  }
}

// NZCV in bits 3..0 of the result.
#define COMPARE(name) \
  static uint64_t name##_flags(uint64_t a, uint64_t b) { \
    uint64_t r; \
    __asm__ volatile("fmov d0, %1\n\tfmov d1, %2\n\t" #name " d0, d1\n\tmrs %0, nzcv" : "=r"(r) : "r"(a), "r"(b) : "v0", "v1", "cc"); \
    return r >> 28; \
  }
COMPARE(fcmp)
COMPARE(fcmpe)

enum { LESS = 8, EQUAL = 6, GREATER = 2, UNORDERED = 3 };

void test_comparisons(void) {
  static const struct {
    const char *name;
    uint64_t a, b, fpcr, result, flags, signalling;
  } rows[] = {
      {"1 and 2", 0x3ff0000000000000, 0x4000000000000000, RN, LESS, 0, 0},
      {"-0 and 0", D_M0, 0, RN, EQUAL, 0, 0},
      {"1 and -inf", 0x3ff0000000000000, 0xfff0000000000000, RN, GREATER, 0, 0},
      {"NaN and 1", D_NAN, 0x3ff0000000000000, RN, UNORDERED, 0, IOC},
      {"1 and a signalling NaN", 0x3ff0000000000000, 0x7ff0000000000001, RN, UNORDERED, IOC, IOC},
      {"subnormal and 0", 1, 0, RN, GREATER, 0, 0},
      {"subnormal and 0 with FZ", 1, 0, FZ, EQUAL, IDC, IDC},
  };
  tap_note("comparisons");
  for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++) {
    set_fpcr(rows[i].fpcr);
    clear_fpsr();
    uint64_t quiet = fcmp_flags(rows[i].a, rows[i].b), quiet_flags = get_fpsr();
    clear_fpsr();
    uint64_t signalling = fcmpe_flags(rows[i].a, rows[i].b), signalling_flags = get_fpsr();
    set_fpcr(0);
    tap_ok(quiet == rows[i].result && quiet_flags == rows[i].flags, "FCMP %s: NZCV %lu, flags 0x%02lx", rows[i].name, rows[i].result, rows[i].flags);
    tap_ok(signalling == rows[i].result && signalling_flags == rows[i].signalling, "FCMPE %s: NZCV %lu, flags 0x%02lx", rows[i].name, rows[i].result, rows[i].signalling);
  }
  uint64_t nzcv;
  __asm__ volatile("fmov d0, #1.0\n\tfmov d1, #2.0\n\tfcmp d0, d0\n\tfccmp d0, d1, #4, ne\n\tmrs %0, nzcv" : "=r"(nzcv)::"v0", "v1", "cc");
  tap_equal(nzcv >> 28, 4, "FCCMP with a false condition gives its flags");
  __asm__ volatile("fmov d0, #1.0\n\tfmov d1, #2.0\n\tfcmp d0, d0\n\tfccmp d0, d1, #4, eq\n\tmrs %0, nzcv" : "=r"(nzcv)::"v0", "v1", "cc");
  tap_equal(nzcv >> 28, LESS, "FCCMP with a true condition compares");
  uint64_t selected;
  __asm__ volatile("fmov d0, #1.0\n\tfmov d1, #2.0\n\tfcmp d0, d1\n\tfcsel d0, d0, d1, mi\n\tfmov %0, d0" : "=r"(selected)::"v0", "v1", "cc");
  tap_equal(selected, 0x3ff0000000000000, "FCSEL selects");
}
