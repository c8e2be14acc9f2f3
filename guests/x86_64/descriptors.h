// Segment descriptors, task state segments and the interrupt descriptor table (Intel SDM vol. 3, 3.4.5,
// 7.7, 6.14). All CPUs share the tables; each has a task state segment of its own.
#pragma once
#include "x86_64.h"

struct tss {
  uint32_t reserved0;
  uint64_t rsp[3];
  uint64_t reserved1;
  uint64_t ist[7]; // ist[0] is IST1
  uint64_t reserved2;
  uint16_t reserved3, io_map;
} __attribute__((packed));

struct gate {
  uint16_t offset_low, selector;
  uint8_t ist, type; // type: P, DPL, type
  uint16_t offset_middle;
  uint32_t offset_high, reserved;
};

enum { INTERRUPT_GATE = 0x8e, TRAP_GATE = 0x8f, USER_GATE = 0xee };

extern uint64_t descriptors[32];
extern struct tss task_states[MAX_CPUS];
extern struct gate gates[256];

// Loads them on this CPU. Exceptions and interrupts of all vectors go to exception().
void descriptors_init(unsigned cpu);
// The vector goes to exception() by this kind of gate, on stack `ist` of the task state segment (0: none).
void set_gate(unsigned vector, uint8_t type, uint8_t ist);
