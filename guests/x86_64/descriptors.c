#include "descriptors.h"

enum { ENTRY_STACK = 8192, NO_IO_MAP = sizeof(struct tss), AVAILABLE_TSS = 0x89 };

// By selector: 0, CODE_32, CODE_64, DATA, then those of ring 3.
uint64_t descriptors[32] __attribute__((aligned(16))) = {
    0,
    0x00cf9b000000ffff,
    0x00af9b000000ffff,
    0x00cf93000000ffff,
    0x00cffb000000ffff,
    0x00cff3000000ffff,
    0x00affb000000ffff,
    0x00cff3000000ffff,
};
struct tss task_states[MAX_CPUS];
struct gate gates[256] __attribute__((aligned(16)));
// Where exceptions of ring 3 are taken.
static uint8_t entry_stacks[MAX_CPUS][ENTRY_STACK] __attribute__((aligned(16)));

// In vectors.S.
extern char vector_entries[];
enum { VECTOR_ENTRY = 16 };

static void set_task_descriptor(unsigned cpu) {
  uint64_t base = (uintptr_t)&task_states[cpu], limit = sizeof(struct tss) - 1;
  uint64_t *descriptor = &descriptors[FIRST_TSS / 8 + 2 * cpu];
  descriptor[0] = limit | (base & 0xffffff) << 16 | (uint64_t)AVAILABLE_TSS << 40 | (base >> 24 & 0xff) << 56;
  descriptor[1] = base >> 32;
}

void set_gate(unsigned vector, uint8_t type, uint8_t ist) {
  uint64_t entry = (uintptr_t)vector_entries + vector * VECTOR_ENTRY;
  gates[vector] = (struct gate){(uint16_t)entry, CODE_64, ist, type, (uint16_t)(entry >> 16), (uint32_t)(entry >> 32), 0};
}

void descriptors_init(unsigned cpu) {
  struct {
    uint16_t limit;
    uint64_t base;
  } __attribute__((packed)) table = {sizeof gates - 1, (uintptr_t)gates};
  if (cpu == 0) {
    for (unsigned vector = 0; vector < 256; vector++) set_gate(vector, INTERRUPT_GATE, 0);
  }
  task_states[cpu].io_map = NO_IO_MAP;
  task_states[cpu].rsp[0] = (uintptr_t)&entry_stacks[cpu][ENTRY_STACK];
  set_task_descriptor(cpu);
  __asm__ volatile("lidt %0\n\tltr %w1\n\tlldt %w2" ::"m"(table), "r"(FIRST_TSS + 16 * cpu), "r"(0));
}
