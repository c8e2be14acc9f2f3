// FS and GS: their bases by registers, selectors and instructions.
#include "../../common/tap.h"
#include "../../x86_64/paging.h"
#include "../../x86_64/programs.h"
#include "../../x86_64/x86_64.h"
#include "msr.h"

static void test_use(void) {
  tap_note("FS and GS");
  data[0][0] = 0x1111;
  data[1][0] = 0x2222;
  write_msr(MSR_FS_BASE, (uintptr_t)data[0]);
  write_msr(MSR_GS_BASE, (uintptr_t)data[1]);
  struct taken taken = check("accesses by FS and GS", SUPERVISOR, PROGRAM("mov %%fs:0, %%rax\n\tmov %%gs:0, %%rcx"), DONE, 0);
  tap_ok(taken.frame.rax == 0x1111 && taken.frame.rcx == 0x2222, "have their bases");
  taken = check("LEA", SUPERVISOR, PROGRAM("lea %%fs:8(%%rdi), %%rax\n\tsub %%rdi, %%rax"), DONE, 0);
  tap_equal(taken.frame.rax, 8, "has none");
  write_msr(MSR_KERNEL_GS_BASE, (uintptr_t)data[0]);
  taken = check("SWAPGS", SUPERVISOR, PROGRAM("swapgs\n\tmov %%gs:0, %%rax\n\tswapgs\n\tmov %%gs:0, %%rcx"), DONE, 0);
  tap_ok(taken.frame.rax == 0x1111 && taken.frame.rcx == 0x2222, "exchanges them, twice");
  check("a selector of data", SUPERVISOR, PROGRAM("mov $0x18, %%eax\n\tmov %%eax, %%fs"), DONE, 0);
  tap_equal(read_msr(MSR_FS_BASE), 0, "sets its base");
  taken = check("an address that the base makes not canonical", SUPERVISOR,
                PROGRAM("mov $0xc0000100, %%ecx\n\tmov $-1, %%eax\n\tmov $0x7fff, %%edx\n\twrmsr\n77: mov %%fs:1, %%rax"), PROTECTION, 0);
  write_msr(MSR_FS_BASE, 0);
}

static void test_instructions(void) {
  enum { FSGSBASE = 1 };
  static const char *const names[] = {"CR4.FSGSBASE 0: RDFSBASE: #UD", "WRFSBASE and RDFSBASE", "have 64 bits", "WRGSBASE in ring 3", "sets IA32_GS_BASE", "of 32 bits", "clears the upper half", "a base that is not canonical: #GP"};
  if (!(cpuid(7, 0).ebx & FSGSBASE)) {
    for (unsigned i = 0; i < sizeof names / sizeof *names; i++) tap_skip("there is no FSGSBASE", "%s", names[i]);
    return;
  }
  check("CR4.FSGSBASE 0: RDFSBASE", SUPERVISOR, PROGRAM("rdfsbase %%rax"), INVALID_OPCODE, 0);
  write_control("cr4", read_control("cr4") | CR4_FSGSBASE);
  struct taken taken = check(names[1], SUPERVISOR, PROGRAM("mov $0x123456789, %%rcx\n\twrfsbase %%rcx\n\trdfsbase %%rax"), DONE, 0);
  tap_equal(taken.frame.rax, 0x123456789, "%s", names[2]);
  check(names[3], USER_64, PROGRAM("mov $0x23456789a, %%rcx\n\twrgsbase %%rcx"), DONE, 0);
  tap_equal(read_msr(MSR_GS_BASE), 0x23456789a, "%s", names[4]);
  check(names[5], SUPERVISOR, PROGRAM("mov $-1, %%rcx\n\twrgsbase %%ecx"), DONE, 0);
  tap_equal(read_msr(MSR_GS_BASE), 0xffffffff, "%s", names[6]);
  check("a base that is not canonical", SUPERVISOR, PROGRAM("movabs $0x800000000000, %%rcx\n77: wrfsbase %%rcx"), PROTECTION, 0);
  write_control("cr4", read_control("cr4") & ~CR4_FSGSBASE);
  write_msr(MSR_GS_BASE, 0);
  write_msr(MSR_FS_BASE, 0);
}

void test_bases(void) {
  test_use();
  test_instructions();
}
