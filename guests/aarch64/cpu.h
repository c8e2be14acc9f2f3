// The CPUs of the machine.
#pragma once
#include "../common/cpu.h"
#include "aarch64.h"

struct cpu {
  uint64_t affinity;
  uint64_t mpidr, midr;
  // Software-generated interrupts that it has taken.
  volatile uint32_t answers;
  volatile bool running;
};

extern struct cpu cpus[MAX_CPUS];
