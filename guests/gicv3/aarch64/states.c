// Inactive, pending, active, and both; levels and edges; the two ways to end.
#include "../../common/tap.h"
#include "gicv3.h"

static void check_state(unsigned interrupt, unsigned pending, unsigned active, const char *name) {
  tap_equal(gicv3_bit(GIC_ISPENDR, interrupt) << 1 | gicv3_bit(GIC_ISACTIVER, interrupt), pending << 1 | active,
            "%s: %s%s", name, pending ? "pending" : "not pending", active ? ", active" : "");
}

static void test_level(void) {
  tap_note("a level");
  gicv3_configure(LINE, 1, false, 0xa0);
  tap_equal(gicv3_signalled(), 0, "nothing");
  set_line(true);
  tap_equal(gicv3_signalled(), SIGNALLED_IRQ, "the line rises");
  check_state(LINE, 1, 0, "it");
  set_line(false);
  tap_equal(gicv3_signalled(), 0, "it falls before it is taken");
  check_state(LINE, 0, 0, "it");
  set_line(true);
  gicv3_set_bit(GIC_ICPENDR, LINE);
  check_state(LINE, 1, 0, "ICPENDR cannot take away a level");
  tap_equal(gicv3_take(), LINE, "taken");
  check_state(LINE, 1, 1, "the line is still high");
  tap_equal(gicv3_signalled(), 0, "not signalled while active");
  gicv3_end(LINE);
  tap_equal(gicv3_signalled(), SIGNALLED_IRQ, "again after the end");
  tap_equal(gicv3_take(), LINE, "taken again");
  set_line(false);
  check_state(LINE, 0, 1, "the line is low");
  gicv3_end(LINE);
  tap_equal(gicv3_signalled(), 0, "the end");
  gicv3_set_bit(GIC_ISPENDR, LINE);
  check_state(LINE, 1, 0, "pending by ISPENDR");
  tap_equal(gicv3_take(), LINE, "taken");
  check_state(LINE, 0, 1, "that is used up");
  gicv3_end(LINE);
}

static void test_edge(void) {
  tap_note("an edge");
  gicv3_configure(LINE, 1, true, 0xa0);
  set_line(true);
  set_line(false);
  check_state(LINE, 1, 0, "latched");
  tap_equal(gicv3_take(), LINE, "taken");
  check_state(LINE, 0, 1, "used up");
  for (int i = 0; i < 3; i++) {
    set_line(true);
    set_line(false);
  }
  check_state(LINE, 1, 1, "edges while active");
  tap_equal(gicv3_signalled(), 0, "not signalled while active");
  gicv3_end(LINE);
  tap_equal(gicv3_take(), LINE, "taken once");
  gicv3_end(LINE);
  tap_equal(gicv3_take(), GIC_SPURIOUS_ID, "and not twice");
  set_line(true);
  gicv3_set_bit(GIC_ICPENDR, LINE);
  check_state(LINE, 0, 0, "ICPENDR takes an edge away");
  set_line(false);
  gicv3_set_bit(GIC_ISPENDR, SPI_A);
  gicv3_set_bit(GIC_ICENABLER, SPI_A);
  tap_equal(gicv3_signalled(), 0, "disabled");
  check_state(SPI_A, 1, 0, "and still");
  gicv3_set_bit(GIC_ISACTIVER, SPI_A);
  gicv3_configure(SPI_A, 1, true, 0xa0);
  tap_equal(gicv3_signalled(), 0, "made active by ISACTIVER");
  gicv3_set_bit(GIC_ICACTIVER, SPI_A);
  tap_equal(gicv3_take(), SPI_A, "made inactive by ICACTIVER, taken");
  gicv3_end(SPI_A);
}

static void test_split(void) {
  tap_note("ICC_CTLR_EL1.EOImode");
  write_register(ICC_CTLR_EL1, 2);
  gicv3_configure(SPI_A, 1, true, 0xa0);
  gicv3_configure(SPI_B, 1, true, 0xa0);
  gicv3_set_bit(GIC_ISPENDR, SPI_A);
  tap_equal(gicv3_take(), SPI_A, "taken");
  tap_equal(read_register(ICC_RPR_EL1), 0xa0, "running priority");
  gicv3_end(SPI_A);
  tap_equal(read_register(ICC_RPR_EL1), 0xff, "priority drop");
  check_state(SPI_A, 0, 1, "it");
  gicv3_set_bit(GIC_ISPENDR, SPI_A);
  tap_equal(gicv3_signalled(), 0, "still active");
  gicv3_set_bit(GIC_ISPENDR, SPI_B);
  tap_equal(gicv3_take(), SPI_B, "another of the same priority");
  gicv3_end(SPI_B);
  write_register(ICC_DIR_EL1, SPI_B);
  write_register(ICC_DIR_EL1, SPI_A);
  check_state(SPI_A, 1, 0, "deactivated");
  tap_equal(gicv3_take(), SPI_A, "taken again");
  write_register(ICC_CTLR_EL1, 0);
  gicv3_end(SPI_A);
  check_state(SPI_A, 0, 0, "one write does both");
  gicv3_end(GIC_SPURIOUS_ID);
  gicv3_end(1020);
  tap_equal(read_register(ICC_RPR_EL1), 0xff, "special ids end nothing");
}

void test_states(void) {
  test_level();
  test_edge();
  test_split();
}
