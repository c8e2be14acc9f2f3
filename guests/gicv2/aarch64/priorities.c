// Which of several, the mask, preemption, active priorities; groups 0 and 1.
#include "../../common/tap.h"
#include "gicv2.h"

void test_priorities(void) {
  tap_note("priorities");
  configure(SPI_A, 0, true, 0xa0);
  configure(SPI_B, 0, true, 0x80);
  configure(SPI_C, 0, true, 0xa0);
  raise(SPI_C);
  raise(SPI_A);
  raise(SPI_B);
  static const unsigned order[] = {SPI_B, SPI_A, SPI_C};
  for (unsigned i = 0; i < 3; i++) {
    tap_equal(interface(GICC_HPPIR), order[i], "the most urgent, then the lowest id: %u", order[i]);
    uint32_t taken = take();
    tap_equal(taken, order[i], "taken");
    end(taken);
  }
  tap_equal(interface(GICC_HPPIR), SPURIOUS, "nothing more");

  set_interface(GICC_PMR, 0x80);
  raise(SPI_B);
  tap_equal(signalled(), 0, "a priority that equals the mask");
  tap_equal(take(), SPURIOUS, "is not taken");
  set_interface(GICC_PMR, 0x81);
  tap_equal(signalled(), IRQ, "one more");
  set_byte(GICD_IPRIORITYR, SPI_B, 0x90);
  tap_equal(signalled(), 0, "a new priority counts at once");
  set_interface(GICC_PMR, 0xff);
  tap_equal(take(), SPI_B, "taken");
  end(SPI_B);

  tap_note("preemption");
  set_byte(GICD_IPRIORITYR, SPI_A, 0xa0);
  set_byte(GICD_IPRIORITYR, SPI_B, 0x90);
  set_byte(GICD_IPRIORITYR, SPI_C, 0x40);
  raise(SPI_A);
  tap_equal(take(), SPI_A, "the first");
  raise(SPI_B);
  tap_equal(signalled(), IRQ, "a more urgent one is signalled");
  tap_equal(take(), SPI_B, "and taken");
  raise(SPI_C);
  tap_equal(take(), SPI_C, "a third");
  tap_equal(interface(GICC_APR + 4), 1, "GICC_APR1: the third of 128 levels");
  tap_equal(interface(GICC_APR + 8), 1u << 8 | 1u << 16, "GICC_APR2: the other two");
  tap_equal(interface(GICC_RPR), 0x40, "GICC_RPR: that of the third");
  end(SPI_C);
  end(SPI_B);
  tap_equal(interface(GICC_RPR), 0xa0, "two ended");
  end(SPI_A);
  tap_equal(interface(GICC_APR + 8), 0, "all ended");

  set_interface(GICC_BPR, 5); // groups of 0x40
  raise(SPI_A);
  tap_equal(take(), SPI_A, "binary point 5");
  tap_equal(interface(GICC_RPR), 0x80, "the running priority is that of the group");
  raise(SPI_B);
  tap_equal(signalled(), 0, "of the same group: no preemption");
  raise(SPI_C);
  tap_equal(take(), SPI_C, "of another: preemption");
  end(SPI_C);
  end(SPI_A);
  tap_equal(take(), SPI_B, "then the other of the group");
  end(SPI_B);
  set_interface(GICC_BPR, 0);
}

void test_groups(void) {
  tap_note("groups");
  configure(SPI_A, 0, true, 0x80);
  configure(SPI_B, 1, true, 0x90);
  set_interface(GICC_CTLR, ENABLE_0 | ENABLE_1 | FIQ_EN);
  raise(SPI_B);
  tap_equal(signalled(), IRQ, "group 1 is an IRQ");
  tap_equal(take(), OTHER_GROUP, "GICC_IAR without AckCtl does not take it");
  tap_equal(interface(GICC_HPPIR), OTHER_GROUP, "GICC_HPPIR does not show it");
  raise(SPI_A);
  tap_equal(signalled(), FIQ, "group 0, more urgent, is an FIQ");
  tap_equal(take(), SPI_A, "GICC_IAR takes it");
  end(SPI_A);
  set_interface(GICC_CTLR, BOTH);
  tap_equal(take(), SPI_B, "AckCtl: GICC_IAR takes group 1");
  tap_equal(interface(GICC_NSAPR + 8), 1u << 8, "GICC_NSAPR2");
  end(SPI_B);
  tap_equal(interface(GICC_RPR), 0xff, "ended");
  raise(SPI_A);
  tap_equal(signalled(), IRQ, "without FIQEn group 0 is an IRQ");
  tap_equal(take(), SPI_A, "taken");
  end(SPI_A);
  raise(SPI_B);
  write32(gicd + GICD_CTLR, 1);
  tap_equal(signalled(), 0, "group 1 disabled in the distributor");
  write32(gicd + GICD_CTLR, 3);
  set_interface(GICC_CTLR, ENABLE_0);
  tap_equal(signalled(), 0, "and at the CPU interface");
  set_interface(GICC_CTLR, BOTH);
  tap_equal(take(), SPI_B, "enabled, taken");
  end(SPI_B);
  configure(SPI_B, 0, true, 0x90);
}
