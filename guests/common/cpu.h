// The CPUs of the machine, the work that they are given, and its memory.
#pragma once
#include "machine.h"

extern unsigned cpu_count;
extern uint64_t ram_base, ram_size;

// Finds both and maps all RAM. The first CPU must be the calling one.
void cpu_init(void);
// Turns a CPU on and waits until it is ready for interrupts: 0 or an error of the machine.
int cpu_start(unsigned index);
// Has a running CPU call a function, with interrupts unmasked, and waits until it returns.
void cpu_call(unsigned index, void (*function)(void));
// The same without the wait; cpu_wait waits.
void cpu_begin(unsigned index, void (*function)(void));
void cpu_wait(unsigned index);
// Forgets what a CPU was to call that has been stopped.
void cpu_cancel(unsigned index);
// Sends it an interrupt and waits for the answer.
void cpu_ping(unsigned index);

// For the runtime: does what cpu_begin gives to this CPU.
void cpu_work(unsigned index) __attribute__((noreturn));
// Of each architecture: waits until something may have changed; tells CPUs that wait that it has.
void cpu_doze(void);
void cpu_wake(void);
