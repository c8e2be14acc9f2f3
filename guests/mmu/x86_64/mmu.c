// Paging: rights, levels, accessed and dirty bits, large pages, changes, SMEP, SMAP, PCID, 32 bits and PAE.
#include "mmu.h"
#include "../../common/tap.h"

struct taken access(enum mode mode, enum access access, uint64_t address) {
  struct program program = access == LOAD ? PROGRAM("mov (%%rsi), %%rax") : PROGRAM("mov %%rax, (%%rsi)");
  struct frame frame = program_frame(program, mode);
  frame.rsi = address;
  if (access == FETCH) frame.rip = address;
  return program_run(&frame);
}

void check_access(const char *name, enum mode mode, enum access kind, uint64_t address, int error) {
  struct taken taken = access(mode, kind, address);
  if (error == NO_FAULT) {
    tap_ok(taken.frame.vector == DONE, "%s: no fault", name);
  } else {
    tap_ok(taken.frame.vector == PAGE_FAULT && taken.frame.error == (uint64_t)error && taken.cr2 == address, "%s: #PF(0x%x)", name, error);
  }
  if (taken.frame.vector != (error == NO_FAULT ? DONE : PAGE_FAULT) || (error != NO_FAULT && taken.frame.error != (uint64_t)error)) {
    tap_note("vector %lu, error 0x%lx, CR2 0x%lx", taken.frame.vector, taken.frame.error, taken.cr2);
  }
}

void tests(void) {
  // INT 0x77 at the start of data[1]; what else is loaded there is this.
  data[1][0] = 0x77cd;
  paging_init();
  programs_init();
  test_rights();
  test_levels();
  test_bits();
  test_changes();
  test_boundaries();
  test_prevention();
  test_contexts();
  test_legacy();
}
