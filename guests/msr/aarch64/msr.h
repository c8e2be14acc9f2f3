// The registers by what is to be expected of them.
#pragma once
#include <stdbool.h>
#include <stdint.h>

// Bits 20:5 of MRS and MSR.
#define REGISTER(op0, op1, crn, crm, op2) ((op0) << 14 | (op1) << 11 | (crn) << 7 | (crm) << 3 | (op2))

struct named {
  const char *name;
  unsigned id;
};

extern const struct read_only {
  const char *name;
  unsigned id;
  // EL0 may read it, too; all CPUs say the same.
  bool el0, everywhere;
} read_only[];
extern const unsigned read_only_count;

// Of EL2 and EL3, which are not there, or nobody's.
extern const struct named undefined[];
extern const unsigned undefined_count;

extern const struct named write_only[];
extern const unsigned write_only_count;

extern const struct stored {
  const char *name;
  unsigned id;
  // Bits that exist, and those that may be written.
  uint64_t bits, written;
} stored[];
extern const unsigned stored_count;
