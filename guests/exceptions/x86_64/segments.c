// Loads of segment registers, far transfers, gates that are wrong.
#include "../../common/tap.h"
#include "../../x86_64/descriptors.h"
#include "../../x86_64/programs.h"
#include "exceptions.h"

// What stands at FREE_SELECTOR and behind.
enum { ABSENT = FREE_SELECTOR, SYSTEM = FREE_SELECTOR + 8, EXECUTE_ONLY = FREE_SELECTOR + 16, LONG_AND_32 = FREE_SELECTOR + 24 };

static void test_loads(void) {
  tap_note("segment registers");
  check("DS: null", SUPERVISOR, PROGRAM("mov %%eax, %%ds"), DONE, 0);
  check("DS: behind the table", SUPERVISOR, PROGRAM("mov $0x101, %%eax\n77: mov %%eax, %%ds"), PROTECTION, 0x100);
  check("DS: in an empty local table", SUPERVISOR, PROGRAM("mov $0x0c, %%eax\n77: mov %%eax, %%ds"), PROTECTION, 0x0c);
  check("DS: not present", SUPERVISOR, PROGRAM("mov $0x40, %%eax\n77: mov %%eax, %%ds"), NOT_PRESENT, ABSENT);
  check("DS: of the system", SUPERVISOR, PROGRAM("mov $0x48, %%eax\n77: mov %%eax, %%ds"), PROTECTION, SYSTEM);
  check("DS: code that cannot be read", SUPERVISOR, PROGRAM("mov $0x50, %%eax\n77: mov %%eax, %%ds"), PROTECTION, EXECUTE_ONLY);
  check("DS: code that can", SUPERVISOR, PROGRAM("mov $0x10, %%eax\n\tmov %%eax, %%ds"), DONE, 0);
  check("DS: of ring 3", SUPERVISOR, PROGRAM("mov $0x2b, %%eax\n\tmov %%eax, %%ds"), DONE, 0);
  check("SS: null", SUPERVISOR, PROGRAM("mov %%eax, %%ss"), DONE, 0);
  check("SS: null of ring 3", SUPERVISOR, PROGRAM("mov $3, %%eax\n77: mov %%eax, %%ss"), PROTECTION, 0);
  check("SS: not present", SUPERVISOR, PROGRAM("mov $0x40, %%eax\n77: mov %%eax, %%ss"), STACK_FAULT, ABSENT);
  check("SS: code", SUPERVISOR, PROGRAM("mov $0x10, %%eax\n77: mov %%eax, %%ss"), PROTECTION, CODE_64);
  check("SS: of ring 3", SUPERVISOR, PROGRAM("mov $0x2b, %%eax\n77: mov %%eax, %%ss"), PROTECTION, USER_DATA & ~3);
  check("LLDT: null", SUPERVISOR, PROGRAM("lldt %%ax"), DONE, 0);
  check("LLDT: data", SUPERVISOR, PROGRAM("mov $0x18, %%eax\n77: lldt %%ax"), PROTECTION, DATA);
  check("LTR: busy", SUPERVISOR, PROGRAM("mov $0x80, %%eax\n77: ltr %%ax"), PROTECTION, FIRST_TSS);
  check("LTR: data", SUPERVISOR, PROGRAM("mov $0x18, %%eax\n77: ltr %%ax"), PROTECTION, DATA);
}

static void test_looks(void) {
  tap_note("LAR, LSL, VERR, VERW");
  struct taken taken = check("LAR of data", SUPERVISOR, PROGRAM("mov $0x18, %%eax\n\tlar %%eax, %%eax"), DONE, 0);
  // Bits 19 to 16 are undefined.
  tap_equal(taken.frame.rax & 0xf0ff00, 0xc09300, "its attributes");
  tap_ok(taken.frame.rflags & RFLAGS_ZF, "ZF is set");
  taken = check("LSL of data", SUPERVISOR, PROGRAM("mov $0x18, %%eax\n\tlsl %%eax, %%eax"), DONE, 0);
  tap_equal(taken.frame.rax, 0xffffffff, "its limit in bytes");
  taken = check("LAR behind the table", SUPERVISOR, PROGRAM("mov $0x100, %%eax\n\tlar %%eax, %%eax"), DONE, 0);
  tap_ok(!(taken.frame.rflags & RFLAGS_ZF) && taken.frame.rax == 0x100, "ZF is clear, the register as before");
  taken = check("VERR of code that cannot be read", SUPERVISOR, PROGRAM("mov $0x50, %%eax\n\tverr %%ax"), DONE, 0);
  tap_ok(!(taken.frame.rflags & RFLAGS_ZF), "ZF is clear");
  taken = check("VERW of data", SUPERVISOR, PROGRAM("mov $0x18, %%eax\n\tverw %%ax"), DONE, 0);
  tap_ok(taken.frame.rflags & RFLAGS_ZF, "ZF is set");
  taken = check("VERW of code", SUPERVISOR, PROGRAM("mov $0x10, %%eax\n\tverw %%ax"), DONE, 0);
  tap_ok(!(taken.frame.rflags & RFLAGS_ZF), "ZF is clear");
}

