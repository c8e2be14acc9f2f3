// Ways into ring 0 and back: SYSCALL, SYSENTER, call gates.
#include "../../common/tap.h"
#include "../../x86_64/descriptors.h"
#include "../../x86_64/paging.h"
#include "../../x86_64/programs.h"
#include "exceptions.h"

#define FLAGS_OF_TESTS (RFLAGS_CF | RFLAGS_DF | RFLAGS_FIXED)

static void test_syscall(void) {
  tap_note("SYSCALL and SYSRET");
  uint64_t efer = read_msr(MSR_EFER);
  write_msr(MSR_EFER, efer & ~EFER_SCE);
  check("EFER.SCE 0: SYSCALL", USER_64, PROGRAM("syscall"), INVALID_OPCODE, 0);
  check("SYSRET", SUPERVISOR, PROGRAM("sysretq"), INVALID_OPCODE, 0);
  write_msr(MSR_EFER, efer | EFER_SCE);
  write_msr(MSR_STAR, (uint64_t)USER_CODE_32 << 48 | (uint64_t)CODE_64 << 32);
  write_msr(MSR_FMASK, RFLAGS_DF | RFLAGS_IF);
  write_msr(MSR_LSTAR, PROGRAM("nop").start);
  struct program caller = PROGRAM("syscall\n77:");
  struct frame frame = program_frame(caller, USER_64);
  frame.rflags = FLAGS_OF_TESTS;
  struct taken taken = check_from("SYSCALL", &frame, 0, DONE, 0);
  tap_equal(taken.frame.rcx, program_address(USER_64, caller.at), "RCX is where to go on");
  tap_equal(taken.frame.r11, FLAGS_OF_TESTS, "R11 has RFLAGS");
  tap_equal(taken.frame.rflags, RFLAGS_CF | RFLAGS_FIXED, "IA32_FMASK cleared DF");
  tap_ok(taken.frame.cs == CODE_64 && taken.frame.ss == DATA, "CS and SS are of ring 0");
  tap_equal(taken.frame.rsp, USER_STACK_TOP, "RSP is as before");

  write_msr(MSR_LSTAR, PROGRAM("mov $0x1234, %%eax\n\tsysretq").start);
  taken = check_from("SYSRET to 64 bits", &frame, 0, DONE, 0);
  tap_equal(taken.frame.rax, 0x1234, "ring 0 was there");
  tap_ok(taken.frame.cs == USER_CODE_64 && taken.frame.ss == USER_DATA, "CS and SS are of ring 3");
  tap_equal(taken.frame.rflags, FLAGS_OF_TESTS, "RFLAGS are as before");
  write_msr(MSR_LSTAR, PROGRAM("sysretl").start);
  taken = check_from("SYSRET to 32 bits", &frame, 0, DONE, 0);
  tap_equal(taken.frame.cs, USER_CODE_32, "CS");
  check("SYSRET in ring 3", USER_64, PROGRAM("sysretq"), PROTECTION, 0);
  write_msr(MSR_EFER, efer);
}

static bool is_intel(void) {
  return cpuid(0, 0).ebx == 0x756e6547;
}

static void test_sysenter(void) {
  tap_note("SYSENTER and SYSEXIT");
  write_msr(MSR_SYSENTER_CS, 0);
  static const char *const names[] = {"SYSENTER_CS 0: SYSENTER: #GP", "SYSEXIT: #GP", "SYSENTER", "CS and SS are of ring 0", "RSP is IA32_SYSENTER_ESP", "SYSEXIT to 64 bits", "RIP and RSP are RDX and RCX", "CS and SS are of ring 3", "SYSEXIT to 32 bits", "CS and SS are of ring 3"};
  if (!is_intel()) {
    for (unsigned i = 0; i < sizeof names / sizeof *names; i++) tap_skip("other vendors have none in long mode", "%s", names[i]);
    return;
  }
  check("SYSENTER_CS 0: SYSENTER", USER_64, PROGRAM("sysenter"), PROTECTION, 0);
  check("SYSEXIT", SUPERVISOR, PROGRAM("sysexitq"), PROTECTION, 0);
  static uint64_t stack[512];
  write_msr(MSR_SYSENTER_CS, CODE_64);
  write_msr(MSR_SYSENTER_ESP, (uintptr_t)&stack[512]);
  write_msr(MSR_SYSENTER_EIP, PROGRAM("nop").start);
  struct taken taken = check(names[2], USER_64, PROGRAM("sysenter"), DONE, 0);
  tap_ok(taken.frame.cs == CODE_64 && taken.frame.ss == DATA, "%s", names[3]);
  tap_equal(taken.frame.rsp, (uintptr_t)&stack[512], "%s", names[4]);
  struct program target = PROGRAM("77: nop");
  struct frame frame = program_frame(PROGRAM("sysexitq"), SUPERVISOR);
  frame.rdx = program_address(USER_64, target.start);
  frame.rcx = USER_STACK_TOP - 64;
  taken = check_from(names[5], &frame, 0, DONE, 0);
  tap_ok(taken.frame.rip - frame.rdx < 8 && taken.frame.rsp == frame.rcx, "%s", names[6]);
  tap_ok(taken.frame.cs == USER_CODE_64 && taken.frame.ss == USER_DATA_64, "%s", names[7]);
  frame.rip = PROGRAM("sysexitl").start;
  taken = check_from(names[8], &frame, 0, DONE, 0);
  tap_ok(taken.frame.cs == USER_CODE_32 && taken.frame.ss == USER_DATA, "%s", names[9]);
}

static void set_call_gate(uint64_t target, uint8_t type) {
  uint64_t *gate = &descriptors[FREE_SELECTOR / 8];
  gate[0] = (target & 0xffff) | (uint64_t)CODE_64 << 16 | (uint64_t)type << 40 | (target >> 16 & 0xffff) << 48;
  gate[1] = target >> 32;
}

static void test_call_gates(void) {
  enum { RING_0 = 0x8c, RING_3 = 0xec };
  tap_note("call gates");
  struct program far_call = PROGRAM("movl $0, (%%rdi)\n\tmovw $0x43, 4(%%rdi)\n77: lcall *(%%rdi)\n2:");
  set_call_gate(PROGRAM("mov (%%rsp), %%rax\n\tmov 8(%%rsp), %%rcx\n\tmov 16(%%rsp), %%rdx\n\tmov 24(%%rsp), %%rbx").start, RING_3);
  struct taken taken = check("CALL from ring 3", USER_64, far_call, DONE, 0);
  tap_ok(taken.frame.cs == CODE_64 && taken.frame.ss == 0, "CS is of ring 0, SS null");
  tap_equal(taken.frame.rsp, task_states[0].rsp[0] - 32, "the stack is RSP0");
  tap_equal(taken.frame.rax - program_address(USER_64, far_call.at), 2, "on it are the address behind");
  tap_ok(taken.frame.rcx == USER_CODE_64 && taken.frame.rdx == USER_STACK_TOP && taken.frame.rbx == USER_DATA, "CS, RSP and SS");
  set_call_gate(PROGRAM("mov $5, %%esi\n\tlretq").start, RING_3);
  taken = check("RETF from there", USER_64, far_call, DONE, 0);
  tap_ok(taken.frame.cs == USER_CODE_64 && taken.frame.rsi == 5, "is back in ring 3");
  set_call_gate(PROGRAM("nop").start, RING_0);
  check("a gate of ring 0", USER_64, far_call, PROTECTION, FREE_SELECTOR);
}

void test_calls(void) {
  test_syscall();
  test_sysenter();
  test_call_gates();
}
