// Reader of the ACPI tables (ACPI 6.4, chapters 5 and 6). Their byte code is not run: devices and sleep
// types are found by how they are written there.
#pragma once
#include <stdbool.h>
#include <stdint.h>

struct acpi_header {
  char signature[4];
  uint32_t length;
  uint8_t revision, checksum;
  char oem_id[6], oem_table_id[8];
  uint32_t oem_revision;
  char creator_id[4];
  uint32_t creator_revision;
} __attribute__((packed));

// Entries of the MADT.
enum { MADT_LOCAL_APIC = 0, MADT_IOAPIC = 1, MADT_OVERRIDE = 2 };
struct madt_local_apic {
  uint8_t type, length, processor, apic_id;
  uint32_t flags; // 1: there is one
} __attribute__((packed));
struct madt_ioapic {
  uint8_t type, length, id, reserved;
  uint32_t address, first_interrupt;
} __attribute__((packed));
struct madt_override {
  uint8_t type, length, bus, source;
  uint32_t interrupt;
  uint16_t flags;
} __attribute__((packed));

// False if there are no tables. `root`: the RSDP. To be called first.
bool acpi_open(const void *root);
// By signature; null if there is none with the right checksum.
const struct acpi_header *acpi_table(const char *signature);
// The index-th entry of a type; null if there are not so many.
const void *madt_entry(unsigned type, unsigned index);
// The index-th device with this _HID in the DSDT; its first memory range and interrupt.
bool acpi_device(const char *id, unsigned index, uint64_t *base, uint32_t *interrupt);
// Enters S5 by the sleep control register; returns if there is none.
void acpi_off(void);
// Writes the reset register; returns if there is none.
void acpi_reset(void);
