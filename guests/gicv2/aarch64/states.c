// Inactive, pending, active, and both; levels and edges; the two ways to end.
#include "../../common/tap.h"
#include "gicv2.h"

void check_state(unsigned interrupt, bool pending, bool active, const char *name) {
  tap_equal(bit(GICD_ISPENDR, interrupt) << 1 | bit(GICD_ISACTIVER, interrupt), pending << 1 | active, "%s: %s%s", name,
            pending ? "pending" : "not pending", active ? ", active" : "");
}

static void test_level(void) {
  tap_note("a level");
  configure(LINE, 1, false, 0xa0);
  tap_equal(signalled(), 0, "nothing");
  set_line(true);
  tap_equal(signalled(), IRQ, "the line rises");
  check_state(LINE, true, false, "it");
  set_line(false);
  tap_equal(signalled(), 0, "it falls before it is taken");
  check_state(LINE, false, false, "it");
  set_line(true);
  set_bit(GICD_ICPENDR, LINE);
  check_state(LINE, true, false, "GICD_ICPENDR cannot take away a level");
  tap_equal(take(), LINE, "taken");
  check_state(LINE, true, true, "the line is still high");
  tap_equal(signalled(), 0, "not signalled while active");
  end(LINE);
  tap_equal(signalled(), IRQ, "again after the end");
  tap_equal(take(), LINE, "taken again");
  set_line(false);
  check_state(LINE, false, true, "the line is low");
  end(LINE);
  tap_equal(signalled(), 0, "the end");
  configure(SPI_A, 1, false, 0xa0);
  raise(SPI_A);
  check_state(SPI_A, true, false, "pending by GICD_ISPENDR");
  tap_equal(take(), SPI_A, "taken");
  check_state(SPI_A, false, true, "that is used up");
  end(SPI_A);
}

static void test_edge(void) {
  tap_note("an edge");
  configure(LINE, 1, true, 0xa0);
  set_line(true);
  set_line(false);
  check_state(LINE, true, false, "latched");
  tap_equal(take(), LINE, "taken");
  check_state(LINE, false, true, "used up");
  for (int i = 0; i < 3; i++) {
    set_line(true);
    set_line(false);
  }
  check_state(LINE, true, true, "edges while active");
  tap_equal(signalled(), 0, "not signalled while active");
  end(LINE);
  tap_equal(take(), LINE, "taken once");
  end(LINE);
  tap_equal(take(), SPURIOUS, "and not twice");
  set_line(true);
  set_bit(GICD_ICPENDR, LINE);
  check_state(LINE, false, false, "GICD_ICPENDR takes an edge away");
  set_line(false);
  configure(SPI_A, 1, true, 0xa0);
  raise(SPI_A);
  set_bit(GICD_ICENABLER, SPI_A);
  tap_equal(signalled(), 0, "disabled");
  check_state(SPI_A, true, false, "and still");
  set_bit(GICD_ISACTIVER, SPI_A);
  set_bit(GICD_ISENABLER, SPI_A);
  tap_equal(signalled(), 0, "made active by GICD_ISACTIVER");
  set_bit(GICD_ICACTIVER, SPI_A);
  tap_equal(take(), SPI_A, "made inactive by GICD_ICACTIVER, taken");
  end(SPI_A);
}

static void test_split(void) {
  tap_note("GICC_CTLR.EOImode");
  set_interface(GICC_CTLR, BOTH | EOI_MODE);
  configure(SPI_A, 0, true, 0xa0);
  configure(SPI_B, 0, true, 0xa0);
  raise(SPI_A);
  tap_equal(take(), SPI_A, "taken");
  tap_equal(interface(GICC_RPR), 0xa0, "running priority");
  end(SPI_A);
  tap_equal(interface(GICC_RPR), 0xff, "priority drop");
  check_state(SPI_A, false, true, "it");
  raise(SPI_A);
  tap_equal(signalled(), 0, "still active");
  raise(SPI_B);
  tap_equal(take(), SPI_B, "another of the same priority");
  end(SPI_B);
  set_interface(GICC_DIR, SPI_B);
  set_interface(GICC_DIR, SPI_A);
  check_state(SPI_A, true, false, "deactivated");
  tap_equal(take(), SPI_A, "taken again");
  set_interface(GICC_CTLR, BOTH);
  end(SPI_A);
  check_state(SPI_A, false, false, "one write does both");
  end(SPURIOUS);
  tap_equal(interface(GICC_RPR), 0xff, "special ids end nothing");
}

void test_states(void) {
  test_level();
  test_edge();
  test_split();
}
