// Scalar arithmetic: results and flags at the edges of the formats.
#include "fp.h"

#define DOUBLE(name) \
  static uint64_t name##_d(uint64_t a, uint64_t b, uint64_t c) { \
    uint64_t r; \
    __asm__ volatile("fmov d0, %1\n\tfmov d1, %2\n\tfmov d2, %3\n\t" #name " d0, d0, d1\n\tfmov %0, d0" \
                     : "=r"(r) : "r"(a), "r"(b), "r"(c) : "v0", "v1", "v2"); \
    return r; \
  }
#define SINGLE(name) \
  static uint64_t name##_s(uint64_t a, uint64_t b, uint64_t c) { \
    uint64_t r; \
    __asm__ volatile("fmov s0, %w1\n\tfmov s1, %w2\n\tfmov s2, %w3\n\t" #name " s0, s0, s1\n\tfmov %w0, s0" \
                     : "=r"(r) : "r"(a), "r"(b), "r"(c) : "v0", "v1", "v2"); \
    return r; \
  }
#define DOUBLE1(name) \
  static uint64_t name##_d(uint64_t a, uint64_t b, uint64_t c) { \
    uint64_t r; \
    (void)b, (void)c; \
    __asm__ volatile("fmov d0, %1\n\t" #name " d0, d0\n\tfmov %0, d0" : "=r"(r) : "r"(a) : "v0"); \
    return r; \
  }
#define FUSED(name, p, w) \
  static uint64_t name##_##p(uint64_t a, uint64_t b, uint64_t c) { \
    uint64_t r; \
    __asm__ volatile("fmov " #p "0, %" w "1\n\tfmov " #p "1, %" w "2\n\tfmov " #p "2, %" w "3\n\t" #name " " #p "0, " #p "0, " #p \
                     "1, " #p "2\n\tfmov %" w "0, " #p "0" \
                     : "=r"(r) : "r"(a), "r"(b), "r"(c) : "v0", "v1", "v2"); \
    return r; \
  }

DOUBLE(fadd)
DOUBLE(fsub)
DOUBLE(fmul)
DOUBLE(fnmul)
DOUBLE(fdiv)
DOUBLE(fmax)
DOUBLE(fmin)
DOUBLE(fmaxnm)
DOUBLE(fminnm)
DOUBLE(fmulx)
DOUBLE(fabd)
DOUBLE(frecps)
DOUBLE(frsqrts)
SINGLE(fadd)
SINGLE(fmul)
SINGLE(fdiv)
DOUBLE1(fsqrt)
DOUBLE1(fneg)
DOUBLE1(fabs)
DOUBLE1(frecpe)
DOUBLE1(frsqrte)
DOUBLE1(frecpx)
FUSED(fmadd, d, "x")
FUSED(fmsub, d, "x")
FUSED(fnmadd, d, "x")
FUSED(fmadd, s, "w")

#define ONE 0x3ff0000000000000
#define HALF 0x3fe0000000000000
#define TWO 0x4000000000000000
#define MAX 0x7fefffffffffffff
#define INF 0x7ff0000000000000
#define NEGATIVE 0x8000000000000000
#define NAN_DEFAULT 0x7ff8000000000000
#define NAN_QUIET 0x7ff8000000000123
#define NAN_SIGNALLING 0x7ff0000000000001
#define MIN_NORMAL 0x0010000000000000
#define HALF_ULP 0x3ca0000000000000 // 2^-53

