// Faults and traps of instructions in ring 0.
#include "../../common/tap.h"
#include "../../x86_64/paging.h"
#include "../../x86_64/programs.h"
#include "../../x86_64/x86_64.h"
#include "exceptions.h"

#define NOT_CANONICAL "movabs $0x800000000000, %%rsi\n\t"

static void test_integer(void) {
  tap_note("integer");
  check("DIV by 0", SUPERVISOR, PROGRAM("div %%ecx"), DIVIDE_ERROR, 0);
  check("DIV of a quotient that is too large", SUPERVISOR, PROGRAM("mov $2, %%ecx\n\tmov $2, %%edx\n77: div %%ecx"), DIVIDE_ERROR, 0);
  check("IDIV of the least number by -1", SUPERVISOR,
        PROGRAM("mov $-1, %%rcx\n\tmov $1, %%eax\n\tror %%rax\n\tcqo\n77: idiv %%rcx"), DIVIDE_ERROR, 0);
  check("DIV of bytes", SUPERVISOR, PROGRAM("mov $0x200, %%eax\n\tmov $1, %%ecx\n77: div %%cl"), DIVIDE_ERROR, 0);
  struct taken taken = check("a quotient that just fits", SUPERVISOR, PROGRAM("mov $1, %%edx\n\tmov $2, %%ecx\n\tdiv %%ecx"), DONE, 0);
  tap_equal(taken.frame.rax, 0x80000000, "is there");
  check("INT3", SUPERVISOR, PROGRAM("int3\n77:"), BREAKPOINT, 0);
  check("INT 3, in two bytes", SUPERVISOR, PROGRAM(".byte 0xcd, 3\n77:"), BREAKPOINT, 0);
  check("INT 0x42", SUPERVISOR, PROGRAM("int $0x42\n77:"), 0x42, 0);
}

static void test_undefined(void) {
  tap_note("undefined");
  check("UD2", SUPERVISOR, PROGRAM("ud2"), INVALID_OPCODE, 0);
  check("UD1", SUPERVISOR, PROGRAM(".byte 0x0f, 0xb9, 0xc0"), INVALID_OPCODE, 0);
  check("0F FF", SUPERVISOR, PROGRAM(".byte 0x0f, 0xff, 0xc0"), INVALID_OPCODE, 0);
  check("PUSH ES is not of 64-bit code", SUPERVISOR, PROGRAM(".byte 0x06"), INVALID_OPCODE, 0);
  check("INTO is not", SUPERVISOR, PROGRAM(".byte 0xce"), INVALID_OPCODE, 0);
  check("AAM is not", SUPERVISOR, PROGRAM(".byte 0xd4, 0x0a"), INVALID_OPCODE, 0);
  check("far JMP with an immediate is not", SUPERVISOR, PROGRAM(".byte 0xea, 0, 0, 0, 0, 0x10, 0"), INVALID_OPCODE, 0);
  check("LOCK ADD to a register", SUPERVISOR, PROGRAM(".byte 0xf0, 0x01, 0xc8"), INVALID_OPCODE, 0);
  check("LOCK MOV", SUPERVISOR, PROGRAM(".byte 0xf0, 0x89, 0x07"), INVALID_OPCODE, 0);
  check("LOCK NOP", SUPERVISOR, PROGRAM(".byte 0xf0, 0x90"), INVALID_OPCODE, 0);
  check("LOCK ADD to memory", SUPERVISOR, PROGRAM("lock add %%eax, (%%rdi)"), DONE, 0);
  check("LEA of a register", SUPERVISOR, PROGRAM(".byte 0x8d, 0xc0"), INVALID_OPCODE, 0);
  check("MOV to CS", SUPERVISOR, PROGRAM(".byte 0x8e, 0xc8"), INVALID_OPCODE, 0);
  check("MOV from CR1", SUPERVISOR, PROGRAM(".byte 0x0f, 0x20, 0xc8"), INVALID_OPCODE, 0);
  check("an instruction of 16 bytes", SUPERVISOR, PROGRAM(".fill 15, 1, 0x66\n\tnop"), PROTECTION, 0);
  check("one of 15", SUPERVISOR, PROGRAM(".fill 14, 1, 0x66\n\tnop"), DONE, 0);
}

