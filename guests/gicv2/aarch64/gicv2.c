// GICv2 (Arm IHI 0048): groups, priorities, preemption, pending and active states, SGIs, GICv2m.
#include "gicv2.h"
#include "../../aarch64/cpu.h"
#include "../../common/arguments.h"
#include "../../common/fdt.h"
#include "../../common/tap.h"

uint64_t gicd, gicc, frame;

static void join(void) {
  mask_interrupts();
  set_interface(GICC_PMR, 0xff);
  set_interface(GICC_CTLR, BOTH);
}

void set_line(bool high) {
  write_register("cntv_cval_el0", 0);
  write_register("cntv_ctl_el0", high ? 1 : 0);
  barrier();
}

bool bit(unsigned bitmap, unsigned interrupt) {
  barrier();
  return read32(gicd + bitmap + interrupt / 32 * 4) >> interrupt % 32 & 1;
}

void set_bit(unsigned bitmap, unsigned interrupt) {
  write32(gicd + bitmap + interrupt / 32 * 4, 1u << interrupt % 32);
  barrier();
}

static void set_field(uint64_t address, uint32_t mask, uint32_t value) {
  write32(address, (read32(address) & ~mask) | value);
  barrier();
}

void set_byte(unsigned bytes, unsigned interrupt, unsigned value) {
  unsigned shift = interrupt % 4 * 8;
  set_field(gicd + bytes + (interrupt & ~3u), 0xffu << shift, value << shift);
}

void configure(unsigned interrupt, unsigned group, bool edge, unsigned priority) {
  unsigned shift = interrupt % 16 * 2;
  set_field(gicd + GICD_IGROUPR + interrupt / 32 * 4, 1u << interrupt % 32, group << interrupt % 32);
  if (interrupt >= 16) set_field(gicd + GICD_ICFGR + interrupt / 16 * 4, 2u << shift, edge ? 2u << shift : 0);
  set_byte(GICD_IPRIORITYR, interrupt, priority);
  if (interrupt >= 32) set_byte(GICD_ITARGETSR, interrupt, 1);
  set_bit(GICD_ISENABLER, interrupt);
}

void raise(unsigned interrupt) {
  set_bit(GICD_ISPENDR, interrupt);
}

unsigned signalled(void) {
  barrier();
  return (unsigned)read_register("isr_el1");
}

uint32_t interface(unsigned offset) {
  barrier();
  uint32_t value = read32(gicc + offset);
  barrier();
  return value;
}

void set_interface(unsigned offset, uint32_t value) {
  write32(gicc + offset, value);
  barrier();
}

uint32_t take(void) {
  return interface(GICC_IAR);
}

void end(uint32_t interrupt) {
  set_interface(GICC_EOIR, interrupt);
}

void tests(void) {
  struct fdt_node node;
  uint64_t bytes;
  if (!fdt_find_compatible("arm,cortex-a15-gic", &node) || !fdt_reg(&node, 0, &gicd, &bytes) ||
      !fdt_reg(&node, 1, &gicc, &bytes)) {
    tap_bail_out("there is no GICv2");
  }
  if (!fdt_find_compatible("arm,gic-v2m-frame", &node) || !fdt_reg(&node, 0, &frame, &bytes)) {
    tap_bail_out("there is no GICv2m frame");
  }
  if (cpu_count < CPUS) tap_bail_out("there are not enough CPUs");
  for (unsigned cpu = 1; cpu < CPUS; cpu++) {
    cpu_start(cpu);
    cpu_call(cpu, join);
  }
  char part[16];
  if (argument_text("tests", part, sizeof part) && listed(part, "extensions")) {
    write32(gicd + GICD_CTLR, 3);
    join();
    test_extensions();
    return;
  }
  test_registers();
  write32(gicd + GICD_CTLR, 3);
  join();
  test_states();
  test_priorities();
  test_groups();
  test_sgis();
  test_frame();
}
