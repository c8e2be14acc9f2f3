// Local APIC (Intel SDM vol. 3, chapter 10) by its registers in memory.
#pragma once
#include <stdbool.h>
#include <stdint.h>

// Registers, as offsets.
enum {
  APIC_ID = 0x020,
  APIC_VERSION = 0x030,
  APIC_TPR = 0x080,
  APIC_PPR = 0x0a0,
  APIC_EOI = 0x0b0,
  APIC_LDR = 0x0d0,
  APIC_DFR = 0x0e0,
  APIC_SVR = 0x0f0,
  APIC_ISR = 0x100,
  APIC_TMR = 0x180,
  APIC_IRR = 0x200,
  APIC_ESR = 0x280,
  APIC_ICR_LOW = 0x300,
  APIC_ICR_HIGH = 0x310,
  APIC_LVT_TIMER = 0x320,
  APIC_LVT_LINT0 = 0x350,
  APIC_LVT_LINT1 = 0x360,
  APIC_LVT_ERROR = 0x370,
  APIC_TIMER_INITIAL = 0x380,
  APIC_TIMER_CURRENT = 0x390,
  APIC_TIMER_DIVIDE = 0x3e0,
};

// Of ICR_LOW: delivery modes and shorthands.
enum {
  ICR_NMI = 4 << 8,
  ICR_INIT = 5 << 8,
  ICR_STARTUP = 6 << 8,
  ICR_LOGICAL = 1 << 11,
  ICR_ASSERT = 1 << 14,
  ICR_SELF = 1 << 18,
  ICR_ALL = 2 << 18,
  ICR_OTHERS = 3 << 18,
};

enum { LVT_MASKED = 1 << 16, LVT_PERIODIC = 1 << 17, LVT_DEADLINE = 2 << 17, SVR_ENABLED = 1 << 8, DIVIDE_BY_1 = 11 };
enum { SPURIOUS_VECTOR = 0xff };

// Enables this CPU's, with all of its own sources masked; the first time also turns the two PICs off.
void apic_init(void);
// Whether apic_init has been called on this CPU.
bool apic_is_ready(void);
uint32_t apic_read(unsigned offset);
void apic_write(unsigned offset, uint32_t value);
// Number of this CPU's.
uint32_t apic_id(void);
// An interrupt to the APIC of this number: a vector and bits of ICR_LOW.
void apic_send(uint32_t id, uint32_t what);
// End of interrupt.
void apic_end(void);
// Whether a vector is set in the 256 bits of APIC_IRR, APIC_ISR or APIC_TMR.
bool apic_bit(unsigned registers, unsigned vector);
