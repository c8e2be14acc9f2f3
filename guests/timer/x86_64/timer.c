// Time: the time stamp counter, the PIT, the CMOS clock.
#include "timer.h"
#include "../../x86_64/apic.h"

void tests(void) {
  apic_init();
  test_tsc();
  test_pit();
  test_rtc();
}
