#include "gicv3.h"
#include "../common/fdt.h"
#include "../common/tap.h"

enum { GICR_BYTES = 0x20000, GICR_SGI_FRAME = 0x10000, WAKER_ASLEEP = 4 };

uint64_t gicd, gicr[MAX_CPUS];

void gicv3_init(void) {
  struct fdt_node node;
  uint64_t first, bytes;
  if (!fdt_find_compatible("arm,gic-v3", &node) || !fdt_reg(&node, 0, &gicd, &bytes) ||
      !fdt_reg(&node, 1, &first, &bytes)) {
    tap_bail_out("there is no GICv3");
  }
  for (unsigned cpu = 0; cpu < MAX_CPUS; cpu++) gicr[cpu] = first + cpu * GICR_BYTES;
  write32(gicd + GICD_CTLR, 0x10); // ARE
  write32(gicd + GICD_CTLR, 0x13);
}

void gicv3_init_cpu(void) {
  uint64_t frame = gicr[cpu_index()];
  write32(frame + GICR_WAKER, 0);
  while (read32(frame + GICR_WAKER) & WAKER_ASLEEP) {}
  write32(frame + GICR_SGI_FRAME + GIC_IGROUPR, 0xffffffff);
  write_register(ICC_SRE_EL1, 1);
  write_register(ICC_PMR_EL1, 0xff);
  write_register(ICC_IGRPEN0_EL1, 1);
  write_register(ICC_IGRPEN1_EL1, 1);
}

uint64_t gicv3_base(unsigned interrupt) {
  return interrupt < 32 ? gicr[cpu_index()] + GICR_SGI_FRAME : gicd;
}

bool gicv3_bit(unsigned bitmap, unsigned interrupt) {
  barrier();
  return read32(gicv3_base(interrupt) + bitmap + interrupt / 32 * 4) >> interrupt % 32 & 1;
}

void gicv3_set_bit(unsigned bitmap, unsigned interrupt) {
  write32(gicv3_base(interrupt) + bitmap + interrupt / 32 * 4, 1u << interrupt % 32);
  barrier();
}

static void set_field(uint64_t address, uint32_t mask, uint32_t value) {
  write32(address, (read32(address) & ~mask) | value);
}

void gicv3_set_priority(unsigned interrupt, unsigned priority) {
  unsigned shift = interrupt % 4 * 8;
  set_field(gicv3_base(interrupt) + GIC_IPRIORITYR + (interrupt & ~3u), 0xffu << shift, priority << shift);
  barrier();
}

void gicv3_configure(unsigned interrupt, unsigned group, bool edge, unsigned priority) {
  uint64_t base = gicv3_base(interrupt);
  unsigned shift = interrupt % 16 * 2;
  set_field(base + GIC_IGROUPR + interrupt / 32 * 4, 1u << interrupt % 32, group << interrupt % 32);
  if (interrupt >= 16) set_field(base + GIC_ICFGR + interrupt / 16 * 4, 2u << shift, edge ? 2u << shift : 0);
  gicv3_set_priority(interrupt, priority);
  if (interrupt >= 32) {
    __asm__ volatile("str %0, [%1]" ::"r"(cpu_affinity()), "r"(gicd + GICD_IROUTER + interrupt * 8ul) : "memory");
  }
  gicv3_set_bit(GIC_ISENABLER, interrupt);
}

unsigned gicv3_signalled(void) {
  barrier();
  return (unsigned)read_register("isr_el1");
}

unsigned gicv3_take(void) {
  barrier();
  unsigned interrupt = (unsigned)read_register(ICC_IAR1_EL1);
  barrier();
  return interrupt;
}

void gicv3_end(unsigned interrupt) {
  write_register(ICC_EOIR1_EL1, interrupt);
}
