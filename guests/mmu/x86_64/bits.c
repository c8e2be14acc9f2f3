// Accessed and dirty bits, reserved bits, large pages.
#include "../../common/tap.h"
#include "mmu.h"

static uint64_t *directory(void) {
  return &page_directories[WINDOW >> 30][0];
}

static void clear_bits(void) {
  pages[PAGE] &= ~(ACCESSED | DIRTY);
  *directory() &= ~(ACCESSED | DIRTY);
  page_directory_pointers[WINDOW >> 30] &= ~(ACCESSED | DIRTY);
  invalidate_all();
}

static void test_accessed(void) {
  tap_note("accessed and dirty");
  map_page(PAGE, (uintptr_t)data[1] | PRESENT);
  clear_bits();
  check_access("a load", SUPERVISOR, LOAD, PAGE_ADDRESS, NO_FAULT);
  tap_equal(pages[PAGE] & (ACCESSED | DIRTY), ACCESSED, "sets accessed in the page's entry");
  tap_ok(*directory() & ACCESSED && page_directory_pointers[WINDOW >> 30] & ACCESSED, "and in those above");
  clear_bits();
  check_access("a store that faults", SUPERVISOR, STORE, PAGE_ADDRESS, BY_PROTECTION | BY_WRITE);
  tap_equal(pages[PAGE] & DIRTY, 0, "does not set dirty");
  map_page(PAGE, (uintptr_t)data[1] | PRESENT | WRITABLE);
  check_access("a load and then", SUPERVISOR, LOAD, PAGE_ADDRESS, NO_FAULT);
  tap_equal(pages[PAGE] & (ACCESSED | DIRTY), ACCESSED, "accessed only");
  check_access("a store", SUPERVISOR, STORE, PAGE_ADDRESS + 8, NO_FAULT);
  tap_equal(pages[PAGE] & (ACCESSED | DIRTY), ACCESSED | DIRTY, "sets dirty");
  clear_bits();
  check_access("again a store", SUPERVISOR, STORE, PAGE_ADDRESS + 8, NO_FAULT);
  tap_equal(pages[PAGE] & (ACCESSED | DIRTY), ACCESSED | DIRTY, "sets both");
  map_page(PAGE, (uintptr_t)data[1] | PRESENT);
  clear_bits();
  data[1][0] = 0x77cd;
  check_access("a fetch", SUPERVISOR, FETCH, PAGE_ADDRESS, NO_FAULT);
  tap_equal(pages[PAGE] & (ACCESSED | DIRTY), ACCESSED, "sets accessed");
}

static void test_reserved(void) {
  enum { ERROR = BY_PROTECTION | BY_RESERVED_BIT };
  tap_note("reserved bits");
  map_page(PAGE, (uintptr_t)data[1] | PRESENT | WRITABLE | 1ul << 51);
  check_access("an address that is too long", SUPERVISOR, LOAD, PAGE_ADDRESS, ERROR);
  check_access("a store", SUPERVISOR, STORE, PAGE_ADDRESS, ERROR | BY_WRITE);
  check_access("of ring 3", USER_64, LOAD, PAGE_ADDRESS, ERROR | BY_USER);
  map_page(PAGE, (uintptr_t)data[1] | PRESENT | 0x7ul << 52 | 0xe00);
  check_access("bits that are free", SUPERVISOR, LOAD, PAGE_ADDRESS, NO_FAULT);
  map_page(PAGE, 1ul << 51);
  check_access("not present, and nothing else counts", SUPERVISOR, LOAD, PAGE_ADDRESS, 0);
  uint64_t before = *directory();
  *directory() = PRESENT | WRITABLE | LARGE | 1 << 13;
  invalidate_all();
  check_access("a low bit of a large page", SUPERVISOR, LOAD, PAGE_ADDRESS, ERROR);
  *directory() = before;
  before = page_map[1];
  page_map[1] = (uintptr_t)page_directory_pointers | PRESENT | WRITABLE | LARGE;
  invalidate_all();
  check_access("PS at level 4", SUPERVISOR, LOAD, 1ul << 39 | PAGE_ADDRESS, ERROR);
  page_map[1] = before;
  map_page(PAGE, (uintptr_t)data[1] | PRESENT | NO_EXECUTE);
  uint64_t efer = read_msr(MSR_EFER);
  // Pages of ring 3 are not executable either: they are not looked at meanwhile.
  write_msr(MSR_EFER, efer & ~EFER_NXE);
  invalidate_all();
  check_access("XD without EFER.NXE", SUPERVISOR, LOAD, PAGE_ADDRESS, ERROR);
  map_page(PAGE, 0);
  check_access("a fetch without EFER.NXE does not say so", SUPERVISOR, FETCH, PAGE_ADDRESS, 0);
  write_msr(MSR_EFER, efer);
  invalidate_all();
}

// Both map data[1] at the right place of the page.
static void test_large(void) {
  tap_note("large pages");
  uint64_t *entry = &page_directories[WINDOW >> 30][1], address = WINDOW + (2 << 20) + ((uintptr_t)data[1] & 0x1fffff);
  uint64_t before = *entry;
  *entry = ((uintptr_t)data[1] & ~0x1ffffful) | PRESENT | WRITABLE | LARGE;
  invalidate_page(address);
  data[1][3] = 0x1122334455667788;
  struct taken taken = access(SUPERVISOR, LOAD, address + 24);
  tap_equal(taken.frame.rax, data[1][3], "2 MiB: a load");
  tap_equal(*entry & (ACCESSED | DIRTY), ACCESSED, "sets accessed");
  access(SUPERVISOR, STORE, address + 24);
  tap_equal(data[1][3], 0, "a store");
  tap_equal(*entry & (ACCESSED | DIRTY), ACCESSED | DIRTY, "sets dirty");
  check_access("no ring 3", USER_64, LOAD, address, BY_USER | BY_PROTECTION);
  *entry = before;
  invalidate_page(address);
  if (!(cpuid(0x80000001, 0).edx & CPUID_1_GIB)) {
    tap_skip("there are none", "1 GiB: a load");
    tap_skip("there are none", "sets accessed");
    return;
  }
  before = page_directory_pointers[4];
  page_directory_pointers[4] = PRESENT | WRITABLE | LARGE;
  invalidate_all();
  data[1][3] = 0x1122334455667788;
  taken = access(SUPERVISOR, LOAD, (4ul << 30) + (uintptr_t)&data[1][3]);
  tap_equal(taken.frame.rax, data[1][3], "1 GiB: a load");
  tap_equal(page_directory_pointers[4] & (ACCESSED | DIRTY), ACCESSED, "sets accessed");
  page_directory_pointers[4] = before;
  invalidate_all();
}

void test_bits(void) {
  test_accessed();
  test_reserved();
  test_large();
}
