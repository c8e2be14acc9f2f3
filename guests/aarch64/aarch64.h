// The CPU: system registers, barriers, accesses to devices.
#pragma once
#include "../common/machine.h"

// PSTATE.PAN (FEAT_PAN) in bit 22.
#define PAN "s3_0_c4_c2_3"

#define read_register(name) \
  ({ uint64_t value_; __asm__ volatile("mrs %0, " name : "=r"(value_)); value_; })
#define write_register(name, value) \
  __asm__ volatile("msr " name ", %0\n\tisb" ::"r"((uint64_t)(value)) : "memory")

// Exactly one load or store: a hypervisor cannot emulate pairs or ones with write-back.
static inline uint32_t read32(uint64_t address) {
  uint32_t value;
  __asm__ volatile("ldr %w0, [%1]" : "=r"(value) : "r"(address) : "memory");
  return value;
}

static inline void write32(uint64_t address, uint32_t value) {
  __asm__ volatile("str %w0, [%1]" ::"r"(value), "r"(address) : "memory");
}

static inline uint64_t read64(uint64_t address) {
  uint64_t value;
  __asm__ volatile("ldr %0, [%1]" : "=r"(value) : "r"(address) : "memory");
  return value;
}

static inline void barrier(void) {
  __asm__ volatile("dsb sy" ::: "memory");
}

static inline void wait_for_interrupt(void) {
  __asm__ volatile("dsb sy\n\twfi" ::: "memory");
}

static inline void wait_for_event(void) {
  __asm__ volatile("wfe" ::: "memory");
}

static inline void send_event(void) {
  __asm__ volatile("dsb sy\n\tsev" ::: "memory");
}

static inline void mask_interrupts(void) {
  __asm__ volatile("msr daifset, #2" ::: "memory");
}

static inline void unmask_interrupts(void) {
  __asm__ volatile("msr daifclr, #2" ::: "memory");
}

// Index of this CPU, 0..MAX_CPUS-1.
static inline unsigned cpu_index(void) {
  return (unsigned)read_register("tpidr_el1");
}

// Affinity fields of MPIDR_EL1: Aff3 in bits 39..32, Aff2..0 in 23..0.
static inline uint64_t cpu_affinity(void) {
  return read_register("mpidr_el1") & 0xff00ffffff;
}
