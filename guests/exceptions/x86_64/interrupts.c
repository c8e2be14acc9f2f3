// Where a pending interrupt is taken: one that the CPU sends itself.
#include "../../common/tap.h"
#include "../../x86_64/apic.h"
#include "../../x86_64/programs.h"
#include "../../x86_64/x86_64.h"
#include "exceptions.h"

enum { VECTOR = 0x51 };

static void check_pending(const char *name, enum mode mode, struct program program, uint64_t flags, unsigned vector) {
  struct frame frame = program_frame(program, mode);
  frame.rflags |= flags;
  if (!apic_bit(APIC_IRR, VECTOR)) apic_send(apic_id(), VECTOR);
  check_from(name, &frame, program_address(mode, program.at), vector, 0);
  if (vector == VECTOR) apic_end();
}

void test_interrupts(void) {
  tap_note("a pending interrupt");
  check_pending("it is masked", SUPERVISOR, PROGRAM("nop\n\tnop"), 0, DONE);
  tap_ok(apic_bit(APIC_IRR, VECTOR), "and stays pending");
  check_pending("STI: behind the instruction after it", SUPERVISOR, PROGRAM("sti\n\tnop\n77: nop"), 0, VECTOR);
  check_pending("STI and CLI", SUPERVISOR, PROGRAM("sti\n\tcli\n\tnop"), 0, DONE);
  check_pending("STI and HLT: behind it", SUPERVISOR, PROGRAM("sti\n\thlt\n77: nop"), 0, VECTOR);
  check_pending("POPF: behind it", SUPERVISOR, PROGRAM("push $0x202\n\tpopfq\n77: nop"), 0, VECTOR);
  check_pending("IRET: before the first instruction", SUPERVISOR, PROGRAM("nop"), RFLAGS_IF, VECTOR);
  check_pending("in ring 3", USER_64, PROGRAM("nop"), RFLAGS_IF, VECTOR);
  check_pending("in 32-bit code", USER_32, PROGRAM("nop"), RFLAGS_IF, VECTOR);
  check_pending("masked in ring 3", USER_64, PROGRAM("nop"), 0, DONE);
  check_pending("CR8 of its class", SUPERVISOR, PROGRAM("mov $5, %%eax\n\tmov %%rax, %%cr8\n\tsti\n\tnop\n\tnop\n\tcli"), 0, DONE);
  tap_equal(apic_read(APIC_TPR), 0x50, "is the task priority");
  check_pending("a lower CR8 lets it in", SUPERVISOR, PROGRAM("sti\n\tnop\n\tmov $4, %%eax\n\tmov %%rax, %%cr8\n77: nop"), 0, VECTOR);
  write_control("cr8", 0);
  tap_ok(!apic_bit(APIC_IRR, VECTOR) && !apic_bit(APIC_ISR, VECTOR), "none is left");
}
