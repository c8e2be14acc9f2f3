// The parts of the program.
#pragma once
#include "../../common/tap.h"
#include <stdint.h>

void test_exclusives(void);
void test_instructions(void);
void test_faults(void);
// On all CPUs of the machine.
void test_cpus(void);
