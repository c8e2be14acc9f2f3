// 32-bit code of ring 3 in long mode.
#include "../../common/tap.h"
#include "../../x86_64/descriptors.h"
#include "../../x86_64/paging.h"
#include "../../x86_64/programs.h"
#include "exceptions.h"

#define PROGRAM_32(text) PROGRAM("\n.code32\n" text)

static void test_instructions(void) {
  tap_note("32-bit code");
  struct taken taken = check("INT 0x77", USER_32, PROGRAM_32("nop"), DONE, 0);
  tap_ok(taken.frame.cs == USER_CODE_32 && taken.frame.ss == USER_DATA, "CS and SS are on the stack");
  taken = check("bytes that are REX prefixes elsewhere", USER_32, PROGRAM_32("mov $-1, %%eax\n\t.byte 0x40\n\tmov $7, %%ecx\n\t.byte 0x49"), DONE, 0);
  tap_ok(taken.frame.rax == 0 && taken.frame.rcx == 6, "are INC and DEC");
  taken = check("PUSH", USER_32, PROGRAM_32("push $0x12345678\n\tmov (%%esp), %%eax"), DONE, 0);
  tap_ok(taken.frame.rsp == USER_STACK_TOP - 4 && taken.frame.rax == 0x12345678, "is of four bytes");
  taken = check("PUSHA and POPA", USER_32, PROGRAM_32("mov $1, %%eax\n\tmov $2, %%ebx\n\tpusha\n\txor %%eax, %%eax\n\txor %%ebx, %%ebx\n\tpopa"), DONE, 0);
  tap_ok(taken.frame.rax == 1 && taken.frame.rbx == 2 && taken.frame.rsp == USER_STACK_TOP, "keep the registers");
  taken = check("DAA, AAM", USER_32, PROGRAM_32("mov $0x19, %%eax\n\tadd $0x28, %%al\n\tdaa\n\tmov %%eax, %%ecx\n\tmov $57, %%eax\n\taam"), DONE, 0);
  tap_ok(taken.frame.rcx == 0x47 && taken.frame.rax == 0x507, "are there");
  check("AAM by 0", USER_32, PROGRAM_32(".byte 0xd4, 0"), DIVIDE_ERROR, 0);
  set_gate(OVERFLOW, USER_GATE, 0);
  check("INTO", USER_32, PROGRAM_32("mov $0x7fffffff, %%eax\n\tinc %%eax\n\tinto\n77:"), OVERFLOW, 0);
  check("without overflow", USER_32, PROGRAM_32("xor %%eax, %%eax\n\tinto"), DONE, 0);
  check("BOUND", USER_32, PROGRAM_32("movl $1, (%%edi)\n\tmovl $5, 4(%%edi)\n\tmov $6, %%eax\n77: bound %%eax, (%%edi)"), 5, 0);
  check("within", USER_32, PROGRAM_32("movl $1, (%%edi)\n\tmovl $5, 4(%%edi)\n\tmov $5, %%eax\n\tbound %%eax, (%%edi)"), DONE, 0);
  taken = check("16-bit addresses", USER_32, PROGRAM_32("mov $0x1ffff, %%ebx\n\tmov $3, %%esi\n\t.byte 0x67, 0x8d, 0x40, 0x10"), DONE, 0);
  tap_equal(taken.frame.rax, 0x12, "wrap around");
  taken = check("32-bit addresses", USER_32, PROGRAM_32("mov $-1, %%ebx\n\tmov %%edi, %%eax\n\tmovl $0x55, (%%edi)\n\tmov 1(%%eax, %%ebx), %%eax"), DONE, 0);
  tap_equal(taken.frame.rax, 0x55, "wrap around");
  taken = check("CALL and RET", USER_32, PROGRAM_32("call 2f\n\tjmp 3f\n2: mov (%%esp), %%eax\n\tmov %%esp, %%ecx\n\tret\n3:"), DONE, 0);
  tap_equal(taken.frame.rcx, USER_STACK_TOP - 4, "take four bytes");
}

static void test_bases(void) {
  // Data of ring 3 whose base is the data page.
  descriptors[FREE_SELECTOR / 8] = 0x80cff3180000ffff;
  // Code of 16 bits; its base is the page of programs.
  descriptors[FREE_SELECTOR / 8 + 1] = 0x808ffb100000ffff;
  data[0][2] = 0x1122334455667788;
  struct taken taken = check("ES with a base", USER_32, PROGRAM_32("mov $0x43, %%eax\n\tmov %%eax, %%es\n\tmov %%es:16, %%eax"), DONE, 0);
  tap_equal(taken.frame.rax, 0x55667788, "is added");
  taken = check("a string goes to ES", USER_32, PROGRAM_32("mov $0x43, %%eax\n\tmov %%eax, %%es\n\tmov $20, %%edi\n\tmov $0x99, %%eax\n\tstosl\n\tmov %%es:20, %%ecx"), DONE, 0);
  tap_equal(taken.frame.rcx, 0x99, "by its base");
  tap_equal(data[0][2], 0x9955667788, "and is there");
  taken = check("LES", USER_32, PROGRAM_32("movl $16, (%%edi)\n\tmovw $0x43, 4(%%edi)\n\tles (%%edi), %%ebx\n\tmov %%es:(%%ebx), %%eax"), DONE, 0);
  tap_equal(taken.frame.rax, 0x55667788, "loads both");
  taken = check("FS and GS", USER_32, PROGRAM_32("mov $0x43, %%eax\n\tmov %%eax, %%fs\n\tmov $0x2b, %%ecx\n\tmov %%ecx, %%gs\n\tmov %%fs:16, %%eax\n\tmov %%gs:16(%%edi), %%ecx"), DONE, 0);
  tap_ok(taken.frame.rax == 0x55667788 && taken.frame.rcx == 0x55667788, "have bases");
  write_msr(MSR_FS_BASE, 0);
}

static void test_transfers(void) {
  struct frame frame = program_frame(PROGRAM("\n.code32\n\tpush $0x33\n\tpush %%eax\n\tlret\n.code64\n\tnop"), USER_32);
  struct program target = PROGRAM("mov $1, %%ecx\n\tror %%rcx");
  frame.rax = program_address(USER_64, target.start);
  struct taken taken = check_from("RETF to 64-bit code", &frame, 0, DONE, 0);
  tap_ok(taken.frame.cs == USER_CODE_64 && taken.frame.rcx == 1ul << 63, "it is executed");
  frame = program_frame(PROGRAM("\n.code32\n\tpush $0x4b\n\tpush %%eax\n\tlret"), USER_32);
  struct program sixteen = PROGRAM("\n.code16\n\tmov $0x1234, %%ax\n\tmov $0x5678, %%ecx\n\t.byte 0x66\n\tpush $1\n");
  frame.rax = program_address(USER_64, sixteen.start) - USER_PROGRAMS;
  taken = check_from("RETF to 16-bit code", &frame, 0, DONE, 0);
  tap_equal(taken.frame.cs, FREE_SELECTOR + 8 + 3, "CS");
  tap_ok((taken.frame.rax & 0xffff) == 0x1234 && taken.frame.rcx == 0x5678, "operands have 16 bits, 32 with a prefix");
  tap_equal(taken.frame.rsp, USER_STACK_TOP - 4, "the stack goes by the prefix");
}

void test_compatibility(void) {
  test_instructions();
  test_bases();
  test_transfers();
}
