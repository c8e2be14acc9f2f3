// The parts of the program, and a record of the interrupts that come.
#pragma once
#include "../../common/tap.h"
#include "../../x86_64/apic.h"
#include "../../x86_64/cpu.h"
#include "../../x86_64/exception.h"
#include "../../x86_64/x86_64.h"

// Vectors of three priority classes, and another of the second.
enum { LOW = 0x41, MIDDLE = 0x61, SECOND = 0x65, HIGH = 0x81 };

// Vectors in the order in which they came since the last start_log.
extern volatile unsigned logged;
extern volatile uint8_t vectors[16];
void start_log(void);
// Lets what is pending come.
void open(void);
// This CPU sends itself a vector.
void send_self(unsigned vector);

void test_registers(void);
void test_priorities(void);
void test_destinations(void);
void test_errors(void);
void test_timer(void);
void test_x2apic(void);
