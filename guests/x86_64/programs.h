// Small programs in assembly that run in a ring and mode of choice until an exception ends them. INT 0x77
// behind each ends those that nothing else does.
#pragma once
#include "exception.h"

enum { DONE = 0x77 };

struct program {
  uint64_t start;
  // Where the exception is expected: the label 77, the start if there is none.
  uint64_t at;
};

// A program of this text; registers are written %%rax.
#define PROGRAM(text) \
  ({ struct program program_; \
     __asm__(".pushsection .programs, \"ax\", @progbits\n99: 77: " text "\n\tint $0x77\n\t.code64\n.popsection\n\t" \
             "movq $99b, %0\n\tmovq $77b, %1" : "=r"(program_.start), "=r"(program_.at)); \
     program_; })

// Where a program runs: rings 0 and 3 with 64 bits, ring 3 with 32 bits.
enum mode { SUPERVISOR, USER_64, USER_32 };

// Addresses of ring 3: programs, data[0], a stack.
#define USER_PROGRAMS (0x80000000ul + 0x100000)
#define USER_DATA_PAGE (0x80000000ul + 0x180000)
#define USER_STACK_TOP (0x80000000ul + 0x191000)

// Maps them; after paging_init.
void programs_init(void);
// An address of a program as the mode sees it.
uint64_t program_address(enum mode mode, uint64_t address);
// The registers with which a program starts: all 0, but RDI is the address of data[0], RSP that of a stack;
// interrupts are masked.
struct frame program_frame(struct program program, enum mode mode);
// Runs from these registers on; what ended it.
struct taken program_run(const struct frame *frame);
// The same, and it is a test: good if this exception came there. A program that is done need not be at `at`.
struct taken check_from(const char *name, const struct frame *frame, uint64_t at, unsigned vector, uint64_t error);
struct taken check(const char *name, enum mode mode, struct program program, unsigned vector, uint64_t error);
