// What ring 3 may not do, and what it may with IOPL, an I/O bitmap and alignment checks.
#include "../../common/tap.h"
#include "../../common/text.h"
#include "../../x86_64/descriptors.h"
#include "../../x86_64/paging.h"
#include "../../x86_64/programs.h"
#include "exceptions.h"

// CPUID 7, ECX.
enum { CPUID_UMIP = 1 << 2 };
enum { PORT = 0x3fd, PORTS = 0x400 };

static void privileged(const char *name, struct program program) {
  check(name, USER_64, program, PROTECTION, 0);
}

static void test_privileged(void) {
  tap_note("ring 3");
  struct taken taken = check("INT 0x77", USER_64, PROGRAM("nop"), DONE, 0);
  tap_ok(taken.frame.cs == USER_CODE_64 && taken.frame.ss == USER_DATA, "CS and SS of ring 3 are on the stack");
  tap_equal(taken.frame.rsp, USER_STACK_TOP, "RSP too");
  tap_ok(taken.cs == CODE_64 && taken.ss == 0, "the handler has CS of ring 0 and a null SS");
  tap_equal(taken.rsp, task_states[0].rsp[0], "its stack is RSP0");
  privileged("CLI", PROGRAM("cli"));
  privileged("STI", PROGRAM("sti"));
  privileged("HLT", PROGRAM("hlt"));
  privileged("IN", PROGRAM("in $0x80, %%al"));
  privileged("OUT", PROGRAM("out %%al, $0x80"));
  privileged("INS", PROGRAM("insb"));
  privileged("CLTS", PROGRAM("clts"));
  privileged("LMSW", PROGRAM("lmsw %%ax"));
  privileged("INVLPG", PROGRAM("invlpg (%%rdi)"));
  privileged("WBINVD", PROGRAM("wbinvd"));
  privileged("MOV from CR0", PROGRAM("mov %%cr0, %%rax"));
  privileged("MOV to CR3", PROGRAM("mov %%rax, %%cr3"));
  privileged("MOV from CR8", PROGRAM("mov %%cr8, %%rax"));
  privileged("MOV from DR7", PROGRAM("mov %%dr7, %%rax"));
  privileged("RDMSR", PROGRAM("mov $0x10, %%ecx\n77: rdmsr"));
  privileged("WRMSR", PROGRAM("mov $0x10, %%ecx\n77: wrmsr"));
  privileged("RDPMC", PROGRAM("rdpmc"));
  privileged("LGDT", PROGRAM("lgdt (%%rdi)"));
  privileged("LIDT", PROGRAM("lidt (%%rdi)"));
  privileged("LLDT", PROGRAM("lldt %%ax"));
  privileged("LTR", PROGRAM("ltr %%ax"));
  privileged("SWAPGS", PROGRAM("swapgs"));
  check("INT by a gate of ring 0", USER_64, PROGRAM("int $0x42"), PROTECTION, 0x42 * 8 + 2);
  check("INT3 by a gate of ring 0", USER_64, PROGRAM("int3"), PROTECTION, BREAKPOINT * 8 + 2);
  set_gate(BREAKPOINT, USER_GATE, 0);
  check("by one of ring 3", USER_64, PROGRAM("int3\n77:"), BREAKPOINT, 0);
  set_gate(BREAKPOINT, INTERRUPT_GATE, 0);
  check("INT1 needs no gate of ring 3", USER_64, PROGRAM(".byte 0xf1\n77:"), DEBUG, 0);
  check("SS: null", USER_64, PROGRAM("mov %%eax, %%ss"), PROTECTION, 0);
  check("DS: of ring 0", USER_64, PROGRAM("mov $0x18, %%eax\n77: mov %%eax, %%ds"), PROTECTION, DATA);
  check("RETF to ring 0", USER_64, PROGRAM("push $0x10\n\tpush %%rdi\n77: lretq"), PROTECTION, CODE_64);
  check("IRET to ring 0", USER_64, PROGRAM("push $0\n\tpush %%rdi\n\tpushfq\n\tpush $0x10\n\tpush %%rdi\n77: iretq"), PROTECTION, CODE_64);
  check("IRET to ring 3", USER_64, PROGRAM("push $0x2b\n\tpush %%rsp\n\tpushfq\n\tpush $0x33\n\tlea 2f(%%rip), %%rax\n\tpush %%rax\n\tiretq\n2:"), DONE, 0);
}

static void test_memory(void) {
  struct taken taken = check("a load from a page of ring 0", USER_64, PROGRAM("mov $0x100000, %%esi\n77: mov (%%rsi), %%eax"), PAGE_FAULT, BY_USER | BY_PROTECTION);
  tap_equal(taken.cr2, 0x100000, "CR2");
  check("a store", USER_64, PROGRAM("mov $0x100000, %%esi\n77: mov %%eax, (%%rsi)"), PAGE_FAULT, BY_USER | BY_PROTECTION | BY_WRITE);
  check("a store to code", USER_64, PROGRAM("mov %%eax, 0(%%rip)"), PAGE_FAULT, BY_USER | BY_PROTECTION | BY_WRITE);
  check("what is not mapped", USER_64, PROGRAM("movabs $0x123456789000, %%rsi\n77: mov (%%rsi), %%eax"), PAGE_FAULT, BY_USER);
  struct frame frame = program_frame(PROGRAM("nop"), USER_64);
  frame.rip = USER_DATA_PAGE;
  check_from("code that may not be executed", &frame, USER_DATA_PAGE, PAGE_FAULT, BY_USER | BY_PROTECTION | BY_FETCH);
}

