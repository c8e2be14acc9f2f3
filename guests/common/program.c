// A program that is a test: what the runtime calls, around tests().
#include "cpu.h"
#include "tap.h"

void run(const void *boot) {
  if (!machine_init(boot)) tap_bail_out("nothing describes the machine");
  cpu_init();
  tap_start();
  tests();
  tap_end();
}