static void with_cr0(uint64_t set, uint64_t clear, void (*test)(void)) {
  uint64_t cr0 = read_control("cr0");
  write_control("cr0", (cr0 & ~clear) | set);
  test();
  write_control("cr0", cr0);
}

static void when_switched(void) {
  check("CR0.TS: x87", SUPERVISOR, PROGRAM("fld1"), NO_DEVICE, 0);
  check("CR0.TS: MMX", SUPERVISOR, PROGRAM("movd %%eax, %%mm0"), NO_DEVICE, 0);
  check("CR0.TS: SSE", SUPERVISOR, PROGRAM("addps %%xmm0, %%xmm0"), NO_DEVICE, 0);
  check("CR0.TS: FXSAVE", SUPERVISOR, PROGRAM("fxsave (%%rdi)"), NO_DEVICE, 0);
  check("CR0.TS and MP: FWAIT", SUPERVISOR, PROGRAM("fwait"), NO_DEVICE, 0);
  check("CR0.TS: MFENCE is no SSE", SUPERVISOR, PROGRAM("mfence\n\tlfence\n\tpause"), DONE, 0);
  check("CR0.TS: CLTS", SUPERVISOR, PROGRAM("clts\n\taddps %%xmm0, %%xmm0"), DONE, 0);
}

static void when_emulated(void) {
  check("CR0.EM: x87", SUPERVISOR, PROGRAM("fld1"), NO_DEVICE, 0);
  check("CR0.EM: MMX", SUPERVISOR, PROGRAM("movd %%eax, %%mm0"), INVALID_OPCODE, 0);
  check("CR0.EM: SSE", SUPERVISOR, PROGRAM("addps %%xmm0, %%xmm0"), INVALID_OPCODE, 0);
}

static void test_floating_point(void) {
  tap_note("floating point");
  with_cr0(CR0_TS, 0, when_switched);
  with_cr0(CR0_EM, 0, when_emulated);
  uint64_t cr4 = read_control("cr4");
  write_control("cr4", cr4 & ~CR4_OSFXSR);
  check("CR4.OSFXSR 0: SSE", SUPERVISOR, PROGRAM("addps %%xmm0, %%xmm0"), INVALID_OPCODE, 0);
  write_control("cr4", cr4);
  check("x87: divide by 0, unmasked, when the next instruction waits", SUPERVISOR,
        PROGRAM("fninit\n\tmovw $0x37b, (%%rdi)\n\tfldcw (%%rdi)\n\tfldz\n\tfld1\n\tfdiv %%st(1)\n\tnop\n77: fwait"), X87_ERROR, 0);
  check("FNSTSW does not wait", SUPERVISOR,
        PROGRAM("fninit\n\tmovw $0x37b, (%%rdi)\n\tfldcw (%%rdi)\n\tfldz\n\tfld1\n\tfdiv %%st(1)\n\tfnstsw %%ax\n\tfnclex\n\tfwait\n\tfninit"),
        DONE, 0);
  struct taken taken = check("SSE: divide by 0, unmasked", SUPERVISOR,
        PROGRAM("movl $0x1d80, (%%rdi)\n\tldmxcsr (%%rdi)\n\txorps %%xmm0, %%xmm0\n\tmov $0x3f800000, %%eax\n\tmovd %%eax, %%xmm1\n77: divss %%xmm0, %%xmm1"),
        SIMD_ERROR, 0);
  tap_equal(taken.frame.rax, 0x3f800000, "registers are as before");
  check("its flag is set", SUPERVISOR, PROGRAM("stmxcsr 4(%%rdi)\n\tmovl $0x1f80, (%%rdi)\n\tldmxcsr (%%rdi)"), DONE, 0);
  tap_equal(data[0][0] >> 32, 0x1d84, "MXCSR.ZE");
  uint64_t without = read_control("cr4");
  write_control("cr4", without & ~CR4_OSXMMEXCPT);
  check("CR4.OSXMMEXCPT 0", SUPERVISOR,
        PROGRAM("movl $0x1d80, (%%rdi)\n\tldmxcsr (%%rdi)\n\txorps %%xmm0, %%xmm0\n\tmov $0x3f800000, %%eax\n\tmovd %%eax, %%xmm1\n77: divss %%xmm0, %%xmm1"),
        INVALID_OPCODE, 0);
  write_control("cr4", without);
  check("LDMXCSR of a reserved bit", SUPERVISOR, PROGRAM("movl $0x11f80, (%%rdi)\n77: ldmxcsr (%%rdi)"), PROTECTION, 0);
  check("back", SUPERVISOR, PROGRAM("movl $0x1f80, (%%rdi)\n\tldmxcsr (%%rdi)"), DONE, 0);
  check("MOVAPS of an address that is not aligned", SUPERVISOR, PROGRAM("movaps 8(%%rdi), %%xmm0"), PROTECTION, 0);
  check("MOVUPS", SUPERVISOR, PROGRAM("movups 8(%%rdi), %%xmm0"), DONE, 0);
  check("ADDPS of an address that is not aligned", SUPERVISOR, PROGRAM("addps 4(%%rdi), %%xmm0"), PROTECTION, 0);
  check("FXSAVE of one", SUPERVISOR, PROGRAM("fxsave 8(%%rdi)"), PROTECTION, 0);
}

