// The parts of the program.
#pragma once
#include "../../aarch64/exception.h"
#include <stdint.h>

// One test: what exception ended a guarded call, if any did. `esr` is 0 if none was to.
void check(bool ended, const struct taken *taken, unsigned vector, uint64_t esr, const char *name);
// At EL0 from the first word of USER_CODE: the exception and how far behind that word it was taken.
void check_user(const char *name, uint64_t spsr, uint64_t x0, uint64_t esr, uint64_t elr);

void test_traps(void);
void test_returns(void);
void test_debug(void);
void test_interrupts(void);
