// What the registers say, and which bits of them can be written.
#include "../../aarch64/cpu.h"
#include "../../common/tap.h"
#include "gicv3.h"

void test_registers(void) {
  tap_note("registers");
  uint32_t type = read32(gicd + GICD_TYPER);
  tap_equal(type & 31, 7, "GICD_TYPER: interrupts in 32s, less one");
  tap_equal(type >> 5 & 7, 0, "GICD_TYPER: no CPUs without affinity routing");
  tap_equal(type >> 19 & 31, 15, "GICD_TYPER: ids of 16 bits");
  tap_equal(read32(gicd + GICD_CTLR), 0x53, "GICD_CTLR: one security state, affinity routing, both groups");
  tap_equal(read32(gicd + GICD_PIDR2) >> 4 & 15, 3, "GICD_PIDR2: version 3");
  for (unsigned cpu = 0; cpu < CPUS; cpu++) {
    uint64_t type = read64(gicr[cpu] + GICR_TYPER);
    tap_equal(type >> 32, cpus[cpu].affinity, "GICR_TYPER: affinity of CPU %u", cpu);
    tap_equal(type >> 8 & 0xffff, cpu, "GICR_TYPER: its number");
    tap_equal(type >> 4 & 1, cpu == CPUS - 1, "GICR_TYPER: the last one is the last");
  }
  uint64_t waker = gicr[0] + GICR_WAKER;
  tap_equal(read32(waker), 0, "GICR_WAKER: awake");
  write32(waker, 2);
  tap_equal(read32(waker), 6, "GICR_WAKER: asleep, with its children");
  write32(waker, 0);
  tap_equal(read32(waker), 0, "GICR_WAKER: awake again");

  tap_equal(read_register(ICC_SRE_EL1), 7, "ICC_SRE_EL1: system registers, no bypass");
  tap_equal(read_register(ICC_CTLR_EL1) >> 8 & 7, 4, "ICC_CTLR_EL1: five bits of priority");
  write_register(ICC_PMR_EL1, 0xff);
  tap_equal(read_register(ICC_PMR_EL1), 0xf8, "ICC_PMR_EL1 has them");
  write_register(ICC_BPR0_EL1, 0);
  write_register(ICC_BPR1_EL1, 0);
  tap_equal(read_register(ICC_BPR0_EL1), 2, "ICC_BPR0_EL1: the smallest binary point");
  tap_equal(read_register(ICC_BPR1_EL1), 3, "ICC_BPR1_EL1: one more");
  write_register(ICC_BPR0_EL1, 4);
  write_register(ICC_CTLR_EL1, 1);
  tap_equal(read_register(ICC_BPR1_EL1), 5, "ICC_CTLR_EL1.CBPR: it follows the other");
  write_register(ICC_BPR1_EL1, 6);
  write_register(ICC_CTLR_EL1, 0);
  tap_equal(read_register(ICC_BPR1_EL1), 3, "and takes no writes");
  write_register(ICC_BPR0_EL1, 2);
  tap_equal(read_register(ICC_RPR_EL1), 0xff, "ICC_RPR_EL1: idle");
  tap_equal(read_register(ICC_IAR1_EL1), GIC_SPURIOUS_ID, "ICC_IAR1_EL1: nothing");

  write32(gicd + GIC_ISENABLER, 0xffffffff);
  tap_equal(read32(gicd + GIC_ISENABLER), 0, "SGIs and PPIs are not in the distributor");
  uint64_t frame = gicv3_base(0);
  write32(frame + GIC_ISENABLER, 0xffffffff);
  tap_equal(read32(frame + GIC_ISENABLER), 0xffffffff, "but in the redistributor");
  write32(frame + GIC_ICENABLER, 0xffffffff);
  tap_equal(read32(frame + GIC_ISENABLER), 0, "all can be disabled");
  tap_equal(read32(frame + GIC_ICFGR), 0xaaaaaaaa, "SGIs are edge-triggered");
  write32(gicd + GIC_ICFGR + 4 * 6, 0xffffffff);
  tap_equal(read32(gicd + GIC_ICFGR + 4 * 6), 0xaaaaaaaa, "ICFGR: bit 1 of each two");
  write32(gicd + GIC_ICFGR + 4 * 6, 0);
  write32(gicd + GIC_IPRIORITYR + 100, 0x12345678);
  tap_equal(read32(gicd + GIC_IPRIORITYR + 100), 0x12345678, "IPRIORITYR");
}
