// What the runtime of each architecture gives to programs that share the rest.
#pragma once
#include <stdint.h>

// Sends what is still to be sent to the console and turns the machine off.
void machine_off(void) __attribute__((noreturn));

// Exactly one access to a device.
uint8_t device_read8(uint64_t address);
uint16_t device_read16(uint64_t address);
uint32_t device_read32(uint64_t address);
void device_write8(uint64_t address, uint8_t value);
void device_write16(uint64_t address, uint16_t value);
void device_write32(uint64_t address, uint32_t value);
// All accesses before it, to memory and devices, are seen before all that follow.
void memory_barrier(void);

// Lets an interrupt, by the number of fdt_interrupt, through to this CPU's handler. Interrupts are taken
// in machine_wait_for_interrupt only.
void machine_enable_interrupt(uint32_t interrupt, void (*handler)(void));
// Sleeps until an interrupt is there (not at all if one already is) and lets it be handled.
void machine_wait_for_interrupt(void);
