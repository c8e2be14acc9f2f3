// A place in the program to come back to, as setjmp and longjmp.
#pragma once
#include <stdint.h>

// Registers that calls keep; no architecture has more.
struct context {
  uint64_t registers[13];
};

int save_context(struct context *context) __attribute__((returns_twice));
void restore_context(struct context *context, int result) __attribute__((noreturn));