static void test_flags(void) {
  struct taken taken = check("POPF of IF and IOPL", USER_64, PROGRAM("push $0x3202\n\tpopfq\n\tpushfq\n\tpop %%rax"), DONE, 0);
  tap_equal(taken.frame.rax & (RFLAGS_IF | RFLAGS_IOPL), 0, "changes neither");
  struct frame frame = program_frame(PROGRAM("mov $0x3fd, %%edx\n\tin %%dx, %%al\n\tcli\n\tsti\n\tcli"), USER_64);
  frame.rflags |= RFLAGS_IOPL;
  check_from("IOPL 3: IN, CLI and STI", &frame, 0, DONE, 0);
  frame = program_frame(PROGRAM("push $0x202\n\tpopfq\n\tpushfq\n\tpop %%rax\n\tcli"), USER_64);
  frame.rflags |= RFLAGS_IOPL;
  taken = check_from("IOPL 3: POPF", &frame, 0, DONE, 0);
  tap_equal(taken.frame.rax & (RFLAGS_IF | RFLAGS_IOPL), RFLAGS_IF | RFLAGS_IOPL, "changes IF, not IOPL");
  write_control("cr4", read_control("cr4") | CR4_TSD);
  privileged("CR4.TSD: RDTSC", PROGRAM("rdtsc"));
  check("in ring 0", SUPERVISOR, PROGRAM("rdtsc"), DONE, 0);
  write_control("cr4", read_control("cr4") & ~CR4_TSD);
  check("without it", USER_64, PROGRAM("rdtsc"), DONE, 0);
  check("SGDT, SIDT, SLDT, STR, SMSW", USER_64, PROGRAM("sgdt (%%rdi)\n\tsidt (%%rdi)\n\tsldt %%eax\n\tstr %%eax\n\tsmsw %%eax"), DONE, 0);
  if (!(cpuid(7, 0).ecx & CPUID_UMIP)) {
    tap_skip("there is no UMIP", "CR4.UMIP: SGDT: #GP");
    tap_skip("there is no UMIP", "CR4.UMIP: STR: #GP");
    tap_skip("there is no UMIP", "CR4.UMIP: SMSW: #GP");
    return;
  }
  write_control("cr4", read_control("cr4") | CR4_UMIP);
  privileged("CR4.UMIP: SGDT", PROGRAM("sgdt (%%rdi)"));
  privileged("CR4.UMIP: STR", PROGRAM("str %%eax"));
  privileged("CR4.UMIP: SMSW", PROGRAM("smsw %%eax"));
  write_control("cr4", read_control("cr4") & ~CR4_UMIP);
}

static void test_ports(void) {
  static struct {
    struct tss tss;
    uint8_t map[PORTS / 8 + 1];
  } __attribute__((packed)) task;
  uint64_t *descriptor = &descriptors[FIRST_TSS / 8], before[2] = {descriptor[0], descriptor[1]}, base = (uintptr_t)&task;
  tap_note("I/O bitmap");
  task.tss = task_states[0];
  task.tss.io_map = sizeof task.tss;
  memset(task.map, 0xff, sizeof task.map);
  task.map[PORT / 8] = (uint8_t)~(1 << PORT % 8);
  descriptor[0] = (sizeof task - 1) | (base & 0xffffff) << 16 | 0x89ul << 40 | (base >> 24 & 0xff) << 56;
  __asm__ volatile("ltr %w0" ::"r"(FIRST_TSS));
  check("IN of a port that is granted", USER_64, PROGRAM("mov $0x3fd, %%edx\n\tin %%dx, %%al"), DONE, 0);
  check("of 16 bits, half of which is", USER_64, PROGRAM("mov $0x3fd, %%edx\n77: in %%dx, %%ax"), PROTECTION, 0);
  check("of the port before", USER_64, PROGRAM("mov $0x3fc, %%edx\n77: in %%dx, %%al"), PROTECTION, 0);
  check("of a port behind the bitmap", USER_64, PROGRAM("mov $0x500, %%edx\n77: in %%dx, %%al"), PROTECTION, 0);
  descriptor[0] = before[0] & ~(2ul << 40); // not busy
  __asm__ volatile("ltr %w0" ::"r"(FIRST_TSS));
}

static void test_alignment(void) {
  tap_note("alignment");
  uint64_t cr0 = read_control("cr0");
  write_control("cr0", cr0 | CR0_AM);
  struct frame frame = program_frame(PROGRAM("mov 1(%%rdi), %%eax"), USER_64);
  check_from("CR0.AM without RFLAGS.AC", &frame, 0, DONE, 0);
  frame.rflags |= RFLAGS_AC;
  check_from("with RFLAGS.AC", &frame, frame.rip, ALIGNMENT_CHECK, 0);
  frame = program_frame(PROGRAM("mov 4(%%rdi), %%eax\n\tmov 1(%%rdi), %%al"), USER_64);
  frame.rflags |= RFLAGS_AC;
  check_from("accesses that are aligned", &frame, 0, DONE, 0);
  frame = program_frame(PROGRAM("mov 1(%%rdi), %%eax"), SUPERVISOR);
  frame.rflags |= RFLAGS_AC;
  check_from("in ring 0", &frame, 0, DONE, 0);
  write_control("cr0", cr0);
}

void test_user(void) {
  test_privileged();
  test_memory();
  test_flags();
  test_ports();
  test_alignment();
}
