// Floating point and SIMD (Arm ARM, chapters C3.5 to C7): results, rounding, flags, lanes, cryptography.
#include "fp.h"

void test_registers(void) {
  tap_note("FPCR and FPSR");
  set_fpcr(RZ | FZ | DN | AHP);
  tap_equal(read_register("fpcr"), RZ | FZ | DN | AHP, "FPCR has rounding mode, FZ, DN and AHP");
  // The others are Stride, FZ16, Len and the trap enables, which need not hold what is written.
  set_fpcr(~0ul);
  tap_equal(read_register("fpcr") & ~0x07ff9f00ul, 0, "FPCR holds nothing in its reserved bits");
  set_fpcr(0);
  write_register("fpsr", ~0ul);
  tap_equal(get_fpsr() & 0x0fffffff, QC | IDC | IXC | UFC | OFC | DZC | IOC, "FPSR has the flags");
  clear_fpsr();
  tap_equal(get_fpsr(), 0, "FPSR is cleared");
}

void tests(void) {
  test_registers();
  test_arithmetic();
  test_conversions();
  test_comparisons();
  test_integer_lanes();
  test_float_lanes();
  test_permutations();
  test_crypto();
}
