// The parts of the program.
#pragma once

void test_cpuid(void);
void test_registers(void);
void test_bases(void);
