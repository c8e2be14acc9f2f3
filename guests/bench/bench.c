// Runs the kernels and prints for each: name, set, checksum, and the time by the timer's counter.
// Kernel command line: scale=N (1 if not given), only=NAME,NAME.
#include "../common/arguments.h"
#include "../common/machine.h"
#include "../common/print.h"
#include "../common/timer.h"
#include "kernels.h"

static const struct kernel {
  const char *name, *set;
  uint64_t (*run)(unsigned scale);
  // Null: always.
  bool (*possible)(void);
} kernels[] = {
    {"sieve", "integer", sieve, 0},
    {"crc", "integer", crc, 0},
    {"sort", "integer", sort, 0},
    {"matrix", "integer", matrix, 0},
    {"list", "integer", list, 0},
    {"calls", "integer", calls, 0},
    {"string", "integer", string, 0},
    {"automaton", "integer", automaton, 0},
    {"copy", "integer", copy, 0},
    {"nbody", "float", nbody, 0},
    {"daxpy", "float", daxpy, 0},
    {"sgemm", "float", sgemm, 0},
    {"mandel", "float", mandel, 0},
    {"registers", "exits", registers, 0},
    {"interrupts", "exits", interrupts, 0},
    {"console", "exits", console, 0},
    {"disk_read", "devices", disk_read, has_disk},
    {"disk_write", "devices", disk_write, has_disk},
    {"disk_random", "devices", disk_random, has_disk},
    {"disk_single", "devices", disk_single, has_disk},
    {"virtio_console", "devices", virtio_console, has_console},
};

void run(const void *boot) {
  static char text[128];
  if (!machine_init(boot)) return;
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
    if (kernel->possible && !kernel->possible()) continue;
    uint64_t start = timer_count();
    uint64_t checksum = kernel->run((unsigned)scale);
    uint64_t ticks = timer_count() - start;
    print("%-14s %-8s 0x%016lx %10lu us\n", kernel->name, kernel->set, checksum, timer_microseconds(ticks));
  }
  print("end\n");
  machine_off();
}
