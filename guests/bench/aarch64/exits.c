// What leaves the guest: accesses to devices, interrupts.
#include "../../aarch64/aarch64.h"
#include "../../aarch64/gic.h"
#include "../../common/fdt.h"
#include "../kernels.h"

enum { PL011_FR = 0x18, PL011_IBRD = 0x24 };

// Reads of a device's register, one in eight a write.
uint64_t registers(unsigned scale) {
  struct fdt_node node;
  uint64_t base, size, hash = 0;
  if (!fdt_find_compatible("arm,pl011", &node) || !fdt_reg(&node, 0, &base, &size)) return 0;
  for (unsigned i = 0; i < 1000000 * scale; i++) {
    hash = mix(hash, read32(base + PL011_IBRD));
    if (i % 8 == 0) write32(base + PL011_IBRD, i & 0xffff);
  }
  return hash;
}

static volatile uint32_t taken;

static void take(void) {
  taken++;
}

// Interrupts that the CPU sends to itself: taken, acknowledged, ended.
uint64_t interrupts(unsigned scale) {
  enum { SGI = 1 };
  if (gic_version() == 0 && !gic_init()) return 0;
  gic_enable(SGI, take);
  taken = 0;
  unmask_interrupts();
  for (unsigned i = 0; i < 50000 * scale; i++) {
    gic_send(SGI, 0, cpu_affinity());
    while (taken != i + 1) {}
  }
  mask_interrupts();
  return taken;
}
