// The CPUs of the machine.
#pragma once
#include "../common/cpu.h"

struct cpu {
  // Number of its local APIC.
  uint32_t apic_id;
  // Interrupts of cpu_ping that it has taken.
  volatile uint32_t answers;
  volatile bool running;
};

extern struct cpu cpus[MAX_CPUS];

enum { PING_VECTOR = 0xe0, EVENT_VECTOR = 0xe2 };

// What the boot protocol's memory map says: the index-th range; false if there are not so many. `type`: 1
// RAM, 3 ACPI tables.
bool memory_range(unsigned index, uint64_t *base, uint64_t *size, uint32_t *type);