// The fault is the jump's, or that of the fetch behind it: RIP is not looked at.
static void check_jump(const char *name, struct program program) {
  struct frame frame = program_frame(program, SUPERVISOR);
  struct taken taken = program_run(&frame);
  tap_ok(taken.frame.vector == PROTECTION && taken.frame.error == 0, "%s: #GP", name);
}

static void test_addresses(void) {
  tap_note("addresses");
  check("a load", SUPERVISOR, PROGRAM(NOT_CANONICAL "77: mov (%%rsi), %%eax"), PROTECTION, 0);
  check("a store", SUPERVISOR, PROGRAM(NOT_CANONICAL "77: mov %%eax, (%%rsi)"), PROTECTION, 0);
  check("a load over the end of the lower half", SUPERVISOR, PROGRAM(NOT_CANONICAL "77: mov -4(%%rsi), %%rax"), PROTECTION, 0);
  check("a load by RBP is one of SS", SUPERVISOR, PROGRAM(NOT_CANONICAL "mov %%rsi, %%rbp\n77: mov (%%rbp), %%eax"), STACK_FAULT, 0);
  check("PUSH from there is a store below", USER_64, PROGRAM(NOT_CANONICAL "mov %%rsi, %%rsp\n77: push %%rax"), PAGE_FAULT, BY_USER | BY_WRITE);
  check("POP", USER_64, PROGRAM(NOT_CANONICAL "mov %%rsi, %%rsp\n77: pop %%rax"), STACK_FAULT, 0);
  check_jump("JMP", PROGRAM(NOT_CANONICAL "77: jmp *%%rsi"));
  check_jump("RET", PROGRAM(NOT_CANONICAL "push %%rsi\n77: ret"));
  check_jump("CALL", PROGRAM(NOT_CANONICAL "77: call *%%rsi"));
  struct taken taken = check("a load of what is not mapped", SUPERVISOR, PROGRAM("movabs $0x123456789abc, %%rsi\n77: mov (%%rsi), %%eax"), PAGE_FAULT, 0);
  tap_equal(taken.cr2, 0x123456789abc, "CR2");
  taken = check("a store", SUPERVISOR, PROGRAM("movabs $0x123456789abc, %%rsi\n77: mov %%eax, (%%rsi)"), PAGE_FAULT, BY_WRITE);
  tap_equal(taken.cr2, 0x123456789abc, "CR2");
  taken = check("an addition is a write", SUPERVISOR, PROGRAM("movabs $0x123456789abc, %%rsi\n77: add %%eax, (%%rsi)"), PAGE_FAULT, BY_WRITE);
  check("a prefetch is nothing", SUPERVISOR, PROGRAM("movabs $0x123456789abc, %%rsi\n\tprefetcht0 (%%rsi)"), DONE, 0);
  check("LEA is nothing", SUPERVISOR, PROGRAM(NOT_CANONICAL "lea (%%rsi), %%rax"), DONE, 0);
}

void test_faults(void) {
  test_integer();
  test_undefined();
  test_floating_point();
  test_addresses();
}
