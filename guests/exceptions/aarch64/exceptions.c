// Exceptions (Arm ARM, chapters D1 and D2): traps, exception returns, debug events, interrupts.
#include "exceptions.h"
#include "../../aarch64/accesses.h"
#include "../../aarch64/paging.h"
#include "../../common/tap.h"

void check(bool ended, const struct taken *taken, unsigned vector, uint64_t esr, const char *name) {
  bool good = esr == 0 ? !ended : ended && taken->vector == vector && taken->esr == esr;
  if (esr == 0) tap_ok(good, "%s: nothing", name);
  else tap_ok(good, "%s: vector %u, ESR 0x%08lx", name, vector, esr);
  if (!good) tap_note(ended ? "vector %u, ESR 0x%08lx, ELR 0x%lx" : "nothing", taken->vector, taken->esr, taken->elr);
}

void check_user(const char *name, uint64_t spsr, uint64_t x0, uint64_t esr, uint64_t elr) {
  struct taken taken = {0};
  bool ended = guarded(&taken, enter, USER_CODE, spsr, x0);
  bool good = ended && taken.vector == 8 && taken.esr == esr && taken.elr == USER_CODE + elr && taken.daif == 0x3c0;
  tap_ok(good, "%s: ESR 0x%08lx at %lu", name, esr, elr);
  if (!good) tap_note("vector %u, ESR 0x%08lx at %lu", taken.vector, taken.esr, taken.elr - USER_CODE);
}

void tests(void) {
  paging_init();
  test_traps();
  test_returns();
  test_debug();
  test_interrupts();
}
