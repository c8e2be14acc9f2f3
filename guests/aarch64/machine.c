// The machine, for programs that do not know the architecture.
#include "../common/machine.h"
#include "../common/fdt.h"
#include "pl011.h"
#include "psci.h"

bool machine_init(const void *boot) {
  bool described = fdt_open(boot);
  pl011_init();
  psci_init();
  return described;
}

void machine_off(void) {
  pl011_flush();
  psci_system_off();
}

void machine_reset(void) {
  pl011_flush();
  psci_system_reset();
}

const char *machine_command_line(void) {
  struct fdt_node chosen;
  return fdt_find_name("chosen", &chosen) ? fdt_text(&chosen, "bootargs") : 0;
}

bool machine_virtio(unsigned index, uint64_t *base, uint32_t *interrupt) {
  struct fdt_node node;
  uint64_t size;
  for (fdt_start(&node); fdt_next(&node);) {
    if (!fdt_compatible(&node, "virtio,mmio") || !fdt_reg(&node, 0, base, &size) || index-- > 0) continue;
    return fdt_interrupt(&node, 0, interrupt);
  }
  return false;
}
