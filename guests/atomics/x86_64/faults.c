// Locked accesses that are not aligned, over two pages, or not allowed.
#include "../../x86_64/paging.h"
#include "../../x86_64/programs.h"
#include "atomics.h"

void test_faults(void) {
  enum { PAGE = 0x20 };
  uint64_t address = WINDOW + PAGE * PAGE_BYTES;
  tap_note("places");
  paging_init();
  programs_init();
  check("CMPXCHG16B of an address that is not aligned", SUPERVISOR, PROGRAM("lock cmpxchg16b 8(%%rdi)"), PROTECTION, 0);
  data[0][0] = data[0][1] = 0;
  check("LOCK ADD over two cache lines", SUPERVISOR, PROGRAM("mov $1, %%eax\n\tlock add %%rax, 60(%%rdi)"), DONE, 0);
  tap_equal(*(uint64_t *)((uintptr_t)data + 60), 1, "adds");
  map_page(PAGE, (uintptr_t)data[1] | PRESENT | WRITABLE);
  map_page(PAGE + 1, (uintptr_t)data[3] | PRESENT | WRITABLE);
  data[1][511] = ~0ul << 32;
  data[3][0] = 0;
  struct frame frame = program_frame(PROGRAM("lock add %%rax, (%%rsi)"), SUPERVISOR);
  frame.rsi = address + PAGE_BYTES - 4;
  frame.rax = 1;
  check_from("over two pages", &frame, 0, DONE, 0);
  tap_ok(data[1][511] == 0 && data[3][0] == 1, "carries into the second");
  map_page(PAGE + 1, (uintptr_t)data[3] | PRESENT);
  struct taken taken = check_from("the second is read-only", &frame, frame.rip, PAGE_FAULT, BY_WRITE | BY_PROTECTION);
  tap_ok(taken.cr2 == address + PAGE_BYTES && data[1][511] == 0, "nothing is changed");
  map_page(PAGE, (uintptr_t)data[1] | PRESENT);
  frame.rsi = address;
  frame.rip = PROGRAM("lock cmpxchg %%rcx, (%%rsi)").start;
  data[1][0] = 7;
  taken = check_from("CMPXCHG that is not equal writes too", &frame, frame.rip, PAGE_FAULT, BY_WRITE | BY_PROTECTION);
  tap_equal(taken.frame.rax, 1, "and RAX is as before the fault");
  frame.rip = PROGRAM("xchg %%rax, (%%rsi)").start;
  taken = check_from("XCHG", &frame, frame.rip, PAGE_FAULT, BY_WRITE | BY_PROTECTION);
  tap_equal(taken.frame.rax, 1, "RAX is as before");
  frame.rip = PROGRAM("xadd %%rax, (%%rsi)").start;
  taken = check_from("XADD", &frame, frame.rip, PAGE_FAULT, BY_WRITE | BY_PROTECTION);
  tap_equal(taken.frame.rax, 1, "RAX is as before");
}
