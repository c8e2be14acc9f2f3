// What QEMU's GICv3 does not have: 1-of-N interrupts, message-based SPIs, the range selector of SGIs.
#include "../../common/tap.h"
#include "gicv3.h"

static const uint64_t ANY = 1ul << 31;

static void sleep(unsigned cpu, bool asleep) {
  write32(gicr[cpu] + GICR_WAKER, asleep ? 2 : 0);
  barrier();
}

static void test_any(void) {
  tap_note("1-of-N");
  tap_equal(read32(gicd + GICD_TYPER) >> 25 & 1, 0, "GICD_TYPER.No1N");
  gicv3_configure(SPI_A, 1, true, 0xa0);
  sleep(0, true);
  sleep(2, true);
  route(SPI_A, ANY);
  gicv3_set_bit(GIC_ISPENDR, SPI_A);
  tap_equal(who(), 0x2, "the only one that is awake");
  sleep(0, false);
  sleep(1, true);
  tap_equal(who(), 0x1, "when it sleeps, another one");
  sleep(0, true);
  tap_equal(who(), 0, "all asleep");
  sleep(2, false);
  tap_equal(who(), 0x4, "the first that wakes");
  tap_equal(take_at(2), SPI_A, "takes it");
  sleep(0, false);
  sleep(1, false);
  tap_equal(who(), 0, "and nobody else");
}

static void test_messages(void) {
  tap_note("message-based SPIs");
  tap_equal(read32(gicd + GICD_TYPER) >> 16 & 1, 1, "GICD_TYPER.MBIS");
  gicv3_configure(SPI_A, 1, true, 0xa0);
  gicv3_configure(SPI_B, 1, false, 0xa0);
  write32(gicd + GICD_SETSPI_NSR, SPI_A);
  tap_equal(gicv3_take(), SPI_A, "an edge");
  gicv3_end(SPI_A);
  tap_equal(gicv3_signalled(), 0, "once");
  write32(gicd + GICD_SETSPI_NSR, SPI_A);
  write32(gicd + GICD_CLRSPI_NSR, SPI_A);
  tap_equal(gicv3_signalled(), 0, "taken back");
  write32(gicd + GICD_SETSPI_NSR, SPI_B);
  tap_equal(gicv3_take(), SPI_B, "a level");
  gicv3_end(SPI_B);
  tap_equal(gicv3_take(), SPI_B, "again");
  write32(gicd + GICD_CLRSPI_NSR, SPI_B);
  gicv3_end(SPI_B);
  tap_equal(gicv3_signalled(), 0, "until it is taken back");
  write32(gicd + GICD_SETSPI_NSR, LINE);
  tap_equal(gicv3_signalled(), 0, "no private interrupts");
}

static void test_range(void) {
  enum { SGI = 5 };
  tap_note("range selector");
  tap_equal(read32(gicd + GICD_TYPER) >> 26 & 1, 1, "GICD_TYPER.RSS");
  tap_equal(read_register(ICC_CTLR_EL1) >> 18 & 1, 1, "ICC_CTLR_EL1.RSS");
  gicv3_configure(SGI, 1, true, 0x80);
  write_register(ICC_SGI1R_EL1, (uint64_t)SGI << 24 | 1ul << 44 | 1);
  tap_equal(gicv3_signalled(), 0, "Aff0 = 16: nobody");
  write_register(ICC_SGI1R_EL1, (uint64_t)SGI << 24 | 1);
  tap_equal(gicv3_take(), SGI, "Aff0 = 0");
  gicv3_end(SGI);
}

void test_extensions(void) {
  test_any();
  test_messages();
  test_range();
}
