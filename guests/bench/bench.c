// Runs the kernels and prints for each: name, set, checksum, and the time by the virtual counter.
// Kernel command line: scale=N (1 if not given), only=NAME,NAME.
#include "../aarch64/pl011.h"
#include "../aarch64/psci.h"
#include "../aarch64/timer.h"
#include "../common/arguments.h"
#include "../common/fdt.h"
#include "../common/machine.h"
#include "../common/print.h"
#include "kernels.h"

static const struct kernel {
  const char *name, *set;
  uint64_t (*run)(unsigned scale);
} kernels[] = {
    {"sieve", "integer", sieve},   {"crc", "integer", crc},       {"sort", "integer", sort},
    {"matrix", "integer", matrix}, {"list", "integer", list},     {"calls", "integer", calls},
    {"string", "integer", string}, {"automaton", "integer", automaton}, {"copy", "integer", copy},
    {"nbody", "float", nbody},     {"daxpy", "float", daxpy},     {"sgemm", "float", sgemm},
    {"mandel", "float", mandel},
    {"registers", "exits", registers}, {"interrupts", "exits", interrupts}, {"console", "exits", console},
};

void run(const void *tree) {
  static char text[128];
  bool described = fdt_open(tree);
  pl011_init();
  if (!described) return;
  psci_init();
  uint64_t scale = argument_number("scale", 1);
  if (scale == 0 || scale > 10000) {
    print("scale is 1 to 10000\n");
    machine_off();
  }
  bool some = argument_text("only", text, sizeof text);
  print("scale %lu\n", scale);
  for (unsigned i = 0; i < sizeof kernels / sizeof *kernels; i++) {
    const struct kernel *kernel = &kernels[i];
    if (some && !listed(text, kernel->name)) continue;
    uint64_t start = timer_count();
    uint64_t checksum = kernel->run((unsigned)scale);
    uint64_t ticks = timer_count() - start;
    print("%-10s %-8s 0x%016lx %10lu us\n", kernel->name, kernel->set, checksum, timer_microseconds(ticks));
  }
  print("end\n");
  machine_off();
}
