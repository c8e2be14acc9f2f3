// Generic Interrupt Controller, architecture versions 2 and 3 (Arm IHI 0048, IHI 0069); all interrupts
// in one group, taken as IRQ.
#pragma once
#include <stdbool.h>
#include <stdint.h>

#define GIC_SPURIOUS 1020

// Distributor and the first CPU's interface; false if the device tree names neither version.
bool gic_init(void);
// This CPU's interface: on the others.
void gic_init_cpu(void);
// 2 or 3; 0 before gic_init.
unsigned gic_version(void);
// Interrupts that the distributor implements.
unsigned gic_lines(void);
uint64_t gic_distributor(void);
// GICC, or this CPU's redistributor.
uint64_t gic_cpu_interface(void);
// Enables an interrupt, a private one on this CPU, a shared one for this CPU.
void gic_enable(unsigned interrupt, void (*handler)(void));
// Software-generated interrupt 0..15 to a CPU by its index and affinity.
void gic_send(unsigned interrupt, unsigned cpu, uint64_t affinity);
// How often a CPU took an interrupt.
uint32_t gic_count(unsigned cpu, unsigned interrupt);
// The IRQ exception.
void gic_interrupt(void);
