// The parts of the program.
#pragma once
#include "../../common/tap.h"
#include "../../x86_64/cpu.h"
#include "../../x86_64/x86_64.h"

void test_instructions(void);
void test_faults(void);
void test_cpus(void);
