// Which of several, the mask, preemption, active priorities; groups 0 and 1.
#include "../../common/tap.h"
#include "gicv3.h"

static void raise(unsigned interrupt) {
  gicv3_set_bit(GIC_ISPENDR, interrupt);
}

void test_priorities(void) {
  tap_note("priorities");
  gicv3_configure(SPI_A, 1, true, 0xa0);
  gicv3_configure(SPI_B, 1, true, 0x80);
  gicv3_configure(SPI_C, 1, true, 0xa0);
  raise(SPI_C);
  raise(SPI_A);
  raise(SPI_B);
  static const unsigned order[] = {SPI_B, SPI_A, SPI_C};
  for (unsigned i = 0; i < 3; i++) {
    tap_equal(read_register(ICC_HPPIR1_EL1), order[i], "the most urgent, then the lowest id: %u", order[i]);
    unsigned taken = gicv3_take();
    tap_equal(taken, order[i], "taken");
    gicv3_end(taken);
  }
  tap_equal(read_register(ICC_HPPIR1_EL1), GIC_SPURIOUS_ID, "nothing more");

  write_register(ICC_PMR_EL1, 0x80);
  raise(SPI_B);
  tap_equal(gicv3_signalled(), 0, "a priority that equals the mask");
  tap_equal(gicv3_take(), GIC_SPURIOUS_ID, "is not taken");
  write_register(ICC_PMR_EL1, 0x88);
  tap_equal(gicv3_signalled(), SIGNALLED_IRQ, "one step more");
  gicv3_set_priority(SPI_B, 0x90);
  tap_equal(gicv3_signalled(), 0, "a new priority counts at once");
  write_register(ICC_PMR_EL1, 0xf8);
  tap_equal(gicv3_take(), SPI_B, "taken");
  gicv3_end(SPI_B);

  tap_note("preemption");
  gicv3_set_priority(SPI_A, 0xa0);
  gicv3_set_priority(SPI_B, 0x90);
  gicv3_set_priority(SPI_C, 0x40);
  raise(SPI_A);
  tap_equal(gicv3_take(), SPI_A, "the first");
  raise(SPI_B);
  tap_equal(gicv3_signalled(), SIGNALLED_IRQ, "a more urgent one is signalled");
  tap_equal(gicv3_take(), SPI_B, "and taken");
  raise(SPI_C);
  tap_equal(gicv3_take(), SPI_C, "a third");
  tap_equal(read_register(ICC_AP1R0_EL1), 1u << 20 | 1u << 18 | 1u << 8, "ICC_AP1R0_EL1: three active priorities");
  tap_equal(read_register(ICC_RPR_EL1), 0x40, "ICC_RPR_EL1: that of the third");
  gicv3_end(SPI_C);
  gicv3_end(SPI_B);
  tap_equal(read_register(ICC_RPR_EL1), 0xa0, "two ended");
  gicv3_end(SPI_A);
  tap_equal(read_register(ICC_AP1R0_EL1), 0, "all ended");

  write_register(ICC_BPR1_EL1, 6); // groups of 0x40
  raise(SPI_A);
  tap_equal(gicv3_take(), SPI_A, "binary point 6");
  tap_equal(read_register(ICC_RPR_EL1), 0x80, "the running priority is that of the group");
  raise(SPI_B);
  tap_equal(gicv3_signalled(), 0, "of the same group: no preemption");
  raise(SPI_C);
  tap_equal(gicv3_take(), SPI_C, "of another: preemption");
  gicv3_end(SPI_C);
  gicv3_end(SPI_A);
  tap_equal(gicv3_take(), SPI_B, "then the other of the group");
  gicv3_end(SPI_B);
  write_register(ICC_BPR1_EL1, 3);
}

void test_groups(void) {
  tap_note("groups");
  gicv3_configure(SPI_A, 0, true, 0x80);
  gicv3_configure(SPI_B, 1, true, 0x90);
  raise(SPI_B);
  tap_equal(gicv3_signalled(), SIGNALLED_IRQ, "group 1 is an IRQ");
  raise(SPI_A);
  tap_equal(gicv3_signalled(), SIGNALLED_FIQ, "group 0, more urgent, is an FIQ");
  tap_equal(read_register(ICC_HPPIR1_EL1), GIC_SPURIOUS_ID, "ICC_HPPIR1_EL1 does not show it");
  tap_equal(read_register(ICC_HPPIR0_EL1), SPI_A, "ICC_HPPIR0_EL1 does");
  tap_equal(gicv3_take(), GIC_SPURIOUS_ID, "ICC_IAR1_EL1 does not take it");
  tap_equal(read_register(ICC_IAR0_EL1), SPI_A, "ICC_IAR0_EL1 does");
  tap_equal(read_register(ICC_AP0R0_EL1), 1u << 16, "ICC_AP0R0_EL1");
  gicv3_end(SPI_A);
  tap_equal(read_register(ICC_RPR_EL1), 0x80, "ICC_EOIR1_EL1 does not end it");
  write_register(ICC_EOIR0_EL1, SPI_A);
  tap_equal(gicv3_take(), SPI_B, "then the other group");
  gicv3_end(SPI_B);

  raise(SPI_A);
  raise(SPI_B);
  write_register(ICC_IGRPEN0_EL1, 0);
  tap_equal(gicv3_signalled(), SIGNALLED_IRQ, "group 0 disabled at the CPU");
  write32(gicd + GICD_CTLR, 0x11);
  tap_equal(gicv3_signalled(), 0, "group 1 disabled in the distributor");
  write_register(ICC_IGRPEN0_EL1, 1);
  tap_equal(gicv3_signalled(), SIGNALLED_FIQ, "group 0 enabled");
  write32(gicd + GICD_CTLR, 0x13);
  tap_equal(read_register(ICC_IAR0_EL1), SPI_A, "taken");
  write_register(ICC_EOIR0_EL1, SPI_A);
  tap_equal(gicv3_take(), SPI_B, "taken");
  gicv3_end(SPI_B);
  gicv3_configure(SPI_A, 1, true, 0xa0);
}
