// What ring 0 may not do with pages of ring 3: SMEP and SMAP; process-context identifiers.
#include "../../common/tap.h"
#include "mmu.h"

static void test_execution(void) {
  if (!(cpuid(7, 0).ebx & CPUID_SMEP)) {
    tap_skip("there is no SMEP", "SMEP: code of ring 3 in ring 0: #PF(0x11)");
    tap_skip("there is no SMEP", "in ring 3: no fault");
    tap_skip("there is no SMEP", "a load in ring 0: no fault");
    return;
  }
  write_control("cr4", read_control("cr4") | CR4_SMEP);
  check_access("SMEP: code of ring 3 in ring 0", SUPERVISOR, FETCH, PAGE_ADDRESS, BY_FETCH | BY_PROTECTION);
  check_access("in ring 3", USER_64, FETCH, PAGE_ADDRESS, NO_FAULT);
  check_access("a load in ring 0", SUPERVISOR, LOAD, PAGE_ADDRESS, NO_FAULT);
  write_control("cr4", read_control("cr4") & ~CR4_SMEP);
}

static void test_access(void) {
  static const char *const names[] = {"SMAP: a load in ring 0: #PF(0x1)", "a store: #PF(0x3)", "of a page of ring 0: no fault", "ring 3: no fault", "RFLAGS.AC: a load in ring 0", "STAC", "CLAC: #PF(0x1)", "STAC in ring 3: #UD", "SMAP off: a load in ring 0: no fault"};
  if (!(cpuid(7, 0).ebx & CPUID_SMAP)) {
    for (unsigned i = 0; i < sizeof names / sizeof *names; i++) tap_skip("there is no SMAP", "%s", names[i]);
    return;
  }
  write_control("cr4", read_control("cr4") | CR4_SMAP);
  check_access("SMAP: a load in ring 0", SUPERVISOR, LOAD, PAGE_ADDRESS, BY_PROTECTION);
  check_access("a store", SUPERVISOR, STORE, PAGE_ADDRESS, BY_PROTECTION | BY_WRITE);
  check_access("of a page of ring 0", SUPERVISOR, LOAD, PAGE_ADDRESS + PAGE_BYTES, NO_FAULT);
  check_access("ring 3", USER_64, LOAD, PAGE_ADDRESS, NO_FAULT);
  struct frame frame = program_frame(PROGRAM("mov (%%rsi), %%rax"), SUPERVISOR);
  frame.rsi = PAGE_ADDRESS;
  frame.rflags |= RFLAGS_AC;
  check_from(names[4], &frame, 0, DONE, 0);
  frame = program_frame(PROGRAM("stac\n\tmov (%%rsi), %%rax"), SUPERVISOR);
  frame.rsi = PAGE_ADDRESS;
  check_from(names[5], &frame, 0, DONE, 0);
  struct program clac = PROGRAM("stac\n\tclac\n77: mov (%%rsi), %%rax");
  frame = program_frame(clac, SUPERVISOR);
  frame.rsi = PAGE_ADDRESS;
  check_from("CLAC", &frame, clac.at, PAGE_FAULT, BY_PROTECTION);
  check("STAC in ring 3", USER_64, PROGRAM("stac"), INVALID_OPCODE, 0);
  write_control("cr4", read_control("cr4") & ~CR4_SMAP);
  check_access("SMAP off: a load in ring 0", SUPERVISOR, LOAD, PAGE_ADDRESS, NO_FAULT);
}

void test_prevention(void) {
  tap_note("prevention");
  data[1][0] = 0x77cd;
  map_page(PAGE, (uintptr_t)data[1] | PRESENT | WRITABLE | USER);
  map_page(PAGE + 1, (uintptr_t)data[2] | PRESENT | WRITABLE);
  test_execution();
  test_access();
}

static void invalidate(uint64_t type, uint64_t pcid, uint64_t address) {
  uint64_t descriptor[2] = {pcid, address};
  __asm__ volatile("invpcid %0, %1" ::"m"(descriptor), "r"(type) : "memory");
}

static void map(unsigned index) {
  pages[PAGE] = (uintptr_t)data[index] | PRESENT | WRITABLE;
}

static uint64_t load(void) {
  return access(SUPERVISOR, LOAD, PAGE_ADDRESS + 8).frame.rax;
}

void test_contexts(void) {
  static const char *const names[] = {"CR4.PCIDE", "the page in context 5", "a change in context 6, kept entries of 5 or not", "INVPCID of an address", "of a context", "of all", "of all but global ones", "INVPCID of another type: #GP", "of an address that is not canonical: #GP", "of a context above 4095: #GP", "in ring 3: #GP"};
  tap_note("process-context identifiers");
  if (!(cpuid(1, 0).ecx & CPUID_PCID) || !(cpuid(7, 0).ebx & CPUID_INVPCID)) {
    for (unsigned i = 0; i < sizeof names / sizeof *names; i++) tap_skip("there are none", "%s", names[i]);
    return;
  }
  uint64_t cr3 = read_control("cr3"), keep = 1ul << 63;
  write_control("cr4", read_control("cr4") | CR4_PCIDE);
  tap_ok(read_control("cr4") & CR4_PCIDE, "%s", names[0]);
  data[1][1] = 0x11;
  data[2][1] = 0x22;
  map(1);
  write_control("cr3", cr3 | 5);
  tap_ok(load() == 0x11 && read_control("cr3") == (cr3 | 5), "%s", names[1]);
  write_control("cr3", cr3 | 6);
  map(2);
  bool good = load() == 0x22;
  write_control("cr3", cr3 | 5 | keep);
  uint64_t kept = load();
  tap_ok(good && (kept == 0x11 || kept == 0x22), "%s", names[2]);
  invalidate(0, 5, PAGE_ADDRESS);
  tap_equal(load(), 0x22, "%s", names[3]);
  map(1);
  invalidate(1, 5, 0);
  tap_equal(load(), 0x11, "%s", names[4]);
  map(2);
  invalidate(2, 0, 0);
  tap_equal(load(), 0x22, "%s", names[5]);
  map(1);
  invalidate(3, 0, 0);
  tap_equal(load(), 0x11, "%s", names[6]);
  check("INVPCID of another type", SUPERVISOR, PROGRAM("mov $4, %%eax\n77: invpcid (%%rdi), %%rax"), PROTECTION, 0);
  data[0][0] = 5;
  data[0][1] = 1ul << 63;
  check("of an address that is not canonical", SUPERVISOR, PROGRAM("invpcid (%%rdi), %%rax"), PROTECTION, 0);
  data[0][0] = 4096;
  data[0][1] = 0;
  check("of a context above 4095", SUPERVISOR, PROGRAM("invpcid (%%rdi), %%rax"), PROTECTION, 0);
  check("in ring 3", USER_64, PROGRAM("invpcid (%%rdi), %%rax"), PROTECTION, 0);
  write_control("cr3", cr3);
  write_control("cr4", read_control("cr4") & ~CR4_PCIDE);
}
