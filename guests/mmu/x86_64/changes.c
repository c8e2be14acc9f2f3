// Mappings that change, and accesses over the boundary of two pages.
#include "../../common/tap.h"
#include "mmu.h"

static uint64_t load(uint64_t address) {
  return access(SUPERVISOR, LOAD, address).frame.rax;
}

static void flip_global_pages(void) {
  uint64_t cr4 = read_control("cr4");
  write_control("cr4", cr4 ^ CR4_PGE);
  write_control("cr4", cr4);
}

void test_changes(void) {
  tap_note("changes");
  data[1][1] = 0x11;
  data[2][1] = 0x22;
  map_page(PAGE, (uintptr_t)data[1] | PRESENT | WRITABLE);
  tap_equal(load(PAGE_ADDRESS + 8), 0x11, "a page");
  map_page(PAGE, (uintptr_t)data[2] | PRESENT | WRITABLE);
  tap_equal(load(PAGE_ADDRESS + 8), 0x22, "another, after INVLPG");
  pages[PAGE] = (uintptr_t)data[1] | PRESENT | WRITABLE;
  invalidate_all();
  tap_equal(load(PAGE_ADDRESS + 8), 0x11, "another, after MOV to CR3");
  uint64_t cr4 = read_control("cr4");
  write_control("cr4", cr4 | CR4_PGE);
  map_page(PAGE, (uintptr_t)data[2] | PRESENT | WRITABLE | GLOBAL);
  tap_equal(load(PAGE_ADDRESS + 8), 0x22, "a global page");
  map_page(PAGE, (uintptr_t)data[1] | PRESENT | WRITABLE | GLOBAL);
  tap_equal(load(PAGE_ADDRESS + 8), 0x11, "another, after INVLPG");
  pages[PAGE] = (uintptr_t)data[2] | PRESENT | WRITABLE | GLOBAL;
  flip_global_pages();
  tap_equal(load(PAGE_ADDRESS + 8), 0x22, "another, after a change of CR4.PGE");
  write_control("cr4", cr4);
  map_page(PAGE, 0);
  check_access("none", SUPERVISOR, LOAD, PAGE_ADDRESS, 0);
  pages[PAGE] = (uintptr_t)data[1] | PRESENT;
  tap_equal(load(PAGE_ADDRESS + 8), 0x11, "what was not present needs nothing");
  // The same memory by two addresses: MOV EAX, n; INT 0x77.
  data[1][0] = 0x77cd00000011b8;
  data[2][0] = 0x77cd00000022b8;
  tap_equal(access(SUPERVISOR, FETCH, PAGE_ADDRESS).frame.rax, 0x11, "code");
  *(volatile uint8_t *)((uintptr_t)data[1] + 1) = 0x33;
  tap_equal(access(SUPERVISOR, FETCH, PAGE_ADDRESS).frame.rax, 0x33, "code that was changed by another address");
  map_page(PAGE, (uintptr_t)data[2] | PRESENT);
  tap_equal(access(SUPERVISOR, FETCH, PAGE_ADDRESS).frame.rax, 0x22, "code of another page");
  struct taken taken = check("code that changes what comes next", SUPERVISOR, PROGRAM("movb $7, 2f+1(%%rip)\n2: mov $1, %%eax"), DONE, 0);
  tap_equal(taken.frame.rax, 7, "is changed");
}

void test_boundaries(void) {
  tap_note("two pages");
  map_page(PAGE, (uintptr_t)data[1] | PRESENT | WRITABLE);
  map_page(PAGE + 1, (uintptr_t)data[3] | PRESENT | WRITABLE);
  data[1][511] = 0x8877665544332211;
  data[3][0] = 0xffeeddccbbaa0099;
  uint64_t over = PAGE_ADDRESS + PAGE_BYTES - 3;
  tap_equal(load(over), 0xccbbaa0099887766, "a load over the boundary");
  map_page(PAGE + 1, 0);
  struct taken taken = access(SUPERVISOR, LOAD, over);
  tap_ok(taken.frame.vector == PAGE_FAULT && taken.cr2 == PAGE_ADDRESS + PAGE_BYTES, "the second is not there: CR2 has its address");
  taken = access(SUPERVISOR, STORE, over);
  tap_ok(taken.frame.vector == PAGE_FAULT && taken.frame.error == BY_WRITE && taken.cr2 == PAGE_ADDRESS + PAGE_BYTES, "a store");
  tap_equal(data[1][511], 0x8877665544332211, "changes nothing in the first");
  map_page(PAGE + 1, (uintptr_t)data[3] | PRESENT);
  taken = access(SUPERVISOR, STORE, over);
  tap_ok(taken.frame.error == (BY_WRITE | BY_PROTECTION) && taken.cr2 == PAGE_ADDRESS + PAGE_BYTES, "a store to a read-only second");
  map_page(PAGE, 0);
  taken = access(SUPERVISOR, LOAD, over);
  tap_ok(taken.frame.vector == PAGE_FAULT && taken.cr2 == over, "the first is not there");
  // MOV EAX, 0x55 over the boundary, then INT 0x77.
  map_page(PAGE, (uintptr_t)data[1] | PRESENT | WRITABLE);
  map_page(PAGE + 1, (uintptr_t)data[3] | PRESENT | WRITABLE);
  data[1][511] = 0x0055b80000000000;
  data[3][0] = 0x77cd0000;
  over = PAGE_ADDRESS + PAGE_BYTES - 3;
  tap_equal(access(SUPERVISOR, FETCH, over).frame.rax, 0x55, "an instruction over the boundary");
  map_page(PAGE + 1, 0);
  taken = access(SUPERVISOR, FETCH, over);
  tap_ok(taken.frame.vector == PAGE_FAULT && taken.frame.error == BY_FETCH && taken.cr2 == PAGE_ADDRESS + PAGE_BYTES && taken.frame.rip == over,
         "its second page is not there: RIP is its own");
  map_page(PAGE + 1, (uintptr_t)data[2] | PRESENT);
  data[2][0] = 0x77cd1100;
  tap_equal(access(SUPERVISOR, FETCH, over).frame.rax, 0x11000055, "another second page");
  // REP MOVSB stops at the page that is not there.
  map_page(PAGE + 1, 0);
  struct frame frame = program_frame(PROGRAM("rep stosb"), SUPERVISOR);
  frame.rdi = PAGE_ADDRESS + PAGE_BYTES - 5;
  frame.rcx = 20;
  taken = program_run(&frame);
  tap_ok(taken.frame.vector == PAGE_FAULT && taken.frame.rip == frame.rip, "REP STOSB into it");
  tap_ok(taken.frame.rcx == 15 && taken.frame.rdi == PAGE_ADDRESS + PAGE_BYTES, "counts what is done");
}
