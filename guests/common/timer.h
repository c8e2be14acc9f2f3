// A counter of time and a deadline: the virtual timer of the generic timer (Arm ARM, chapter D11), the TSC
// and the local APIC's timer (Intel SDM vol. 3, 17.17 and 10.5.4).
#pragma once
#include <stdbool.h>
#include <stdint.h>

// Enables its interrupt on this CPU.
void timer_init(void);
// Number of its interrupt; how often it came.
unsigned timer_interrupt(void);
uint32_t timer_interrupts(void);
// Ticks per second.
uint64_t timer_frequency(void);
uint64_t timer_count(void);
uint64_t timer_microseconds(uint64_t ticks);
// Waits for the interrupt of a deadline, or until an interrupt after which `stop` is true; returns how many
// ticks it took. `stop` is called with interrupts enabled.
uint64_t timer_sleep(uint64_t ticks, bool (*stop)(void));
