// The CPUs of the machine and its memory.
#pragma once
#include "aarch64.h"
#include <stdbool.h>

struct cpu {
  uint64_t affinity;
  uint64_t mpidr, midr;
  // Software-generated interrupts that it has taken.
  volatile uint32_t answers;
  volatile bool running;
  // What it is to call; null when it has returned.
  void (*volatile job)(void);
};

extern struct cpu cpus[MAX_CPUS];
extern unsigned cpu_count;
extern uint64_t ram_base, ram_size;

// Reads both from the device tree and maps all RAM. The first CPU must be the calling one.
void cpu_init(void);
// Turns a CPU on and waits until it is ready for interrupts: 0 or a PSCI error.
int cpu_start(unsigned index);
// Has a running CPU call a function, with interrupts unmasked, and waits until it returns.
void cpu_call(unsigned index, void (*function)(void));
// The same without the wait; cpu_wait waits.
void cpu_begin(unsigned index, void (*function)(void));
void cpu_wait(unsigned index);
// Sends it an interrupt and waits for the answer.
void cpu_ping(unsigned index);
