// Interrupts, for programs that do not know the architecture.
#include "../common/machine.h"
#include "../common/tap.h"
#include "aarch64.h"
#include "gic.h"

void machine_enable_interrupt(uint32_t interrupt, void (*handler)(void)) {
  if (gic_version() == 0 && !gic_init()) tap_bail_out("there is no GIC");
  gic_enable(interrupt, handler);
}

void machine_mask_interrupts(void) {
  mask_interrupts();
}

void machine_unmask_interrupts(void) {
  unmask_interrupts();
}

void machine_wait_for_interrupt(void) {
  // Interrupts are masked, so one that comes before WFI is not handled too early: it ends WFI.
  wait_for_interrupt();
  unmask_interrupts();
  __asm__ volatile("isb");
  mask_interrupts();
}
