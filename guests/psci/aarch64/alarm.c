// An interrupt that ends a sleep: that of the virtual timer. It stays masked in PSTATE.
#include "../../aarch64/gicv3.h"
#include "psci.h"

enum { TIMER = 27 };

void set_alarm(uint64_t ticks) {
  gicv3_configure(TIMER, 1, false, 0x80);
  write_register("cntv_cval_el0", read_register("cntvct_el0") + ticks);
  write_register("cntv_ctl_el0", 1);
}

bool alarmed(void) {
  return gicv3_signalled() == SIGNALLED_IRQ;
}

void stop_alarm(void) {
  write_register("cntv_ctl_el0", 0);
}
