// Atomic accesses: locked instructions, exchanges of 8 and 16 bytes, four CPUs.
#include "atomics.h"

void tests(void) {
  unmask_interrupts();
  test_instructions();
  test_faults();
  test_cpus();
}
