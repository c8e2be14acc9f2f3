#include "../common/timer.h"
#include "../common/fdt.h"
#include "aarch64.h"
#include "gic.h"

enum { CNTV_CTL_ENABLE = 1, CNTV_CTL_IMASK = 2 };
enum { VIRTUAL_TIMER = 2 }; // third of its interrupts in the device tree

static uint32_t interrupt = 27;
static volatile uint32_t fired;

static void on_interrupt(void) {
  write_register("cntv_ctl_el0", CNTV_CTL_ENABLE | CNTV_CTL_IMASK);
  fired++;
}

void timer_init(void) {
  struct fdt_node node;
  if (fdt_find_compatible("arm,armv8-timer", &node)) fdt_interrupt(&node, VIRTUAL_TIMER, &interrupt);
  write_register("cntv_ctl_el0", 0);
  gic_enable(interrupt, on_interrupt);
}

unsigned timer_interrupt(void) {
  return interrupt;
}

uint32_t timer_interrupts(void) {
  return fired;
}

uint64_t timer_frequency(void) {
  return read_register("cntfrq_el0");
}

uint64_t timer_count(void) {
  __asm__ volatile("isb" ::: "memory");
  return read_register("cntvct_el0");
}

uint64_t timer_microseconds(uint64_t ticks) {
  uint64_t frequency = timer_frequency();
  if (frequency == 0) return 0;
  return ticks / frequency * 1000000 + ticks % frequency * 1000000 / frequency;
}

uint64_t timer_sleep(uint64_t ticks, bool (*stop)(void)) {
  uint64_t start = timer_count();
  uint32_t before = fired;
  write_register("cntv_cval_el0", start + ticks);
  write_register("cntv_ctl_el0", CNTV_CTL_ENABLE);
  // Masked from the test to the wait: a pending interrupt ends WFI all the same.
  for (;;) {
    mask_interrupts();
    if (fired != before) break;
    wait_for_interrupt();
    unmask_interrupts();
    if (stop()) break;
  }
  unmask_interrupts();
  write_register("cntv_ctl_el0", 0);
  return timer_count() - start;
}
