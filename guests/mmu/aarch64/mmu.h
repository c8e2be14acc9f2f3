// The parts of the program.
#pragma once
#include "../../aarch64/exception.h"
#include <stdint.h>

// AT S1E1R, S1E1W, S1E0R, S1E0W: 0 to 3. Gives PAR_EL1.
uint64_t translate(int operation, uint64_t address);
// One test: a guarded access that ended well if `esr` is 0, else with this syndrome at this address.
void check_access(const char *name, bool ended, const struct taken *taken, uint64_t esr, uint64_t far);

void test_permissions(void);
void test_faults(void);
void test_halves(void);
void test_edges(void);
void test_granules(void);
void test_tlb(void);
