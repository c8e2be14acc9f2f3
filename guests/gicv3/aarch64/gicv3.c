// GICv3 (Arm IHI 0069): groups, priorities, preemption, pending and active states, SGIs, routing.
#include "gicv3.h"
#include "../../aarch64/cpu.h"
#include "../../common/arguments.h"
#include "../../common/tap.h"

static void join(void) {
  mask_interrupts();
  gicv3_init_cpu();
}

void set_line(bool high) {
  write_register("cntv_cval_el0", 0);
  write_register("cntv_ctl_el0", high ? 1 : 0);
  barrier();
}

void tests(void) {
  gicv3_init();
  gicv3_init_cpu();
  if (cpu_count < CPUS) tap_bail_out("there are not enough CPUs");
  for (unsigned cpu = 1; cpu < CPUS; cpu++) {
    cpu_start(cpu);
    cpu_call(cpu, join);
  }
  char part[16];
  if (argument_text("tests", part, sizeof part) && listed(part, "extensions")) {
    test_extensions();
    return;
  }
  test_registers();
  test_states();
  test_priorities();
  test_groups();
  test_sgis();
  test_routing();
}
