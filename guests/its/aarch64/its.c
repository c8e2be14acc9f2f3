// GICv3 LPIs and ITS (Arm IHI 0069): configuration and pending tables, commands, tables in two levels, errors.
#include "its.h"
#include "../../aarch64/cpu.h"
#include "../../common/tap.h"

static void join(void) {
  mask_interrupts();
  gicv3_init_cpu();
}

static void test_registers(void) {
  tap_note("registers");
  tap_equal(read32(gicd + GICD_TYPER) >> 17 & 1, 1, "GICD_TYPER: LPIs");
  tap_equal(read32(gicr[0] + GICR_TYPER) & 1, 1, "GICR_TYPER: physical LPIs");
  tap_equal(read32(gicr[0] + GICR_CTLR) & 3, 3, "GICR_CTLR: enabled, can be disabled again");
  uint64_t type = read64(gits + GITS_TYPER);
  tap_equal(type & 1, 1, "GITS_TYPER: physical LPIs");
  tap_equal(type >> 8 & 31, 15, "GITS_TYPER: 16 bits of event id");
  tap_equal(type >> 13 & 31, 15, "GITS_TYPER: 16 bits of device id");
  tap_equal(type >> 19 & 1, 0, "GITS_TYPER: redistributors by number");
  tap_equal(type >> 32 & 31, 31, "GITS_TYPER: 16 bits of collection id");
  tap_equal(read32(gits + GITS_PIDR2) >> 4 & 15, 3, "GITS_PIDR2: version 3");
  tap_equal(read64(gits + GITS_BASER) >> 56 & 7, 1, "GITS_BASER0: devices");
  tap_equal(read64(gits + GITS_BASER + 8) >> 56 & 7, 4, "GITS_BASER1: collections");
  tap_equal(read32(gits + GITS_CTLR) & 1, 1, "GITS_CTLR: enabled");
}

static void test_delivery(void) {
  tap_note("delivery");
  map_device(1, 5);
  for (unsigned event = 0; event < 4; event++) {
    map_event(1, event, FIRST_LPI + event, 0);
    configure_lpi(FIRST_LPI + event, 0xa0, true);
    invalidate(1, event);
  }
  int_event(1, 2);
  tap_equal(gicv3_signalled(), SIGNALLED_IRQ, "INT");
  tap_ok(pending_bit(0, FIRST_LPI + 2), "its bit in the pending table");
  tap_equal(read_register(ICC_HPPIR1_EL1), FIRST_LPI + 2, "ICC_HPPIR1_EL1");
  tap_equal(read_register(ICC_IAR0_EL1), GIC_SPURIOUS_ID, "not of group 0");
  tap_equal(gicv3_take(), FIRST_LPI + 2, "taken");
  tap_ok(!pending_bit(0, FIRST_LPI + 2), "not pending any more");
  tap_equal(read_register(ICC_RPR_EL1), 0xa0, "running priority");
  tap_equal(gicv3_signalled(), 0, "nothing more");
  int_event(1, 2);
  int_event(1, 2);
  tap_equal(gicv3_signalled(), 0, "again while it is handled");
  gicv3_end(FIRST_LPI + 2);
  tap_equal(take_at(0), FIRST_LPI + 2, "is not lost");
  tap_equal(take_at(0), GIC_SPURIOUS_ID, "and one interrupt");
  write_register(ICC_CTLR_EL1, 2);
  int_event(1, 2);
  tap_equal(gicv3_take(), FIRST_LPI + 2, "EOImode");
  gicv3_end(FIRST_LPI + 2);
  tap_equal(read_register(ICC_RPR_EL1), 0xff, "priority drop");
  int_event(1, 2);
  tap_equal(take_at(0), FIRST_LPI + 2, "and no deactivation, as LPIs are never active");
  write_register(ICC_CTLR_EL1, 0);
  map_device(0, 5);
  map_event(0, 7, FIRST_LPI + 3, 1);
  write32(gits + GITS_TRANSLATER, 7);
  tap_equal(take_at(1), FIRST_LPI + 3, "a write to GITS_TRANSLATER");
  map_device(2, 14);
  map_same(2, FIRST_LPI + 1, 0);
  int_event(2, FIRST_LPI + 1);
  tap_equal(take_at(0), FIRST_LPI + 1, "MAPI: the event is the LPI");
}

