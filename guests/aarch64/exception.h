// Exceptions: interrupts go to the interrupt controller, faults to who expects them.
#pragma once
#include "../common/context.h"
#include <stdbool.h>
#include <stdint.h>

// As vectors.S lays it on the stack.
struct frame {
  uint64_t x[31];
  uint64_t elr, spsr, esr, far, unused;
};

// What the program does with an exception that nobody expects. That of fault.c, unless the program has
// its own, prints "Bail out!" with the exception and turns the machine off.
// `vector`: number of the entry in the vector table, 0..15.
void on_fault(const struct frame *frame, unsigned vector);

// From expect_fault to expected_fault, a fault on this CPU is recorded and the instruction skipped
// (a jump to where nothing can be executed returns).
void expect_fault(void);
// True if there was one since expect_fault.
bool expected_fault(struct frame *fault);

// What an exception left in the registers, and PSTATE where it was taken.
struct taken {
  // Number of the entry in the vector table, 0..15.
  unsigned vector;
  uint64_t esr, far, elr, spsr, daif, pan;
};

// Calls a function, accesses.h has some. An exception of any kind, also an interrupt and one of EL0, ends
// the call: true, and what it was in `taken`. PSTATE.DAIF and PAN are as before in either case.
bool guarded(struct taken *taken, void (*function)(), uint64_t a, uint64_t b, uint64_t c);

// "data abort" for the exception class in bits 31..26 of an ESR.
const char *exception_name(uint64_t esr);
// Whether FAR goes with this exception.
bool exception_has_address(uint64_t esr);
