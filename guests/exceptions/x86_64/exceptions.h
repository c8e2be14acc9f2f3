// The parts of the program.
#pragma once

void test_faults(void);
void test_control(void);
void test_control_extensions(void);
void test_segments(void);
void test_user(void);
void test_calls(void);
void test_compatibility(void);
void test_debug(void);
void test_delivery(void);
void test_interrupts(void);
