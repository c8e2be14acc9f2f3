// Atomic accesses (Arm ARM, chapter B2.9 and FEAT_LSE): exclusives, read-modify-write, several CPUs at once.
#include "atomics.h"

void tests(void) {
  test_exclusives();
  test_instructions();
  test_faults();
  test_cpus();
}
