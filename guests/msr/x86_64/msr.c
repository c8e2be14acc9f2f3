// CPUID and model-specific registers: what can be kept, what is refused, FS and GS.
#include "msr.h"
#include "../../x86_64/paging.h"
#include "../../x86_64/programs.h"

void tests(void) {
  paging_init();
  programs_init();
  test_cpuid();
  test_registers();
  test_bases();
}
