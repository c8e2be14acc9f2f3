// A program that is a test: what start.S calls, around tests().
#include "../common/fdt.h"
#include "../common/tap.h"
#include "cpu.h"
#include "pl011.h"
#include "psci.h"

void run(const void *tree) {
  bool described = fdt_open(tree);
  pl011_init();
  psci_init();
  if (!described) tap_bail_out("there is no device tree");
  cpu_init();
  tap_start();
  tests();
  tap_end();
}
