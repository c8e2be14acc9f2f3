#include "gic.h"
#include "../common/fdt.h"
#include "aarch64.h"

// Distributor.
enum {
  GICD_CTLR = 0x000,
  GICD_TYPER = 0x004,
  GICD_IGROUPR = 0x080,
  GICD_ISENABLER = 0x100,
  GICD_IPRIORITYR = 0x400,
  GICD_ITARGETSR = 0x800,
  GICD_SGIR = 0xf00,
  GICD_IROUTER = 0x6000,
};
// CPU interface of version 2.
enum { GICC_CTLR = 0x00, GICC_PMR = 0x04, GICC_IAR = 0x0c, GICC_EOIR = 0x10 };
// Redistributor of version 3: two frames of 64 KiB.
enum {
  GICR_TYPER = 0x0008,
  GICR_WAKER = 0x0014,
  GICR_IGROUPR0 = 0x10080,
  GICR_ISENABLER0 = 0x10100,
  GICR_IPRIORITYR = 0x10400,
  GICR_SIZE = 0x20000,
};
enum { GICD_CTLR_ARE_NS = 1 << 4, GICD_CTLR_ENABLE_GRP1 = 1 << 1, GICR_WAKER_SLEEP = 1 << 1, GICR_WAKER_ASLEEP = 1 << 2 };
enum { PRIORITY = 0xa0, INTERRUPTS = 1020 };

// CPU interface of version 3.
#define ICC_PMR_EL1 "s3_0_c4_c6_0"
#define ICC_IAR1_EL1 "s3_0_c12_c12_0"
#define ICC_EOIR1_EL1 "s3_0_c12_c12_1"
#define ICC_SRE_EL1 "s3_0_c12_c12_5"
#define ICC_IGRPEN1_EL1 "s3_0_c12_c12_7"
#define ICC_SGI1R_EL1 "s3_0_c12_c11_5"

static unsigned version;
static uint64_t distributor, interfaces, interfaces_end;
static uint64_t redistributor[MAX_CPUS];
static void (*handlers[INTERRUPTS])(void);
static uint32_t counts[MAX_CPUS][INTERRUPTS];

unsigned gic_version(void) {
  return version;
}

unsigned gic_lines(void) {
  return ((read32(distributor + GICD_TYPER) & 31) + 1) * 32;
}

uint64_t gic_distributor(void) {
  return distributor;
}

uint64_t gic_cpu_interface(void) {
  return version == 3 ? redistributor[cpu_index()] : interfaces;
}

uint32_t gic_count(unsigned cpu, unsigned interrupt) {
  return counts[cpu][interrupt];
}

static void set_bit(uint64_t bitmap, unsigned interrupt) {
  write32(bitmap + interrupt / 32 * 4, 1u << interrupt % 32);
}

static void set_byte(uint64_t bytes, unsigned interrupt, uint32_t value) {
  uint64_t address = bytes + (interrupt & ~3u);
  unsigned shift = interrupt % 4 * 8;
  write32(address, (read32(address) & ~(0xffu << shift)) | value << shift);
}

bool gic_init(void) {
  struct fdt_node node;
  uint64_t size;
  if (fdt_find_compatible("arm,gic-v3", &node)) version = 3;
  else if (fdt_find_compatible("arm,cortex-a15-gic", &node)) version = 2;
  else return false;
  if (!fdt_reg(&node, 0, &distributor, &size) || !fdt_reg(&node, 1, &interfaces, &size)) return false;
  interfaces_end = interfaces + size;
  if (version == 3) {
    write32(distributor + GICD_CTLR, GICD_CTLR_ARE_NS);
    unsigned lines = gic_lines();
    for (unsigned first = 32; first < lines; first += 32) {
      write32(distributor + GICD_IGROUPR + first / 8, 0xffffffff);
    }
    write32(distributor + GICD_CTLR, GICD_CTLR_ARE_NS | GICD_CTLR_ENABLE_GRP1);
  } else {
    write32(distributor + GICD_CTLR, 1);
  }
  gic_init_cpu();
  return true;
}

// The redistributor with this CPU's affinity.
static uint64_t find_redistributor(void) {
  uint64_t affinity = cpu_affinity();
  uint32_t wanted = (uint32_t)(affinity >> 8 & 0xff000000) | (uint32_t)(affinity & 0xffffff);
  for (uint64_t at = interfaces; at < interfaces_end; at += GICR_SIZE) {
    uint64_t type = read64(at + GICR_TYPER);
    if ((uint32_t)(type >> 32) == wanted) return at;
    if (type & 1 << 4) break; // Last
  }
  return 0;
}

void gic_init_cpu(void) {
  if (version == 2) {
    write32(interfaces + GICC_PMR, 0xff);
    write32(interfaces + GICC_CTLR, 1);
    return;
  }
  uint64_t frame = find_redistributor();
  redistributor[cpu_index()] = frame;
  if (frame == 0) return;
  write32(frame + GICR_WAKER, read32(frame + GICR_WAKER) & ~(uint32_t)GICR_WAKER_SLEEP);
  while (read32(frame + GICR_WAKER) & GICR_WAKER_ASLEEP) {}
  write32(frame + GICR_IGROUPR0, 0xffffffff);
  write_register(ICC_SRE_EL1, 1);
  write_register(ICC_PMR_EL1, 0xff);
  write_register(ICC_IGRPEN1_EL1, 1);
}

void gic_enable(unsigned interrupt, void (*handler)(void)) {
  handlers[interrupt] = handler;
  if (version == 3 && interrupt < 32) {
    uint64_t frame = redistributor[cpu_index()];
    set_byte(frame + GICR_IPRIORITYR, interrupt, PRIORITY);
    set_bit(frame + GICR_ISENABLER0, interrupt);
    return;
  }
  set_byte(distributor + GICD_IPRIORITYR, interrupt, PRIORITY);
  if (version == 3) {
    uint64_t route = distributor + GICD_IROUTER + interrupt * 8ul;
    __asm__ volatile("str %0, [%1]" ::"r"(cpu_affinity()), "r"(route) : "memory");
  } else if (interrupt >= 32) {
    // The banked target registers of the private interrupts hold this CPU's own bit.
    set_byte(distributor + GICD_ITARGETSR, interrupt, read32(distributor + GICD_ITARGETSR) & 0xff);
  }
  set_bit(distributor + GICD_ISENABLER, interrupt);
}

void gic_send(unsigned interrupt, unsigned cpu, uint64_t affinity) {
  barrier();
  if (version == 2) {
    write32(distributor + GICD_SGIR, 1u << (16 + cpu) | interrupt);
    return;
  }
  uint64_t clusters = (affinity & 0xff00) << 8 | (affinity & 0xff0000) << 16 | (affinity & 0xff00000000) << 16;
  write_register(ICC_SGI1R_EL1, clusters | (uint64_t)interrupt << 24 | 1u << (affinity & 15));
}

void gic_interrupt(void) {
  uint32_t acknowledge = version == 3 ? (uint32_t)read_register(ICC_IAR1_EL1) : read32(interfaces + GICC_IAR);
  unsigned interrupt = version == 3 ? acknowledge & 0xffffff : acknowledge & 1023;
  if (interrupt >= GIC_SPURIOUS) return;
  counts[cpu_index()][interrupt]++;
  if (handlers[interrupt]) handlers[interrupt]();
  barrier();
  if (version == 3) write_register(ICC_EOIR1_EL1, acknowledge);
  else write32(interfaces + GICC_EOIR, acknowledge);
}
