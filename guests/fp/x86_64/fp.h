// The parts of the program: operations that run with many operands and settings, and what they give.
#pragma once
#include <stdbool.h>
#include <stdint.h>

union vector {
  uint8_t bytes[16];
  uint32_t words[4];
  uint64_t halves[2];
};

// An instruction of sse.S, mmx.S or x87.S, with checksums of its results and flags, by a CPU. `plain`:
// without what QEMU does in another way; `full`: with all. They are the same where there is nothing of it.
struct operation {
  uint64_t plain, full;
  const char *name;
  void (*run)(void *result, const void *a, const void *b);
};

// A step of a checksum.
static inline uint64_t mix(uint64_t hash, uint64_t value) {
  hash = (hash ^ value) * 0x9e3779b97f4a7c15;
  return hash ^ hash >> 29;
}

static inline void set_mxcsr(uint32_t value) {
  __asm__ volatile("ldmxcsr %0" ::"m"(value));
}

static inline uint32_t get_mxcsr(void) {
  uint32_t value;
  __asm__ volatile("stmxcsr %0" : "=m"(value));
  return value;
}

// Tests of all rows of a table, by their plain or full checksums.
void check_operations(const struct operation *first, const struct operation *end, bool full, uint64_t (*checksum)(const struct operation *, bool full));
// A CPU feature by CPUID: leaf, register 0 to 3 (EAX, EBX, ECX, EDX), bit.
bool has_feature(uint32_t leaf, unsigned reg, unsigned bit);

void test_sse(void);
void test_mmx(void);
void test_x87(void);
void test_state(void);
// All denormals, NaNs and flags.
void test_sse_extensions(void);
void test_x87_extensions(void);
