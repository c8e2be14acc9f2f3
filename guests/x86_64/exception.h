// Exceptions and interrupts.
#pragma once
#include "../common/context.h"
#include <stdbool.h>
#include <stdint.h>

enum {
  DIVIDE_ERROR = 0,
  DEBUG = 1,
  NMI = 2,
  BREAKPOINT = 3,
  OVERFLOW = 4,
  INVALID_OPCODE = 6,
  NO_DEVICE = 7,
  DOUBLE_FAULT = 8,
  INVALID_TSS = 10,
  NOT_PRESENT = 11,
  STACK_FAULT = 12,
  PROTECTION = 13,
  PAGE_FAULT = 14,
  X87_ERROR = 16,
  ALIGNMENT_CHECK = 17,
  SIMD_ERROR = 19,
  FIRST_INTERRUPT = 32,
};

// As vectors.S lays it on the stack.
struct frame {
  uint64_t r15, r14, r13, r12, r11, r10, r9, r8, rdi, rsi, rbp, rbx, rdx, rcx, rax;
  uint64_t vector, error;
  uint64_t rip, cs, rflags, rsp, ss;
};

// Goes on in the state of a frame, by IRETQ.
void enter(const struct frame *frame) __attribute__((noreturn));

// What the program does with an exception that nobody expects. That of fault.c, unless the program has
// its own, prints "Bail out!" with the exception and turns the machine off.
void on_fault(const struct frame *frame);
// An interrupt of this vector calls the function, which ends it at its source; the local APIC is told. The
// one before.
void (*set_handler(unsigned vector, void (*handler)(void)))(void);
// How often a CPU took it; not in guarded().
uint32_t interrupt_count(unsigned cpu, unsigned vector);

// What an exception found.
struct taken {
  struct frame frame;
  uint64_t cr2;
  // Of its handler.
  uint64_t rflags, rsp;
  uint16_t cs, ss;
};

// Calls a function, accesses.h has some. An exception of any kind, also an interrupt and one of ring 3,
// ends the call: true, and what it was in `taken`. RFLAGS are as before in either case.
bool guarded(struct taken *taken, void (*function)(), uint64_t a, uint64_t b, uint64_t c);

// "page fault".
const char *exception_name(unsigned vector);
// "#PF".
const char *exception_mnemonic(unsigned vector);
