// Exception returns by SPSR_EL1, legal and illegal ones.
#include "../../aarch64/aarch64.h"
#include "../../aarch64/accesses.h"
#include "../../aarch64/paging.h"
#include "../../common/tap.h"
#include "exceptions.h"

enum { SVC = 0x56000005, ILLEGAL = 0x3a000000, MISALIGNED = 0x8a000000 };

static const struct {
  uint64_t spsr;
  unsigned vector;
  uint64_t esr, saved;
} states[] = {
    // M[3:0] that are no state, or one that is not above: the illegal execution state is taken at EL1.
    {0x1, 4, ILLEGAL, 0x100005},
    {0x2, 4, ILLEGAL, 0x100005},
    {0x9, 4, ILLEGAL, 0x100005},
    {0xd, 4, ILLEGAL, 0x100005},
    {0x13, 4, ILLEGAL, 0x100005},
    // EL1 with SP_EL0 and SP_EL1, then with IL.
    {0x3c4, 0, SVC, 0x3c4},
    {0x3c5, 4, SVC, 0x3c5},
    {0x1003c5, 4, ILLEGAL, 0x1003c5},
    // EL0 with IL; flags and PAN at EL1.
    {0x100000, 8, ILLEGAL, 0x100000},
    {0xf0100000, 8, ILLEGAL, 0xf0100000},
    {0x600003c5, 4, SVC, 0x600003c5},
    {0x4003c5, 4, SVC, 0x4003c5},
};

void test_returns(void) {
  struct taken taken;
  tap_note("exception returns by SPSR_EL1");
  pages[2] = (uintptr_t)code | NORMAL_PAGE;
  map_user();
  put_code(0xd40000a1, 0); // svc #5
  for (unsigned i = 0; i < sizeof states / sizeof *states; i++) {
    uint64_t target = states[i].spsr & 15 ? WINDOW + 0x2000 : USER_CODE;
    taken = (struct taken){0};
    guarded(&taken, enter, target, states[i].spsr, 0);
    uint64_t elr = target + (states[i].esr == SVC ? 4 : 0);
    // DAIF is all ones in the handler; PAN stays as it was (SCTLR_EL1.SPAN). An illegal return leaves the
    // flags of before.
    bool good = taken.vector == states[i].vector && taken.esr == states[i].esr && taken.elr == elr && taken.daif == 0x3c0;
    if (states[i].esr == SVC || states[i].spsr & 1 << 20) good = good && (taken.spsr & ~0xc00ul) == states[i].saved;
    else good = good && (taken.spsr & 0x1003cf) == states[i].saved;
    good = good && taken.pan == (states[i].spsr & 1 << 22);
    tap_ok(good, "ERET with SPSR 0x%lx: vector %u, ESR 0x%08lx", states[i].spsr, states[i].vector, states[i].esr);
    if (!good) tap_note("vector %u, ESR 0x%08lx, ELR 0x%lx, SPSR 0x%lx", taken.vector, taken.esr, taken.elr, taken.spsr);
  }
  check(guarded(&taken, enter, USER_CODE + 2, 0, 0), &taken, 8, MISALIGNED, "ERET to a misaligned address");
  tap_equal(taken.far, USER_CODE + 2, "FAR is that address");
  check(guarded(&taken, enter, USER_CODE + 2, 0x100000, 0), &taken, 8, MISALIGNED, "with IL, to a misaligned address");
}
