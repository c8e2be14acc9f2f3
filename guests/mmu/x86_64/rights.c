// Who may do what with a page, by its entry and by those above it.
#include "../../common/tap.h"
#include "mmu.h"

// The error code of an access to a page with these rights.
static int expected(enum mode mode, enum access kind, uint64_t rights, bool write_protect) {
  int error = (mode == SUPERVISOR ? 0 : BY_USER) | (kind == STORE ? BY_WRITE : kind == FETCH ? BY_FETCH : 0);
  if (!(rights & PRESENT)) return error;
  bool allowed = mode == SUPERVISOR || rights & USER;
  if (kind == STORE && !(rights & WRITABLE) && (mode != SUPERVISOR || write_protect)) allowed = false;
  if (kind == FETCH && rights & NO_EXECUTE) allowed = false;
  return allowed ? NO_FAULT : error | BY_PROTECTION;
}

static bool as_expected(enum mode mode, uint64_t rights, bool write_protect) {
  bool good = true;
  for (enum access kind = LOAD; kind <= FETCH; kind++) {
    // Stores leave the code at the start of the page alone.
    uint64_t address = kind == STORE ? PAGE_ADDRESS + 8 : PAGE_ADDRESS;
    struct taken taken = access(mode, kind, address);
    int error = expected(mode, kind, rights, write_protect);
    if (error == NO_FAULT ? taken.frame.vector == DONE : taken.frame.vector == PAGE_FAULT && taken.frame.error == (uint64_t)error && taken.cr2 == address) {
      continue;
    }
    tap_note("access %u: vector %lu, error 0x%lx, expected 0x%x", kind, taken.frame.vector, taken.frame.error, error);
    good = false;
  }
  return good;
}

static void describe(uint64_t rights, bool supervisor, bool user, const char *what) {
  const char *ring = rights & USER ? "user" : "supervisor", *writable = rights & WRITABLE ? "writable" : "read-only";
  const char *executable = rights & NO_EXECUTE ? "no code" : "code";
  tap_ok(supervisor, "%s%s, %s, %s: ring 0", what, ring, writable, executable);
  tap_ok(user, "%s%s, %s, %s: ring 3", what, ring, writable, executable);
}

static uint64_t rights_of(unsigned combination) {
  return (combination & 1 ? USER : 0) | (combination & 2 ? WRITABLE : 0) | (combination & 4 ? NO_EXECUTE : 0);
}

void test_rights(void) {
  tap_note("rights");
  for (unsigned i = 0; i < 8; i++) {
    uint64_t rights = PRESENT | rights_of(i);
    map_page(PAGE, (uintptr_t)data[1] | rights);
      bool supervisor = as_expected(SUPERVISOR, rights, true);
      describe(rights, supervisor, as_expected(USER_64, rights, true), "");
  }
  map_page(PAGE, (uintptr_t)data[1] | USER | WRITABLE);
  bool supervisor = as_expected(SUPERVISOR, 0, true);
  tap_ok(supervisor && as_expected(USER_64, 0, true), "not present: both");
  write_control("cr0", read_control("cr0") & ~CR0_WP);
  map_page(PAGE, (uintptr_t)data[1] | PRESENT | USER);
  tap_ok(as_expected(SUPERVISOR, PRESENT | USER, false), "CR0.WP 0: ring 0 writes to what is read-only");
  tap_ok(as_expected(USER_64, PRESENT | USER, false), "ring 3 does not");
  write_control("cr0", read_control("cr0") | CR0_WP);
}

// The entry above gives fewer rights than the page.
void test_levels(void) {
  tap_note("rights of the level above");
  uint64_t *above = &page_directories[WINDOW >> 30][0], before = *above;
  map_page(PAGE, (uintptr_t)data[1] | PRESENT | USER | WRITABLE);
  for (unsigned i = 0; i < 8; i++) {
    uint64_t rights = PRESENT | rights_of(i);
    *above = (before & ADDRESS) | rights;
    invalidate_all();
    // Only ring 0: the programs of ring 3 are in the window too.
      bool supervisor = as_expected(SUPERVISOR, rights, true);
    tap_ok(supervisor, "%s, %s, %s: ring 0", rights & USER ? "user" : "supervisor", rights & WRITABLE ? "writable" : "read-only",
           rights & NO_EXECUTE ? "no code" : "code");
  }
  *above = before;
  invalidate_all();
  uint64_t *top = &page_directory_pointers[WINDOW >> 30], top_before = *top;
  *top &= ~USER;
  invalidate_all();
  check_access("level 3 without ring 3", USER_64, FETCH, PAGE_ADDRESS, BY_USER | BY_FETCH | BY_PROTECTION);
  *top = top_before & ~PRESENT;
  invalidate_all();
  check_access("level 3 not present", SUPERVISOR, LOAD, PAGE_ADDRESS, 0);
  *top = top_before;
  invalidate_all();
}
