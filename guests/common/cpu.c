#include "cpu.h"

// What each CPU is to call; null when it has returned.
static void (*volatile jobs[MAX_CPUS])(void);

void cpu_work(unsigned index) {
  for (;;) {
    void (*job)(void) = jobs[index];
    if (job) {
      job();
      memory_barrier();
      jobs[index] = 0;
      cpu_wake();
    }
    cpu_doze();
  }
}

void cpu_begin(unsigned index, void (*function)(void)) {
  memory_barrier();
  jobs[index] = function;
  cpu_wake();
}

void cpu_wait(unsigned index) {
  while (jobs[index]) cpu_doze();
  memory_barrier();
}

void cpu_cancel(unsigned index) {
  jobs[index] = 0;
}

void cpu_call(unsigned index, void (*function)(void)) {
  cpu_begin(index, function);
  cpu_wait(index);
}
