#include "acpi.h"
#include "../common/machine.h"
#include "../common/text.h"

// Offsets.
enum { RSDP_REVISION = 15, RSDP_RSDT = 16, RSDP_XSDT = 24 };
enum { MADT_ENTRIES = 44, FADT_DSDT = 40, FADT_RESET = 116, FADT_RESET_VALUE = 128, FADT_X_DSDT = 140, FADT_SLEEP_CONTROL = 244 };
// A generic address: space, then where the address is.
enum { SPACE_MEMORY = 0, SPACE_PORT = 1, GENERIC_ADDRESS = 4 };
// Byte code: a package, an integer of one byte.
enum { AML_PACKAGE = 0x12, AML_BYTE = 0x0a };
// Resources: 32-bit memory range, interrupt.
enum { MEMORY_32 = 0x86, MEMORY_32_BYTES = 9, MEMORY_32_BASE = 4, INTERRUPT = 0x89, INTERRUPT_NUMBER = 5 };
enum { SLEEP_ENABLE = 1 << 5 };

static const uint8_t *rsdp;

static uint64_t read(const void *from, unsigned offset, unsigned bytes) {
  uint64_t value = 0;
  memcpy(&value, (const uint8_t *)from + offset, bytes);
  return value;
}

static bool sums_up(const void *table, uint32_t bytes) {
  uint8_t sum = 0;
  for (uint32_t i = 0; i < bytes; i++) sum += ((const uint8_t *)table)[i];
  return sum == 0;
}

bool acpi_open(const void *root) {
  rsdp = root && memcmp(root, "RSD PTR ", 8) == 0 && sums_up(root, 20) ? root : 0;
  return rsdp != 0;
}

const struct acpi_header *acpi_table(const char *signature) {
  if (rsdp == 0) return 0;
  unsigned bytes = rsdp[RSDP_REVISION] >= 2 ? 8 : 4;
  const struct acpi_header *list = (const void *)read(rsdp, bytes == 8 ? RSDP_XSDT : RSDP_RSDT, bytes);
  for (unsigned at = sizeof *list; at + bytes <= list->length; at += bytes) {
    const struct acpi_header *table = (const void *)read(list, at, bytes);
    if (memcmp(table->signature, signature, 4) == 0 && sums_up(table, table->length)) return table;
  }
  return 0;
}

const void *madt_entry(unsigned type, unsigned index) {
  const struct acpi_header *madt = acpi_table("APIC");
  if (madt == 0) return 0;
  const uint8_t *end = (const uint8_t *)madt + madt->length;
  for (const uint8_t *entry = (const uint8_t *)madt + MADT_ENTRIES; entry + 2 <= end && entry[1] >= 2; entry += entry[1]) {
    if (entry[0] == type && index-- == 0) return entry;
  }
  return 0;
}

static const struct acpi_header *dsdt(void) {
  const struct acpi_header *fadt = acpi_table("FACP");
  if (fadt == 0) return 0;
  uint64_t address = fadt->length > FADT_X_DSDT ? read(fadt, FADT_X_DSDT, 8) : 0;
  return (const void *)(address ? address : read(fadt, FADT_DSDT, 4));
}

// The next place with these bytes, behind them; null if there is none.
static const uint8_t *find(const uint8_t *from, const uint8_t *end, const char *text, unsigned bytes) {
  for (; from + bytes <= end; from++) {
    if (memcmp(from, text, bytes) == 0) return from + bytes;
  }
  return 0;
}

bool acpi_device(const char *id, unsigned index, uint64_t *base, uint32_t *interrupt) {
  const struct acpi_header *table = dsdt();
  if (table == 0) return false;
  unsigned length = (unsigned)text_length(id);
  const uint8_t *end = (const uint8_t *)table + table->length, *at = (const uint8_t *)(table + 1);
  do at = find(at, end, id, length);
  while (at && index-- > 0);
  // Its resources come before the next device.
  for (; at && at + MEMORY_32_BYTES + 3 <= end; at++) {
    if (at[0] != MEMORY_32 || read(at, 1, 2) != MEMORY_32_BYTES) continue;
    const uint8_t *next = at + MEMORY_32_BYTES + 3;
    *base = read(at, MEMORY_32_BASE, 4);
    if (next + INTERRUPT_NUMBER + 4 > end || next[0] != INTERRUPT) return false;
    *interrupt = (uint32_t)read(next, INTERRUPT_NUMBER, 4);
    return true;
  }
  return false;
}

// The first number of _S5's package.
static uint8_t sleep_type(void) {
  const struct acpi_header *table = dsdt();
  if (table == 0) return 0;
  const uint8_t *end = (const uint8_t *)table + table->length;
  const uint8_t *at = find((const uint8_t *)(table + 1), end, "_S5_", 4);
  // Package, its length in one byte, the number of its elements.
  if (at == 0 || at + 5 > end || at[0] != AML_PACKAGE) return 0;
  return at[3] == AML_BYTE ? at[4] : at[3];
}

static void write_generic(const struct acpi_header *table, unsigned offset, uint8_t value) {
  uint64_t address = read(table, offset + GENERIC_ADDRESS, 8);
  uint8_t space = (uint8_t)read(table, offset, 1);
  if (address == 0) return;
  if (space == SPACE_MEMORY) device_write8(address, value);
  else if (space == SPACE_PORT) __asm__ volatile("outb %0, %1" ::"a"(value), "d"((uint16_t)address));
}

void acpi_off(void) {
  const struct acpi_header *fadt = acpi_table("FACP");
  if (fadt == 0 || fadt->length < FADT_SLEEP_CONTROL + 12) return;
  write_generic(fadt, FADT_SLEEP_CONTROL, (uint8_t)(sleep_type() << 2 | SLEEP_ENABLE));
}

void acpi_reset(void) {
  const struct acpi_header *fadt = acpi_table("FACP");
  if (fadt == 0) return;
  write_generic(fadt, FADT_RESET, (uint8_t)read(fadt, FADT_RESET_VALUE, 1));
}