static void test_transfers(void) {
  tap_note("far transfers");
#define FAR_RETURN(selector) PROGRAM("push $" selector "\n\tlea 2f(%%rip), %%rax\n\tpush %%rax\n77: lretq\n2:")
  check("RETF to the same code", SUPERVISOR, FAR_RETURN("0x10"), DONE, 0);
  check("to null", SUPERVISOR, FAR_RETURN("0"), PROTECTION, 0);
  check("to data", SUPERVISOR, FAR_RETURN("0x18"), PROTECTION, DATA);
  check("to what is not present", SUPERVISOR, FAR_RETURN("0x40"), PROTECTION, ABSENT);
  check("behind the table", SUPERVISOR, FAR_RETURN("0x100"), PROTECTION, 0x100);
  check("to code with L and D", SUPERVISOR, FAR_RETURN("0x58"), PROTECTION, LONG_AND_32);
  check("RETF to 32-bit code of ring 0", SUPERVISOR,
        PROGRAM("push $8\n\tlea 2f(%%rip), %%rax\n\tpush %%rax\n\tlretq\n.code32\n2: inc %%eax\n\tljmp $0x10, $3f\n.code64\n3:"), DONE, 0);
  check("JMP by memory", SUPERVISOR, PROGRAM("lea 2f(%%rip), %%eax\n\tmov %%eax, (%%rdi)\n\tmovw $0x10, 4(%%rdi)\n\tljmpl *(%%rdi)\n2:"), DONE, 0);
  check("JMP to data", SUPERVISOR, PROGRAM("movw $0x18, 4(%%rdi)\n77: ljmpl *(%%rdi)"), PROTECTION, DATA);
#define RETURN(cs, ss) \
  PROGRAM("push $" ss "\n\tpush %%rdi\n\tpushfq\n\tpush $" cs "\n\tlea 2f(%%rip), %%rax\n\tpush %%rax\n77: iretq\n2:")
  check("IRET to the same code, which takes the stack too", SUPERVISOR, RETURN("0x10", "0x18"), DONE, 0);
  check("with a null SS in ring 0", SUPERVISOR, RETURN("0x10", "0"), DONE, 0);
  check("to null", SUPERVISOR, RETURN("0", "0x18"), PROTECTION, 0);
  check("to data", SUPERVISOR, RETURN("0x18", "0x18"), PROTECTION, DATA);
  check("with code as SS", SUPERVISOR, RETURN("0x10", "0x10"), PROTECTION, CODE_64);
  check("with SS of another ring", SUPERVISOR, RETURN("0x10", "0x2b"), PROTECTION, USER_DATA & ~3);
  check("to ring 3 with SS of ring 0", SUPERVISOR, RETURN("0x33", "0x18"), PROTECTION, DATA);
  check("with NT", SUPERVISOR,
        PROGRAM("push $0x18\n\tpush %%rdi\n\tpushfq\n\tpush $0x10\n\tlea 2f(%%rip), %%rax\n\tpush %%rax\n\tpushfq\n\torl $0x4000, (%%rsp)\n\tpopfq\n77: iretq\n2:"),
        PROTECTION, 0);
}

static void set_limit(uint16_t limit) {
  struct {
    uint16_t limit;
    uint64_t base;
  } __attribute__((packed)) table = {limit, (uintptr_t)gates};
  __asm__ volatile("lidt %0" ::"m"(table));
}

static void test_gates(void) {
  enum { VECTOR = 0x60, ERROR = VECTOR * 8 + 2 };
  tap_note("gates");
  gates[VECTOR].type = INTERRUPT_GATE & ~0x80;
  check("INT by a gate that is not present", SUPERVISOR, PROGRAM("int $0x60"), NOT_PRESENT, ERROR);
  gates[VECTOR].type = 0x85;
  check("by a task gate", SUPERVISOR, PROGRAM("int $0x60"), PROTECTION, ERROR);
  set_gate(VECTOR, INTERRUPT_GATE, 0);
  gates[VECTOR].selector = DATA;
  check("by a gate to data", SUPERVISOR, PROGRAM("int $0x60"), PROTECTION, DATA);
  gates[VECTOR].selector = 0;
  check("by a gate to null", SUPERVISOR, PROGRAM("int $0x60"), PROTECTION, 0);
  gates[VECTOR].selector = CODE_32;
  check("by a gate to 32-bit code", SUPERVISOR, PROGRAM("int $0x60"), PROTECTION, CODE_32);
  gates[VECTOR].selector = ABSENT;
  check("by a gate to what is not present", SUPERVISOR, PROGRAM("int $0x60"), PROTECTION, ABSENT);
  set_gate(VECTOR, INTERRUPT_GATE, 0);
  set_limit(VECTOR * 16 - 1);
  check("behind the limit of the table", SUPERVISOR, PROGRAM("int $0x60"), PROTECTION, ERROR);
  set_limit(VECTOR * 16 + 15);
  check("at the limit", SUPERVISOR, PROGRAM("int $0x60\n77:"), VECTOR, 0);
  set_limit(sizeof gates - 1);
}

void test_segments(void) {
  descriptors[ABSENT / 8] = 0x00cf13000000ffff;
  descriptors[SYSTEM / 8] = 0x0000020000000000;
  descriptors[EXECUTE_ONLY / 8] = 0x00af99000000ffff;
  descriptors[LONG_AND_32 / 8] = 0x00ef9b000000ffff;
  test_loads();
  test_looks();
  test_transfers();
  test_gates();
}
