// Runs the kernels and prints for each: name, set, checksum, and the time by the virtual counter.
// Kernel command line: scale=N (1 if not given), only=NAME,NAME.
#include "../aarch64/pl011.h"
#include "../aarch64/psci.h"
#include "../aarch64/timer.h"
#include "../common/fdt.h"
#include "../common/print.h"
#include "../common/text.h"
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
};

// The text after NAME= in the command line, up to a space, in `value`; false if there is none.
static bool option(const char *command_line, const char *name, char *value, unsigned size) {
  size_t length = text_length(name);
  for (const char *at = command_line; *at; at++) {
    if ((at != command_line && at[-1] != ' ') || !text_starts(at, name) || at[length] != '=') continue;
    at += length + 1;
    unsigned i = 0;
    for (; at[i] && at[i] != ' ' && i < size - 1; i++) value[i] = at[i];
    value[i] = 0;
    return true;
  }
  return false;
}

// Whether a comma-separated list has the name.
static bool listed(const char *list, const char *name) {
  size_t length = text_length(name);
  for (const char *at = list; *at; at++) {
    if ((at == list || at[-1] == ',') && text_starts(at, name) && (at[length] == 0 || at[length] == ',')) return true;
  }
  return false;
}

void run(const void *tree) {
  static char text[128];
  struct fdt_node chosen;
  const char *command_line = 0;
  uint64_t scale = 1;
  bool described = fdt_open(tree);
  pl011_init();
  if (!described) return;
  psci_init();
  if (fdt_find_name("chosen", &chosen)) command_line = fdt_text(&chosen, "bootargs");
  if (command_line == 0) command_line = "";
  if (option(command_line, "scale", text, sizeof text) && (!text_number(text, &scale) || scale == 0 || scale > 10000)) {
    print("scale is 1 to 10000\n");
    psci_system_off();
  }
  bool some = option(command_line, "only", text, sizeof text);
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
  pl011_flush();
  psci_system_off();
}
