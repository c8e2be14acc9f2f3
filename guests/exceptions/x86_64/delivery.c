// Stacks of exceptions, faults on the way to a handler, NMIs.
#include "../../common/tap.h"
#include "../../x86_64/apic.h"
#include "../../x86_64/cpu.h"
#include "../../x86_64/descriptors.h"
#include "../../x86_64/paging.h"
#include "../../x86_64/programs.h"
#include "exceptions.h"

static uint8_t stacks[2][4096] __attribute__((aligned(16)));

static void test_stacks(void) {
  tap_note("stacks");
  struct program undefined = PROGRAM("ud2");
  struct frame frame = program_frame(undefined, SUPERVISOR);
  frame.rsp -= 20;
  struct taken taken = check_from("a stack that is not aligned", &frame, frame.rip, INVALID_OPCODE, 0);
  tap_equal(taken.rsp, frame.rsp & ~15ul, "the frame is");
  tap_equal(taken.frame.rsp, frame.rsp, "RSP on it is as it was");
  tap_ok(!(taken.rflags & RFLAGS_IF) && taken.frame.ss == DATA, "the handler has IF 0 and the same SS");
  task_states[0].ist[0] = (uintptr_t)stacks[1] + 8;
  set_gate(INVALID_OPCODE, INTERRUPT_GATE, 1);
  taken = check("a stack of the interrupt stack table", SUPERVISOR, undefined, INVALID_OPCODE, 0);
  tap_equal(taken.rsp, (uintptr_t)stacks[1], "aligned");
  taken = check("from ring 3", USER_64, undefined, INVALID_OPCODE, 0);
  tap_equal(taken.rsp, (uintptr_t)stacks[1], "the same");
  set_gate(INVALID_OPCODE, TRAP_GATE, 0);
  frame = program_frame(undefined, SUPERVISOR);
  frame.rflags |= RFLAGS_IF;
  taken = check_from("a trap gate", &frame, frame.rip, INVALID_OPCODE, 0);
  tap_ok(taken.rflags & RFLAGS_IF, "leaves IF as it is");
  set_gate(INVALID_OPCODE, INTERRUPT_GATE, 0);
  taken = check_from("an interrupt gate", &frame, frame.rip, INVALID_OPCODE, 0);
  tap_ok(!(taken.rflags & RFLAGS_IF) && taken.frame.rflags & RFLAGS_IF, "does not");
  frame.rflags |= RFLAGS_NT;
  taken = check_from("NT", &frame, frame.rip, INVALID_OPCODE, 0);
  tap_ok(!(taken.rflags & RFLAGS_NT) && taken.frame.rflags & RFLAGS_NT, "is cleared");
  tap_ok(taken.frame.rflags & RFLAGS_RF, "a fault has RF on the stack");
}

static void test_nested(void) {
  tap_note("faults on the way");
  task_states[0].ist[1] = (uintptr_t)stacks[2];
  set_gate(DOUBLE_FAULT, INTERRUPT_GATE, 2);
  gates[PAGE_FAULT].type = 0;
  struct program load = PROGRAM("movabs $0x123456789abc, %%rsi\n77: mov (%%rsi), %%eax");
  struct taken taken = check("a page fault whose gate is not present", SUPERVISOR, load, DOUBLE_FAULT, 0);
  tap_equal(taken.cr2, 0x123456789abc, "CR2");
  tap_equal(taken.rsp, (uintptr_t)stacks[2], "the stack of the double fault");
  set_gate(PAGE_FAULT, INTERRUPT_GATE, 0);
  gates[PROTECTION].type = 0;
  check("a #GP whose gate is not present", SUPERVISOR, PROGRAM("mov $0x18, %%eax\n77: lldt %%ax"), DOUBLE_FAULT, 0);
  set_gate(PROTECTION, INTERRUPT_GATE, 0);
  gates[INVALID_OPCODE].type = INTERRUPT_GATE & ~0x80;
  check("an invalid opcode whose gate is not present: EXT is set", SUPERVISOR, PROGRAM("ud2"), NOT_PRESENT, INVALID_OPCODE * 8 + 3);
  set_gate(INVALID_OPCODE, INTERRUPT_GATE, 0);
  uint64_t rsp0 = task_states[0].rsp[0];
  task_states[0].rsp[0] = 0x12345678a000;
  taken = check("RSP0 is not mapped", USER_64, PROGRAM("nop\n77: ud2"), DOUBLE_FAULT, 0);
  task_states[0].rsp[0] = 0x800000000000;
  set_gate(STACK_FAULT, INTERRUPT_GATE, 2);
  check("RSP0 is not canonical", USER_64, PROGRAM("ud2"), STACK_FAULT, 1);
  task_states[0].rsp[0] = rsp0;
  set_gate(STACK_FAULT, INTERRUPT_GATE, 0);
  set_gate(DOUBLE_FAULT, INTERRUPT_GATE, 0);
}

static uint32_t self;

static void send_nmi(void) {
  apic_send(self, ICR_NMI);
  for (volatile unsigned i = 0; i < 1000; i++) {}
}

static void test_nmi(void) {
  tap_note("NMI");
  self = apic_id();
  struct taken taken = {0};
  bool ended = guarded(&taken, send_nmi, 0, 0, 0);
  tap_ok(ended && taken.frame.vector == NMI, "comes although interrupts are masked");
  // No IRET since.
  ended = guarded(&taken, send_nmi, 0, 0, 0);
  tap_ok(!ended, "another waits for an IRET");
  taken = program_run(&(struct frame){.rip = PROGRAM("nop").start, .cs = CODE_64, .ss = DATA, .rflags = RFLAGS_FIXED, .rsp = (uintptr_t)stacks[1]});
  tap_equal(taken.frame.vector, NMI, "and comes behind it");
  taken = program_run(&(struct frame){.rip = PROGRAM("nop").start, .cs = CODE_64, .ss = DATA, .rflags = RFLAGS_FIXED, .rsp = (uintptr_t)stacks[1]});
  tap_equal(taken.frame.vector, DONE, "once");
}

void test_delivery(void) {
  test_stacks();
  test_nested();
  test_nmi();
}
