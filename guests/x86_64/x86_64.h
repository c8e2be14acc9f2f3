// The CPU: instructions that C has no words for, selectors, bits of control registers.
#pragma once
#include "../common/machine.h"

// Selectors of descriptors.c. Those of ring 3 have the order that SYSRET and SYSEXIT ask for.
#define CODE_32 0x08
#define CODE_64 0x10
#define DATA 0x18
#define USER_CODE_32 0x23
#define USER_DATA 0x2b
#define USER_CODE_64 0x33
#define USER_DATA_64 0x3b // the same as USER_DATA: where SYSEXIT to 64 bits looks
#define FREE_SELECTOR 0x40 // four entries for tests
#define FIRST_TSS 0x80     // 16 bytes for each CPU

#define CR0_PE (1ul << 0)
#define CR0_MP (1ul << 1)
#define CR0_EM (1ul << 2)
#define CR0_TS (1ul << 3)
#define CR0_NE (1ul << 5)
#define CR0_WP (1ul << 16)
#define CR0_AM (1ul << 18)
#define CR0_PG (1ul << 31)
#define CR4_TSD (1ul << 2)
#define CR4_DE (1ul << 3)
#define CR4_PAE (1ul << 5)
#define CR4_PGE (1ul << 7)
#define CR4_OSFXSR (1ul << 9)
#define CR4_OSXMMEXCPT (1ul << 10)
#define CR4_UMIP (1ul << 11)
#define CR4_FSGSBASE (1ul << 16)
#define CR4_PCIDE (1ul << 17)
#define CR4_OSXSAVE (1ul << 18)
#define CR4_SMEP (1ul << 20)
#define CR4_SMAP (1ul << 21)

#define RFLAGS_CF (1ul << 0)
#define RFLAGS_FIXED (1ul << 1)
#define RFLAGS_ZF (1ul << 6)
#define RFLAGS_TF (1ul << 8)
#define RFLAGS_IF (1ul << 9)
#define RFLAGS_DF (1ul << 10)
#define RFLAGS_IOPL (3ul << 12)
#define RFLAGS_NT (1ul << 14)
#define RFLAGS_RF (1ul << 16)
#define RFLAGS_AC (1ul << 18)

#define MSR_TSC 0x10
#define MSR_APIC_BASE 0x1b
#define MSR_MISC_ENABLE 0x1a0
#define MSR_SYSENTER_CS 0x174
#define MSR_SYSENTER_ESP 0x175
#define MSR_SYSENTER_EIP 0x176
#define MSR_PAT 0x277
#define MSR_TSC_DEADLINE 0x6e0
#define MSR_X2APIC 0x800
#define MSR_EFER 0xc0000080
#define MSR_STAR 0xc0000081
#define MSR_LSTAR 0xc0000082
#define MSR_CSTAR 0xc0000083
#define MSR_FMASK 0xc0000084
#define MSR_FS_BASE 0xc0000100
#define MSR_GS_BASE 0xc0000101
#define MSR_KERNEL_GS_BASE 0xc0000102
#define MSR_TSC_AUX 0xc0000103

#define EFER_SCE (1ul << 0)
#define EFER_LME (1ul << 8)
#define EFER_LMA (1ul << 10)
#define EFER_NXE (1ul << 11)

#define read_control(name) \
  ({ uint64_t value_; __asm__ volatile("mov %%" name ", %0" : "=r"(value_)); value_; })
#define write_control(name, value) __asm__ volatile("mov %0, %%" name ::"r"((uint64_t)(value)) : "memory")

static inline uint64_t read_msr(uint32_t msr) {
  uint32_t low, high;
  __asm__ volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(msr) : "memory");
  return (uint64_t)high << 32 | low;
}

static inline void write_msr(uint32_t msr, uint64_t value) {
  __asm__ volatile("wrmsr" ::"c"(msr), "a"((uint32_t)value), "d"((uint32_t)(value >> 32)) : "memory");
}

struct cpuid {
  uint32_t eax, ebx, ecx, edx;
};

static inline struct cpuid cpuid(uint32_t leaf, uint32_t subleaf) {
  struct cpuid r;
  __asm__ volatile("cpuid" : "=a"(r.eax), "=b"(r.ebx), "=c"(r.ecx), "=d"(r.edx) : "a"(leaf), "c"(subleaf));
  return r;
}

static inline uint64_t read_tsc(void) {
  uint32_t low, high;
  __asm__ volatile("lfence\n\trdtsc" : "=a"(low), "=d"(high)::"memory");
  return (uint64_t)high << 32 | low;
}

static inline uint8_t in8(uint16_t port) {
  uint8_t value;
  __asm__ volatile("inb %1, %0" : "=a"(value) : "Nd"(port) : "memory");
  return value;
}

static inline void out8(uint16_t port, uint8_t value) {
  __asm__ volatile("outb %0, %1" ::"a"(value), "Nd"(port) : "memory");
}

static inline void pause(void) {
  __asm__ volatile("pause" ::: "memory");
}

static inline void mask_interrupts(void) {
  __asm__ volatile("cli" ::: "memory");
}

static inline void unmask_interrupts(void) {
  __asm__ volatile("sti\n\tnop" ::: "memory");
}

// Sleeps until an interrupt, with interrupts masked before and after: STI lets none in before HLT.
static inline void wait_for_interrupt(void) {
  __asm__ volatile("sti\n\thlt\n\tcli" ::: "memory");
}

static inline void invalidate_page(uint64_t address) {
  __asm__ volatile("invlpg (%0)" ::"r"(address) : "memory");
}

static inline void invalidate_all(void) {
  write_control("cr3", read_control("cr3"));
}

// Index of this CPU, 0..MAX_CPUS-1: which task state segment it has.
static inline unsigned cpu_index(void) {
  uint32_t selector;
  __asm__("str %0" : "=r"(selector));
  return (selector - FIRST_TSS) / 16;
}