static void test_priorities(void) {
  tap_note("configuration and priorities");
  configure_lpi(FIRST_LPI, 0xa0, false);
  invalidate(1, 0);
  int_event(1, 0);
  tap_equal(gicv3_signalled(), 0, "disabled");
  tap_ok(pending_bit(0, FIRST_LPI), "but pending");
  configure_lpi(FIRST_LPI, 0xa0, true);
  invalidate(1, 0);
  tap_equal(gicv3_signalled(), SIGNALLED_IRQ, "INV after it was enabled");
  tap_equal(take_at(0), FIRST_LPI, "taken");

  static const uint8_t priorities[] = {0xb0, 0x90, 0x90, 0x80};
  for (unsigned event = 0; event < 4; event++) configure_lpi(FIRST_LPI + event, priorities[event], true);
  invalidate_all(0);
  gicv3_configure(SPI, 1, true, 0x90);
  for (unsigned event = 0; event < 4; event++) int_event(1, event);
  gicv3_set_bit(GIC_ISPENDR, SPI);
  static const unsigned order[] = {FIRST_LPI + 3, SPI, FIRST_LPI + 1, FIRST_LPI + 2, FIRST_LPI};
  for (unsigned i = 0; i < 5; i++) tap_equal(take_at(0), order[i], "by priority, then id: %u", order[i]);

  int_event(1, 0);
  tap_equal(gicv3_take(), FIRST_LPI, "one is handled");
  int_event(1, 1);
  tap_equal(gicv3_take(), FIRST_LPI + 1, "a more urgent one preempts it");
  tap_equal(read_register(ICC_AP1R0_EL1), 1u << 18 | 1u << 22, "ICC_AP1R0_EL1");
  gicv3_end(FIRST_LPI + 1);
  gicv3_end(FIRST_LPI);
  write_register(ICC_PMR_EL1, 0x90);
  int_event(1, 1);
  tap_equal(gicv3_signalled(), 0, "the priority mask");
  configure_lpi(FIRST_LPI + 1, 0x88, true);
  invalidate(1, 1);
  tap_equal(gicv3_signalled(), SIGNALLED_IRQ, "a new priority");
  write_register(ICC_PMR_EL1, 0xff);
  tap_equal(take_at(0), FIRST_LPI + 1, "taken");
}

static void test_commands(void) {
  tap_note("CLEAR, DISCARD");
  int_event(1, 0);
  clear_event(1, 0);
  tap_equal(gicv3_signalled(), 0, "CLEAR: not pending");
  tap_ok(!pending_bit(0, FIRST_LPI), "nor in the table");
  int_event(1, 0);
  discard_event(1, 0);
  tap_equal(gicv3_signalled(), 0, "DISCARD: not pending");
  int_event(1, 0);
  tap_equal(gicv3_signalled(), 0, "and not mapped");
  map_event(1, 0, FIRST_LPI, 0);
  int_event(1, 0);
  tap_equal(take_at(0), FIRST_LPI, "mapped again");

  tap_note("MOVI, MAPC, MOVALL");
  int_event(1, 0);
  move_event(1, 0, 1);
  tap_equal(gicv3_signalled(), 0, "MOVI: gone");
  tap_ok(!pending_bit(0, FIRST_LPI) && pending_bit(1, FIRST_LPI), "the pending state has moved");
  tap_equal(take_at(1), FIRST_LPI, "to the other CPU");
  int_event(1, 0);
  tap_equal(take_at(1), FIRST_LPI, "and so do new ones");
  map_collection(1, 2);
  int_event(1, 0);
  tap_equal(take_at(1), GIC_SPURIOUS_ID, "MAPC: not to the CPU of before");
  tap_equal(take_at(2), FIRST_LPI, "but to the new one");
  int_event(1, 1);
  int_event(1, 3);
  move_all(0, 2);
  tap_equal(gicv3_signalled(), 0, "MOVALL: all gone");
  tap_equal(take_at(2), FIRST_LPI + 3, "to the other CPU");
  tap_equal(take_at(2), FIRST_LPI + 1, "the second one");
  tap_equal(take_at(2), GIC_SPURIOUS_ID, "no more");
  int_event(1, 1);
  tap_equal(take_at(0), FIRST_LPI + 1, "new ones come where they came before");
  unmap_collection(1);
  int_event(1, 0);
  tap_equal(take_at(2), GIC_SPURIOUS_ID, "no collection");
  map_collection(1, 1);
  int_event(1, 0);
  tap_equal(take_at(1), FIRST_LPI, "a collection again");
}

