// The machine, for programs that do not know the architecture.
#include "../common/machine.h"
#include "acpi.h"
#include "apic.h"
#include "cpu.h"
#include "exception.h"
#include "ioapic.h"
#include "uart.h"
#include "x86_64.h"

// struct hvm_start_info of PVH (Xen, include/public/arch-x86/hvm/start_info.h).
struct start_info {
  uint32_t magic, version, flags, modules;
  uint64_t module_list, command_line, rsdp, memory_map;
  uint32_t memory_map_entries, reserved;
};
struct memory_map_entry {
  uint64_t base, size;
  uint32_t type, reserved;
};
enum { START_MAGIC = 0x336ec578 };
// Interrupts below are of the ISA bus: edges.
enum { FIRST_LEVEL = 16 };

static const struct start_info *start;

bool machine_init(const void *boot) {
  start = boot;
  uart_init();
  if (start->magic != START_MAGIC) start = 0;
  return start && acpi_open((const void *)start->rsdp);
}

const char *machine_command_line(void) {
  return start ? (const char *)start->command_line : 0;
}

bool memory_range(unsigned index, uint64_t *base, uint64_t *size, uint32_t *type) {
  if (start == 0 || index >= start->memory_map_entries) return false;
  const struct memory_map_entry *entry = (const struct memory_map_entry *)start->memory_map + index;
  *base = entry->base;
  *size = entry->size;
  *type = entry->type;
  return true;
}

void machine_off(void) {
  uart_flush();
  acpi_off();
  for (;;) __asm__ volatile("cli\n\thlt");
}

void machine_reset(void) {
  uart_flush();
  acpi_reset();
  for (;;) __asm__ volatile("cli\n\thlt");
}

bool machine_virtio(unsigned index, uint64_t *base, uint32_t *interrupt) {
  return acpi_device("LNRO0005", index, base, interrupt);
}

void machine_enable_interrupt(uint32_t interrupt, void (*handler)(void)) {
  unsigned vector = interrupt_vector(interrupt);
  if (!apic_is_ready()) apic_init();
  set_handler(vector, handler);
  ioapic_set_entry(interrupt, (uint64_t)apic_id() << 56 | (interrupt >= FIRST_LEVEL ? IOAPIC_LEVEL : 0) | vector);
}

void machine_mask_interrupts(void) {
  mask_interrupts();
}

void machine_unmask_interrupts(void) {
  unmask_interrupts();
}

void machine_wait_for_interrupt(void) {
  wait_for_interrupt();
}

uint8_t device_read8(uint64_t address) {
  uint8_t value;
  __asm__ volatile("movb (%1), %0" : "=q"(value) : "r"(address) : "memory");
  return value;
}

uint16_t device_read16(uint64_t address) {
  uint16_t value;
  __asm__ volatile("movw (%1), %0" : "=r"(value) : "r"(address) : "memory");
  return value;
}

uint32_t device_read32(uint64_t address) {
  uint32_t value;
  __asm__ volatile("movl (%1), %0" : "=r"(value) : "r"(address) : "memory");
  return value;
}

void device_write8(uint64_t address, uint8_t value) {
  __asm__ volatile("movb %0, (%1)" ::"q"(value), "r"(address) : "memory");
}

void device_write16(uint64_t address, uint16_t value) {
  __asm__ volatile("movw %0, (%1)" ::"r"(value), "r"(address) : "memory");
}

void device_write32(uint64_t address, uint32_t value) {
  __asm__ volatile("movl %0, (%1)" ::"r"(value), "r"(address) : "memory");
}

void memory_barrier(void) {
  __asm__ volatile("mfence" ::: "memory");
}
