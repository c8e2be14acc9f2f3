// What the registers say, and which bits of them can be written.
#include "../../common/tap.h"
#include "gicv2.h"

void test_registers(void) {
  tap_note("registers");
  tap_equal(read32(gicd + GICD_TYPER) & 31, 8, "GICD_TYPER: 288 interrupts");
  tap_equal(read32(gicd + GICD_TYPER) >> 5 & 7, CPUS - 1, "GICD_TYPER: the CPUs");
  tap_equal(read32(gicd + 0xfe8) >> 4 & 15, 2, "GICD_PIDR2: version 2");
  tap_equal(read32(gicd + GICD_CTLR), 0, "GICD_CTLR: disabled");
  write32(gicd + GICD_CTLR, 0xffffffff);
  tap_equal(read32(gicd + GICD_CTLR), 3, "GICD_CTLR: two groups");
  tap_equal(interface(GICC_CTLR), 0, "GICC_CTLR: disabled");
  tap_equal(interface(GICC_PMR), 0, "GICC_PMR: all masked");
  tap_equal(interface(GICC_RPR), 0xff, "GICC_RPR: idle");
  tap_equal(take(), SPURIOUS, "GICC_IAR: nothing");
  write32(gicd + GICD_ICENABLER, 0xffffffff);
  tap_equal(read32(gicd + GICD_ISENABLER), 0xffff, "GICD_ISENABLER0: SGIs are always enabled");
  tap_equal(read32(gicd + GICD_ICFGR), 0xaaaaaaaa, "GICD_ICFGR0: SGIs are edge-triggered");
  tap_equal(read32(gicd + GICD_ITARGETSR), 0x01010101, "GICD_ITARGETSR0: this CPU");
  write32(gicd + GICD_ITARGETSR + SPI_A, 0x07050401);
  tap_equal(read32(gicd + GICD_ITARGETSR + SPI_A), 0x07050401, "GICD_ITARGETSR: a byte for each");
  write32(gicd + GICD_ITARGETSR + SPI_A, 0);
  write32(gicd + GICD_ISENABLER + 4 * 8, 0xffffffff);
  tap_equal(read32(gicd + GICD_ISENABLER + 4 * 8), 0xffffffff, "the last interrupts");
  write32(gicd + GICD_ICENABLER + 4 * 8, 0xffffffff);
  write32(gicd + GICD_ISENABLER + 4 * 9, 0xffffffff);
  tap_equal(read32(gicd + GICD_ISENABLER + 4 * 9), 0, "beyond them");
}