static const struct {
  const char *name;
  uint64_t (*run)(uint64_t, uint64_t, uint64_t);
  uint64_t a, b, c, fpcr, result, flags;
} rows[] = {
    {"1 + 2^-53, to even", fadd_d, ONE, HALF_ULP, 0, RN, ONE, IXC},
    {"1 + 2^-53, up", fadd_d, ONE, HALF_ULP, 0, RP, ONE + 1, IXC},
    {"1 + 2^-53, down", fadd_d, ONE, HALF_ULP, 0, RM, ONE, IXC},
    {"1 + 2^-53, to zero", fadd_d, ONE, HALF_ULP, 0, RZ, ONE, IXC},
    {"-1 - 2^-53, down", fadd_d, ONE | NEGATIVE, HALF_ULP | NEGATIVE, 0, RM, (ONE + 1) | NEGATIVE, IXC},
    {"1 + ulp + 2^-53, to even", fadd_d, ONE + 1, HALF_ULP, 0, RN, ONE + 2, IXC},
    {"1 - 1", fsub_d, ONE, ONE, 0, RN, 0, 0},
    {"1 - 1, down", fsub_d, ONE, ONE, 0, RM, NEGATIVE, 0},
    {"max + max", fadd_d, MAX, MAX, 0, RN, INF, OFC | IXC},
    {"max + max, to zero", fadd_d, MAX, MAX, 0, RZ, MAX, OFC | IXC},
    {"-max - max, up", fsub_d, MAX | NEGATIVE, MAX, 0, RP, MAX | NEGATIVE, OFC | IXC},
    {"inf - inf", fsub_d, INF, INF, 0, RN, NAN_DEFAULT, IOC},
    {"0 * inf", fmul_d, 0, INF, 0, RN, NAN_DEFAULT, IOC},
    {"0 * -inf, extended", fmulx_d, 0, INF | NEGATIVE, 0, RN, TWO | NEGATIVE, 0},
    {"-(1 * 1)", fnmul_d, ONE, ONE, 0, RN, ONE | NEGATIVE, 0},
    {"1 / 0", fdiv_d, ONE, 0, 0, RN, INF, DZC},
    {"-1 / 0", fdiv_d, ONE | NEGATIVE, 0, 0, RN, INF | NEGATIVE, DZC},
    {"0 / 0", fdiv_d, 0, 0, 0, RN, NAN_DEFAULT, IOC},
    {"inf / inf", fdiv_d, INF, INF, 0, RN, NAN_DEFAULT, IOC},
    {"1 / 3", fdiv_d, ONE, 0x4008000000000000, 0, RN, 0x3fd5555555555555, IXC},
    {"1 / 3, up", fdiv_d, ONE, 0x4008000000000000, 0, RP, 0x3fd5555555555556, IXC},
    {"root of 2", fsqrt_d, TWO, 0, 0, RN, 0x3ff6a09e667f3bcd, IXC},
    {"root of 2, down", fsqrt_d, TWO, 0, 0, RM, 0x3ff6a09e667f3bcc, IXC},
    {"root of -1", fsqrt_d, ONE | NEGATIVE, 0, 0, RN, NAN_DEFAULT, IOC},
    {"root of -0", fsqrt_d, NEGATIVE, 0, 0, RN, NEGATIVE, 0},
    {"quiet NaN + 1 keeps the NaN", fadd_d, NAN_QUIET, ONE, 0, RN, NAN_QUIET, 0},
    {"signalling NaN + 1 makes it quiet", fadd_d, NAN_SIGNALLING, ONE, 0, RN, 0x7ff8000000000001, IOC},
    {"quiet + signalling NaN: the signalling one", fadd_d, NAN_QUIET, NAN_SIGNALLING, 0, RN, 0x7ff8000000000001, IOC},
    {"quiet NaN + 1 with DN", fadd_d, NAN_QUIET, ONE, 0, DN, NAN_DEFAULT, 0},
    {"signalling NaN + 1 with DN", fadd_d, NAN_SIGNALLING, ONE, 0, DN, NAN_DEFAULT, IOC},
    {"-NaN is the NaN with the other sign", fneg_d, NAN_SIGNALLING, 0, 0, RN, NAN_SIGNALLING | NEGATIVE, 0},
    {"|-1|", fabs_d, ONE | NEGATIVE, 0, 0, RN, ONE, 0},
    {"1 - 2, absolute", fabd_d, ONE, TWO, 0, RN, ONE, 0},
    {"smallest / 2", fmul_d, 1, HALF, 0, RN, 0, UFC | IXC},
    {"smallest / 2, up", fmul_d, 1, HALF, 0, RP, 1, UFC | IXC},
    {"smallest normal / 2 is exact", fmul_d, MIN_NORMAL, HALF, 0, RN, MIN_NORMAL >> 1, 0},
    {"smallest normal / 2 with FZ", fmul_d, MIN_NORMAL, HALF, 0, FZ, 0, UFC},
    {"subnormal + 0 with FZ", fadd_d, 1, 0, 0, FZ, 0, IDC},
    {"-subnormal + -0 with FZ", fadd_d, NEGATIVE | 1, NEGATIVE, 0, FZ, NEGATIVE, IDC},
    {"NaN before subnormal with FZ", fadd_d, NAN_QUIET, 1, 0, FZ, NAN_QUIET, IDC},
    {"max(-0, 0)", fmax_d, NEGATIVE, 0, 0, RN, 0, 0},
    {"min(0, -0)", fmin_d, 0, NEGATIVE, 0, RN, NEGATIVE, 0},
    {"max(quiet NaN, 1)", fmax_d, NAN_QUIET, ONE, 0, RN, NAN_QUIET, 0},
    {"maxnum(quiet NaN, 1)", fmaxnm_d, NAN_QUIET, ONE, 0, RN, ONE, 0},
    {"minnum(1, quiet NaN)", fminnm_d, ONE, NAN_QUIET, 0, RN, ONE, 0},
    {"maxnum(signalling NaN, 1)", fmaxnm_d, NAN_SIGNALLING, ONE, 0, RN, 0x7ff8000000000001, IOC},
    // (1 + 2^-27)^2 - (1 + 2^-26) = 2^-54: lost by two roundings.
    {"fused: one rounding", fmadd_d, 0x3ff0000002000000, 0x3ff0000002000000, 0xbff0000004000000, RN, 0x3c90000000000000, 0},
    {"fused: 1 - 1 * 1", fmsub_d, ONE, ONE, ONE, RN, 0, 0},
    {"fused: -(1 * 1) - 1", fnmadd_d, ONE, ONE, ONE, RN, TWO | NEGATIVE, 0},
    {"fused: 0 * inf + quiet NaN", fmadd_d, 0, INF, NAN_QUIET, RN, NAN_DEFAULT, IOC},
    {"fused: inf * 1 - inf", fmadd_d, INF, ONE, INF | NEGATIVE, RN, NAN_DEFAULT, IOC},
    {"fused: the addend's NaN is first", fmadd_d, NAN_QUIET, ONE, 0x7ff8000000000456, RN, 0x7ff8000000000456, 0},
    {"single: 1 + 2^-24, to even", fadd_s, 0x3f800000, 0x33800000, 0, RN, 0x3f800000, IXC},
    {"single: 1 + 2^-24, up", fadd_s, 0x3f800000, 0x33800000, 0, RP, 0x3f800001, IXC},
    {"single: max * 2", fmul_s, 0x7f7fffff, 0x40000000, 0, RN, 0x7f800000, OFC | IXC},
    {"single: subnormal result", fmul_s, 0x00800001, 0x3f000000, 0, RN, 0x00400000, UFC | IXC},
    {"single: 1 / 10", fdiv_s, 0x3f800000, 0x41200000, 0, RN, 0x3dcccccd, IXC},
    {"single, fused: one rounding", fmadd_s, 0x3f800800, 0x3f800800, 0xbf801000, RN, 0x33800000, 0},
    {"estimate of 1 / 1", frecpe_d, ONE, 0, 0, RN, 0x3feff00000000000, 0},
    {"estimate of 1 / 0", frecpe_d, 0, 0, 0, RN, INF, DZC},
    {"estimate of 1 / inf", frecpe_d, INF, 0, 0, RN, 0, 0},
    {"estimate of 1 / root of 1", frsqrte_d, ONE, 0, 0, RN, 0x3feff00000000000, 0},
    {"estimate of 1 / root of -1", frsqrte_d, ONE | NEGATIVE, 0, 0, RN, NAN_DEFAULT, IOC},
    {"step: 2 - 0 * inf", frecps_d, 0, INF, 0, RN, TWO, 0},
    {"step: (3 - 1 * 1) / 2", frsqrts_d, ONE, ONE, 0, RN, ONE, 0},
    {"exponent of 1, inverted", frecpx_d, ONE, 0, 0, RN, TWO, 0},
};

void test_arithmetic(void) {
  tap_note("scalar arithmetic");
  for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++) {
    set_fpcr(rows[i].fpcr);
    clear_fpsr();
    uint64_t result = rows[i].run(rows[i].a, rows[i].b, rows[i].c), flags = get_fpsr();
    set_fpcr(0);
    bool good = result == rows[i].result && flags == rows[i].flags;
    tap_ok(good, "%s: 0x%lx, flags 0x%02lx", rows[i].name, rows[i].result, rows[i].flags);
    if (!good) tap_note("found 0x%lx, flags 0x%02lx", result, flags);
  }
}
