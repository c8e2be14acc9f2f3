// Where a pending interrupt is taken: the virtual timer's, through the interrupt controller.
#include "../../aarch64/aarch64.h"
#include "../../aarch64/accesses.h"
#include "../../aarch64/gic.h"
#include "../../aarch64/paging.h"
#include "../../common/timer.h"
#include "../../common/tap.h"
#include "exceptions.h"

enum { ISR_I = 0x80, VECTOR_IRQ_EL1 = 5, VECTOR_IRQ_EL0 = 9, UNMASKED = 0x345, DONE = 0x56000077 };

static void check_taken(const char *name, void (*function)(), const char *label) {
  struct taken taken = {0};
  guarded(&taken, function, 0, 0, 0);
  // Flags are those of the program.
  tap_ok(taken.vector == VECTOR_IRQ_EL1 && taken.elr == (uintptr_t)label && (taken.spsr & 0x3cf) == UNMASKED && taken.daif == 0x3c0,
         "%s takes the interrupt right behind it", name);
}

void test_interrupts(void) {
  tap_note("a pending interrupt");
  if (!gic_init()) tap_bail_out("there is no interrupt controller");
  timer_init();
  map_user();
  put_code(0xd503201f, 0xd4000ee1); // nop; svc #0x77
  tap_equal(read_register("isr_el1"), 0, "ISR_EL1 before");
  write_register("cntv_cval_el0", 0);
  write_register("cntv_ctl_el0", 1);
  tap_equal(read_register("isr_el1"), ISR_I, "ISR_EL1 when it is pending");
  check_taken("MSR DAIFClr", unmask, unmasked);
  check_taken("MSR DAIF", unmask_register, unmasked_register);
  check_taken("WFI comes back; MSR DAIFClr", wait_then_unmask, waited);
  check_user("masked at EL0", 0x80, 0, DONE, 8);
  struct taken taken = {0};
  guarded(&taken, enter, USER_CODE, 0, 0);
  tap_ok(taken.vector == VECTOR_IRQ_EL0 && taken.elr == USER_CODE, "at EL0 it is taken before the first instruction");
  gic_interrupt(); // acknowledges, stops the timer, ends
  tap_equal(gic_count(0, timer_interrupt()), 1, "it is the timer's");
  tap_equal(read_register("isr_el1"), 0, "ISR_EL1 after");
  write_register("cntv_ctl_el0", 0);
}
