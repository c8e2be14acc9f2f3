// Debug exceptions (Intel SDM vol. 3, chapter 17): single steps, breakpoints, watchpoints.
#include "../../common/tap.h"
#include "../../x86_64/paging.h"
#include "../../x86_64/programs.h"
#include "../../x86_64/x86_64.h"
#include "exceptions.h"

// DR6: which address, access to debug registers, single step, and what is always set.
enum { DR6_0 = 1, DR6_1 = 2, DR6_ACCESS = 1 << 13, DR6_STEP = 1 << 14 };
#define DR6_FIXED 0xffff0ff0ul
// DR7.
enum { DR7_FIXED = 1 << 10, DR7_GLOBAL_0 = 2, DR7_GLOBAL_1 = 8, DR7_DETECT = 1 << 13, DR7_WRITES = 1, DR7_ACCESSES = 3, DR7_4_BYTES = 3 << 2, DR7_1 = 20 };

static void check_dr6(uint64_t expected) {
  tap_equal(read_control("dr6"), expected | DR6_FIXED, "DR6");
  write_control("dr6", DR6_FIXED);
}

static void test_steps(void) {
  tap_note("single steps");
  write_control("dr6", DR6_FIXED);
  struct taken taken = check("POPF sets TF: behind the next instruction", SUPERVISOR,
                             PROGRAM("pushfq\n\torl $0x100, (%%rsp)\n\tpopfq\n\tmov $1, %%eax\n77: mov $2, %%eax"), DEBUG, 0);
  check_dr6(DR6_STEP);
  tap_ok(taken.frame.rax == 1 && taken.frame.rflags & RFLAGS_TF && !(taken.rflags & RFLAGS_TF), "TF is on the stack, the handler has none");
  struct frame frame = program_frame(PROGRAM("mov $1, %%eax\n77: mov $2, %%eax"), USER_64);
  frame.rflags |= RFLAGS_TF;
  taken = check_from("IRET sets TF: behind one instruction of ring 3", &frame, frame.rip + 5, DEBUG, 0);
  check_dr6(DR6_STEP);
  frame = program_frame(PROGRAM("rep stosb\n77:"), USER_64);
  frame.rflags |= RFLAGS_TF;
  frame.rcx = 3;
  taken = check_from("REP: behind one repetition", &frame, frame.rip, DEBUG, 0);
  tap_equal(taken.frame.rcx, 2, "RCX");
  check_dr6(DR6_STEP);
  frame = program_frame(PROGRAM("mov (%%rsi), %%eax"), USER_64);
  frame.rflags |= RFLAGS_TF;
  check_from("an instruction that faults", &frame, frame.rip, PAGE_FAULT, BY_USER | BY_PROTECTION);
  frame = program_frame(PROGRAM("int $0x77"), USER_64);
  frame.rflags |= RFLAGS_TF;
  taken = check_from("INT", &frame, frame.rip, DONE, 0);
  tap_ok(!(taken.rflags & RFLAGS_TF), "the handler is not stepped");
  check_dr6(0);
}

static void test_breakpoints(void) {
  tap_note("breakpoints");
  struct program program = PROGRAM("nop\n77: mov $2, %%eax");
  struct frame frame = program_frame(program, USER_64);
  write_control("dr0", program_address(USER_64, program.at));
  write_control("dr7", DR7_FIXED | DR7_GLOBAL_0);
  struct taken taken = check_from("an instruction", &frame, program_address(USER_64, program.at), DEBUG, 0);
  tap_equal(taken.frame.rax, 0, "before it");
  check_dr6(DR6_0);
  frame.rip = program_address(USER_64, program.at);
  frame.rflags |= RFLAGS_RF;
  taken = check_from("RFLAGS.RF goes past", &frame, 0, DONE, 0);
  tap_equal(taken.frame.rax, 2, "it is executed");
  write_control("dr7", DR7_FIXED);
  frame = program_frame(program, USER_64);
  check_from("it is off", &frame, 0, DONE, 0);

  struct program store = PROGRAM("mov 4(%%rdi), %%eax\n\tmovb $5, 6(%%rdi)\n77: nop");
  frame = program_frame(store, USER_64);
  write_control("dr1", frame.rdi + 4);
  write_control("dr7", DR7_FIXED | DR7_GLOBAL_1 | (uint64_t)(DR7_WRITES | DR7_4_BYTES) << DR7_1);
  check_from("a store to four bytes, behind it", &frame, program_address(USER_64, store.at), DEBUG, 0);
  check_dr6(DR6_1);
  write_control("dr7", DR7_FIXED | DR7_GLOBAL_1 | (uint64_t)(DR7_ACCESSES | DR7_4_BYTES) << DR7_1);
  check_from("any access", &frame, frame.rip + 3, DEBUG, 0);
  check_dr6(DR6_1);
  write_control("dr1", frame.rdi + 8);
  check_from("the bytes behind", &frame, 0, DONE, 0);
  check_dr6(0);
  write_control("dr7", DR7_FIXED);
}

static void test_registers(void) {
  tap_note("registers");
  write_control("dr7", DR7_FIXED | DR7_DETECT);
  check("DR7.GD: MOV from DR7", SUPERVISOR, PROGRAM("mov %%dr7, %%rax"), DEBUG, 0);
  check_dr6(DR6_ACCESS);
  tap_equal(read_control("dr7"), DR7_FIXED, "the handler has no GD");
  write_control("cr4", read_control("cr4") | CR4_DE);
  check("CR4.DE: MOV from DR4", SUPERVISOR, PROGRAM(".byte 0x0f, 0x21, 0xe0"), INVALID_OPCODE, 0);
  write_control("cr4", read_control("cr4") & ~CR4_DE);
  struct taken taken = check("without it, DR4 is DR6", SUPERVISOR, PROGRAM(".byte 0x0f, 0x21, 0xe0"), DONE, 0);
  tap_equal(taken.frame.rax, DR6_FIXED, "as it is");
  check("DR7: bit 32", SUPERVISOR, PROGRAM("mov %%dr7, %%rax\n\tbts $32, %%rax\n77: mov %%rax, %%dr7"), PROTECTION, 0);
  check("INT1", SUPERVISOR, PROGRAM(".byte 0xf1\n77:"), DEBUG, 0);
  write_control("dr6", DR6_FIXED);
}

void test_debug(void) {
  test_steps();
  test_breakpoints();
  test_registers();
}
