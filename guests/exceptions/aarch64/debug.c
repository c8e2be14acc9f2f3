// Self-hosted debug: software step, breakpoints, watchpoints (Arm ARM, chapter D2).
#include "../../aarch64/aarch64.h"
#include "../../aarch64/accesses.h"
#include "../../aarch64/paging.h"
#include "../../common/tap.h"
#include "exceptions.h"

enum { STEP = 0xca000022, STEPPED = 0xcb000022, STEPPED_EXCLUSIVE = 0xcb000062 };
enum { BREAKPOINT = 0xc2000022, WATCHED_LOAD = 0xd2000022, WATCHED_STORE = 0xd2000062, SVC = 0x56000001 };
enum { END = 0x18, SPSR_SS = 1 << 21 };
// MDSCR_EL1.
enum { SS = 1, KDE = 1 << 13, MDE = 1 << 15 };
// DBGBCR and DBGWCR.
enum { ENABLE = 1, EL1 = 1 << 1, EL0 = 2 << 1, WORD = 15 << 5, BYTES = 0xff << 5, LOADS = 1 << 3, STORES = 2 << 3, LOADS_AND_STORES = 3 << 3 };

// nop; nop; ldr x1, [x0]; str x1, [x0]; ldxr x1, [x0]; svc #1
static const uint32_t program[] = {0xd503201f, 0xd503201f, 0xf9400001, 0xf9000001, 0xc85f7c01, 0xd4000021};

static void test_step(void) {
  write_register("mdscr_el1", SS);
  for (unsigned i = 0; i < 6; i++) {
    struct taken taken = {0};
    guarded(&taken, enter, USER_CODE + i * 4, SPSR_SS, USER_DATA);
    uint64_t esr = i == 5 ? SVC : i == 4 ? STEPPED_EXCLUSIVE : STEPPED;
    tap_ok(taken.vector == 8 && taken.esr == esr && taken.elr == USER_CODE + i * 4 + 4, "step of instruction %u: ESR 0x%08lx", i, esr);
  }
  check_user("step that is due", 0, USER_DATA, STEP, 0);
  struct taken taken = {0};
  bool ended = guarded(&taken, enter, USER_CODE + 8, SPSR_SS, WINDOW + 0x100000);
  check(ended, &taken, 8, 0x92000007, "step of an instruction that faults");
  tap_equal(taken.spsr & ~0xc00ul, SPSR_SS, "SPSR.SS is still set");
  write_register("mdscr_el1", 0);
  check_user("SPSR.SS without MDSCR_EL1.SS", SPSR_SS, USER_DATA, SVC, END);
}

static void test_breakpoints(void) {
  write_register("mdscr_el1", MDE);
  write_register("dbgbvr0_el1", USER_CODE + 4);
  write_register("dbgbcr0_el1", ENABLE | EL0 | WORD);
  check_user("breakpoint", 0, USER_DATA, BREAKPOINT, 4);
  write_register("dbgbcr0_el1", ENABLE | EL1 | WORD);
  check_user("breakpoint of EL1", 0, USER_DATA, SVC, END);
  write_register("contextidr_el1", 42);
  write_register("dbgbvr5_el1", 42);
  write_register("dbgbcr5_el1", ENABLE | EL0 | WORD | 3 << 20);
  write_register("dbgbcr0_el1", ENABLE | EL0 | WORD | 5 << 16 | 1 << 20);
  check_user("breakpoint linked to a context", 0, USER_DATA, BREAKPOINT, 4);
  write_register("contextidr_el1", 43);
  check_user("breakpoint linked to another context", 0, USER_DATA, SVC, END);
  write_register("dbgbcr0_el1", 0);
  write_register("dbgbcr5_el1", 0);
}

static void test_watchpoints(void) {
  static const struct {
    const char *name;
    uint64_t offset, control, esr, elr;
  } watchpoints[] = {
      {"watchpoint of loads", 0, ENABLE | EL0 | LOADS | BYTES, WATCHED_LOAD, 8},
      {"watchpoint of stores", 0, ENABLE | EL0 | STORES | BYTES, WATCHED_STORE, 12},
      {"watchpoint elsewhere", 8, ENABLE | EL0 | LOADS_AND_STORES | BYTES, SVC, END},
      {"watchpoint of no bytes", 0, ENABLE | EL0 | LOADS_AND_STORES, SVC, END},
      {"watchpoint of a page", 0, ENABLE | EL0 | LOADS_AND_STORES | BYTES | 12ul << 24, WATCHED_LOAD, 8},
      {"watchpoint of EL1", 0, ENABLE | EL1 | LOADS_AND_STORES | BYTES, SVC, END},
  };
  struct taken taken = {0};
  for (unsigned i = 0; i < sizeof watchpoints / sizeof *watchpoints; i++) {
    write_register("dbgwvr0_el1", USER_DATA + watchpoints[i].offset);
    write_register("dbgwcr0_el1", watchpoints[i].control);
    check_user(watchpoints[i].name, 0, USER_DATA, watchpoints[i].esr, watchpoints[i].elr);
  }
  uint64_t at = (uintptr_t)data;
  write_register("dbgwvr0_el1", at);
  write_register("dbgwcr0_el1", ENABLE | EL1 | LOADS_AND_STORES | BYTES);
  write_register("mdscr_el1", MDE | KDE);
  check(guarded(&taken, load_debugged, at, 0, 0), &taken, 4, 0xd6000022, "watchpoint at EL1");
  tap_equal(taken.far, at, "FAR is the address");
  check(guarded(&taken, load, at, 0, 0), &taken, 4, 0, "watchpoint at EL1 with PSTATE.D");
  check(guarded(&taken, load_debugged, at + 8, 0, 0), &taken, 4, 0, "watchpoint at EL1, load elsewhere");
  write_register("dbgwcr0_el1", 0);
  write_register("mdscr_el1", 0);
}

void test_debug(void) {
  tap_note("debug exceptions");
  tap_equal(read_register("oslsr_el1"), 0xa, "the OS lock is locked");
  write_register("oslar_el1", 0);
  tap_equal(read_register("oslsr_el1"), 0x8, "and can be unlocked");
  map_user();
  for (unsigned i = 0; i < 6; i++) code[i] = program[i];
  SYNC_CODE();
  test_step();
  test_breakpoints();
  test_watchpoints();
}
