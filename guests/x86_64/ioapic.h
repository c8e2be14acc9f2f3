// The I/O APICs (Intel 82093AA) by the numbers of global system interrupts.
#pragma once
#include <stdbool.h>
#include <stdint.h>

// Bits of a redirection entry.
#define IOAPIC_LOGICAL (1ul << 11)
#define IOAPIC_PENDING (1ul << 12)
#define IOAPIC_LOW (1ul << 13)
#define IOAPIC_REMOTE_IRR (1ul << 14)
#define IOAPIC_LEVEL (1ul << 15)
#define IOAPIC_MASKED (1ul << 16)
enum { IOAPIC_ID = 0, IOAPIC_VERSION = 1, IOAPIC_ARBITRATION = 2, IOAPIC_ENTRY = 0x10 };

// The index-th I/O APIC of the ACPI tables; false if there are not so many.
struct ioapic {
  uint64_t address;
  uint32_t id, first_interrupt, pins;
};
bool ioapic_find(unsigned index, struct ioapic *ioapic);
uint32_t ioapic_read(const struct ioapic *ioapic, uint8_t reg);
void ioapic_write(const struct ioapic *ioapic, uint8_t reg, uint32_t value);

// The redirection entry of an interrupt.
uint64_t ioapic_entry(uint32_t interrupt);
void ioapic_set_entry(uint32_t interrupt, uint64_t entry);
// The vector that interrupts of devices have, unless a program chooses another.
unsigned interrupt_vector(uint32_t interrupt);
