// The parts of the program, and FPCR and FPSR (Arm ARM C5.2.7, C5.2.8).
#pragma once
#include "../../aarch64/aarch64.h"
#include "../../common/tap.h"
#include <stdint.h>

// FPCR.
enum { RN = 0 << 22, RP = 1 << 22, RM = 2 << 22, RZ = 3 << 22, FZ = 1 << 24, DN = 1 << 25, AHP = 1 << 26 };
// FPSR.
enum { IOC = 1, DZC = 2, OFC = 4, UFC = 8, IXC = 16, IDC = 128, QC = 1 << 27 };

static inline void set_fpcr(uint64_t value) {
  write_register("fpcr", value);
}

static inline void clear_fpsr(void) {
  write_register("fpsr", 0);
}

static inline uint64_t get_fpsr(void) {
  return read_register("fpsr");
}

// Small numbers that repeat: the same everywhere.
static inline uint64_t next_random(uint64_t *state) {
  *state = *state * 6364136223846793005u + 1442695040888963407u;
  return *state ^ *state >> 29;
}

void test_registers(void);
void test_arithmetic(void);
void test_conversions(void);
void test_comparisons(void);
void test_integer_lanes(void);
void test_float_lanes(void);
void test_permutations(void);
void test_crypto(void);
