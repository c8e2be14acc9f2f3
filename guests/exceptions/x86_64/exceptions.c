// Exceptions: faults of ring 0 and 3, segments, system calls, 32-bit code, debug, stacks, interrupts.
//
// Parameter: tests=extensions for what QEMU does not survive, and no more.
#include "exceptions.h"
#include "../../common/arguments.h"
#include "../../common/tap.h"
#include "../../x86_64/apic.h"
#include "../../x86_64/paging.h"
#include "../../x86_64/programs.h"

void tests(void) {
  paging_init();
  programs_init();
  apic_init();
  char part[24];
  if (argument_text("tests", part, sizeof part) && listed(part, "extensions")) {
    test_control_extensions();
    return;
  }
  test_faults();
  test_control();
  test_segments();
  test_user();
  test_calls();
  test_compatibility();
  test_debug();
  test_delivery();
  test_interrupts();
}
