// Where QEMU's GICv2 does something else: the aliased registers of group 1, PPIs that software makes pending,
// SPIs with several targets or with new ones.
#include "../../common/tap.h"
#include "gicv2.h"

void test_extensions(void) {
  tap_note("aliased registers");
  configure(SPI_A, 0, true, 0x80);
  configure(SPI_B, 1, true, 0x90);
  set_interface(GICC_CTLR, ENABLE_0 | ENABLE_1 | FIQ_EN);
  raise(SPI_B);
  tap_equal(take(), OTHER_GROUP, "GICC_IAR does not take group 1");
  tap_equal(interface(GICC_AHPPIR), SPI_B, "GICC_AHPPIR shows it");
  raise(SPI_A);
  tap_equal(interface(GICC_AIAR), SPURIOUS, "GICC_AIAR does not take group 0");
  tap_equal(take(), SPI_A, "GICC_IAR does");
  set_interface(GICC_AEOIR, SPI_A);
  tap_equal(interface(GICC_RPR), 0x80, "GICC_AEOIR does not end it");
  end(SPI_A);
  tap_equal(interface(GICC_AIAR), SPI_B, "GICC_AIAR takes group 1");
  tap_equal(interface(GICC_NSAPR + 8), 1u << 8, "GICC_NSAPR2");
  set_interface(GICC_AEOIR, SPI_B);
  tap_equal(interface(GICC_RPR), 0xff, "GICC_AEOIR ends it");

  tap_note("private interrupts");
  configure(LINE, 0, false, 0xa0);
  raise(LINE);
  check_state(LINE, true, false, "pending by GICD_ISPENDR");
  tap_equal(take(), LINE, "taken");
  check_state(LINE, false, true, "that is used up");
  end(LINE);

  write32(gicd + GICD_ITARGETSR + SPI_A, 0xff050401);
  tap_equal(read32(gicd + GICD_ITARGETSR + SPI_A), 0x07050401, "GICD_ITARGETSR: CPUs that are there");
  test_targets();
}
