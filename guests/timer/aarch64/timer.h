// The parts of the program.
#pragma once
#include <stdint.h>

enum { PHYSICAL, VIRTUAL };

uint64_t counter(void);
void test_el0(void);