static void test_tables(void) {
  tap_note("pending table");
  int_event(1, 1);
  write32(gicr[0] + GICR_CTLR, 0);
  tap_equal(gicv3_signalled(), 0, "LPIs disabled");
  tap_ok(pending_bit(0, FIRST_LPI + 1), "the table has the pending one");
  write32(gicr[0] + GICR_CTLR, 1);
  tap_equal(take_at(0), FIRST_LPI + 1, "LPIs enabled: it is there");

  tap_note("two levels");
  its_use_two_levels(1024);
  int_event(1, 1);
  tap_equal(take_at(0), GIC_SPURIOUS_ID, "no device");
  map_device(3, 5);
  map_event(3, 0, FIRST_LPI, 0);
  map_device(1023, 5);
  map_event(1023, 1, FIRST_LPI + 1, 0);
  map_device(1024, 5);
  map_event(1024, 2, FIRST_LPI + 2, 0);
  int_event(3, 0);
  tap_equal(take_at(0), FIRST_LPI, "a device of the first page");
  int_event(1023, 1);
  tap_equal(take_at(0), FIRST_LPI + 1, "the last of the second");
  int_event(1024, 2);
  tap_equal(take_at(0), GIC_SPURIOUS_ID, "a page that is not there");
}

static void test_errors(void) {
  tap_note("errors");
  map_device(4, 5);
  map_event(4, 32, FIRST_LPI, 0);
  int_event(4, 32);
  tap_equal(gicv3_signalled(), 0, "an event beyond the device's");
  map_event(4, 1, 100, 0);
  int_event(4, 1);
  tap_equal(gicv3_signalled(), 0, "an LPI that is none");
  map_event(4, 1, FIRST_LPI, 77);
  int_event(4, 1);
  tap_equal(gicv3_signalled(), 0, "a collection that is not mapped");
  map_collection(5, CPUS);
  map_event(4, 1, FIRST_LPI, 5);
  int_event(4, 1);
  tap_equal(gicv3_signalled(), 0, "a redistributor that is not there");
  int_event(7, 0);
  map_event(7, 0, FIRST_LPI, 0);
  int_event(7, 0);
  tap_equal(gicv3_signalled(), 0, "a device that is not mapped");
  map_device(0x10000, 5);
  command(0xee, ~0ul, ~0ul, ~0ul);
  move_event(4, 31, 1);
  clear_event(9, 9);
  discard_event(9, 9);
  invalidate(9, 9);
  tap_ok(queue_empty(), "the queue goes on");
  for (unsigned i = 0; i < 200; i++) command(0x05, 0, 0, 0);
  tap_ok(queue_empty(), "and wraps");
  map_event(4, 1, FIRST_LPI, 0);
  int_event(4, 1);
  tap_equal(take_at(0), FIRST_LPI, "what is right works");
  unmap_device(4);
  int_event(4, 1);
  tap_equal(take_at(0), GIC_SPURIOUS_ID, "MAPD: unmapped");
  write32(gits + GITS_CTLR, 0);
  write32(gits + GITS_TRANSLATER, 7);
  tap_equal(take_at(1), GIC_SPURIOUS_ID, "disabled");
}

void tests(void) {
  gicv3_init();
  gicv3_init_cpu();
  if (cpu_count < CPUS) tap_bail_out("there are not enough CPUs");
  for (unsigned cpu = 1; cpu < CPUS; cpu++) {
    cpu_start(cpu);
    cpu_call(cpu, join);
  }
  its_init();
  test_registers();
  test_delivery();
  test_priorities();
  test_commands();
  test_tables();
  test_errors();
}
