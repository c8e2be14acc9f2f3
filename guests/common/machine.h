// What the runtime of each architecture gives to programs that share the rest.
#pragma once
#include <stdbool.h>
#include <stdint.h>

// CPUs that the runtime can start.
#define MAX_CPUS 8

// Each program's entry, with interrupts masked and memory mapped one to one; `boot` is what the boot
// protocol says of the machine. That of a test program is in program.c.
void run(const void *boot);

// Console output and power-off work from now on; false if nothing says what machine it is. To be called
// first.
bool machine_init(const void *boot);
// Sends what is still to be sent to the console and turns the machine off.
void machine_off(void) __attribute__((noreturn));
// The same, and it starts again.
void machine_reset(void) __attribute__((noreturn));
// Null if there is none.
const char *machine_command_line(void);
// The index-th place of a virtio-mmio device, in the order in which the machine describes them; a place
// may be empty. `interrupt`: for machine_enable_interrupt.
bool machine_virtio(unsigned index, uint64_t *base, uint32_t *interrupt);

// Exactly one access to a device.
uint8_t device_read8(uint64_t address);
uint16_t device_read16(uint64_t address);
uint32_t device_read32(uint64_t address);
void device_write8(uint64_t address, uint8_t value);
void device_write16(uint64_t address, uint16_t value);
void device_write32(uint64_t address, uint32_t value);
// All accesses before it, to memory and devices, are seen before all that follow.
void memory_barrier(void);

// Lets an interrupt through to this CPU's handler. Unless a program unmasks interrupts, they are taken in
// machine_wait_for_interrupt only.
void machine_enable_interrupt(uint32_t interrupt, void (*handler)(void));
void machine_mask_interrupts(void);
void machine_unmask_interrupts(void);
// With interrupts masked: sleeps until an interrupt is there (not at all if one already is) and lets it be handled.
void machine_wait_for_interrupt(void);
