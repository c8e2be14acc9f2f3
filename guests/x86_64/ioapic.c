#include "ioapic.h"
#include "../common/tap.h"
#include "acpi.h"
#include "x86_64.h"

enum { SELECT = 0x00, WINDOW = 0x10 };
enum { FIRST_DEVICE_VECTOR = 0x30 };

bool ioapic_find(unsigned index, struct ioapic *ioapic) {
  const struct madt_ioapic *entry = madt_entry(MADT_IOAPIC, index);
  if (entry == 0) return false;
  *ioapic = (struct ioapic){entry->address, entry->id, entry->first_interrupt, 0};
  ioapic->pins = (ioapic_read(ioapic, IOAPIC_VERSION) >> 16 & 0xff) + 1;
  return true;
}

uint32_t ioapic_read(const struct ioapic *ioapic, uint8_t reg) {
  device_write32(ioapic->address + SELECT, reg);
  return device_read32(ioapic->address + WINDOW);
}

void ioapic_write(const struct ioapic *ioapic, uint8_t reg, uint32_t value) {
  device_write32(ioapic->address + SELECT, reg);
  device_write32(ioapic->address + WINDOW, value);
}

// The register with the low half of an interrupt's entry.
static uint8_t locate(uint32_t interrupt, struct ioapic *ioapic) {
  for (unsigned i = 0; ioapic_find(i, ioapic); i++) {
    uint32_t pin = interrupt - ioapic->first_interrupt;
    if (interrupt >= ioapic->first_interrupt && pin < ioapic->pins) return (uint8_t)(IOAPIC_ENTRY + 2 * pin);
  }
  tap_bail_out("no I/O APIC has interrupt %u", interrupt);
}

uint64_t ioapic_entry(uint32_t interrupt) {
  struct ioapic ioapic;
  uint8_t reg = locate(interrupt, &ioapic);
  return ioapic_read(&ioapic, reg) | (uint64_t)ioapic_read(&ioapic, reg + 1) << 32;
}

void ioapic_set_entry(uint32_t interrupt, uint64_t entry) {
  struct ioapic ioapic;
  uint8_t reg = locate(interrupt, &ioapic);
  ioapic_write(&ioapic, reg, IOAPIC_MASKED);
  ioapic_write(&ioapic, reg + 1, (uint32_t)(entry >> 32));
  ioapic_write(&ioapic, reg, (uint32_t)entry);
}

unsigned interrupt_vector(uint32_t interrupt) {
  return FIRST_DEVICE_VECTOR + interrupt;
}
