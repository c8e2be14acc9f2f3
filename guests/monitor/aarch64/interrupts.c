#include "../../aarch64/cpu.h"
#include "../../aarch64/gic.h"
#include "../../aarch64/pl011.h"
#include "../../common/print.h"
#include "../../common/timer.h"
#include "../monitor.h"

static const char *interrupt_name(unsigned interrupt) {
  if (interrupt < 16) return "from a CPU";
  if (interrupt == timer_interrupt()) return "virtual timer";
  if (interrupt == pl011_interrupt()) return "serial line";
  return "";
}

void show_interrupts(int count, char **words) {
  (void)count, (void)words;
  print("GICv%u with %u interrupts, distributor 0x%08lx, %s 0x%08lx\n", gic_version(), gic_lines(),
        gic_distributor(), gic_version() == 3 ? "redistributor" : "CPU interface", gic_cpu_interface());
  for (unsigned cpu = 0; cpu < cpu_count; cpu++) {
    for (unsigned interrupt = 0; interrupt < gic_lines() && interrupt < GIC_SPURIOUS; interrupt++) {
      uint32_t times = gic_count(cpu, interrupt);
      if (times == 0) continue;
      print("cpu %u  interrupt %2u (%s) fired %u time%s\n", cpu, interrupt, interrupt_name(interrupt), times,
            times == 1 ? "" : "s");
    }
  }
}

const char *start_interrupts(void) {
  return !gic_init() ? 0 : gic_version() == 3 ? "GICv3" : "GICv2";
}
