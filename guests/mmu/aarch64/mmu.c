// Translation (Arm ARM, chapter D8): access rights, faults by level, granules, TLB maintenance.
#include "mmu.h"
#include "../../aarch64/aarch64.h"
#include "../../aarch64/paging.h"
#include "../../common/tap.h"

uint64_t translate(int operation, uint64_t address) {
  switch (operation) {
    case 0: __asm__ volatile("at s1e1r, %0\n\tisb" ::"r"(address)); break;
    case 1: __asm__ volatile("at s1e1w, %0\n\tisb" ::"r"(address)); break;
    case 2: __asm__ volatile("at s1e0r, %0\n\tisb" ::"r"(address)); break;
    default: __asm__ volatile("at s1e0w, %0\n\tisb" ::"r"(address)); break;
  }
  return read_register("par_el1");
}

void check_access(const char *name, bool ended, const struct taken *taken, uint64_t esr, uint64_t far) {
  bool good = esr == 0 ? !ended : ended && taken->esr == esr && taken->far == far && (taken->vector == 4 || taken->vector == 8);
  tap_ok(good, esr == 0 ? "%s is done" : "%s faults: ESR 0x%lx", name, esr);
  if (ended && !good) tap_note("vector %u, ESR 0x%lx, FAR 0x%lx", taken->vector, taken->esr, taken->far);
}

void tests(void) {
  paging_init();
  test_permissions();
  test_faults();
  test_halves();
  test_edges();
  test_granules();
  test_tlb();
}
