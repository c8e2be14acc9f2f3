// The parts of the program.
#pragma once

void test_tsc(void);
void test_pit(void);
void test_rtc(void);
