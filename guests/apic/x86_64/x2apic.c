#include "apic.h"

enum { CPUID_X2APIC = 1 << 21, EXTENDED = 1 << 10, ENABLED = 1 << 11 };
enum { ID = 0x802, VERSION = 0x803, TPR = 0x808, EOI = 0x80b, LDR = 0x80d, DFR = 0x80e, IRR = 0x820, ICR = 0x830, SELF = 0x83f };

static void read(uint64_t msr) {
  read_msr((uint32_t)msr);
}

static void write(uint64_t msr, uint64_t value) {
  write_msr((uint32_t)msr, value);
}

static bool refused(void (*function)(), uint64_t msr, uint64_t value) {
  struct taken taken = {0};
  return guarded(&taken, function, msr, value, 0) && taken.frame.vector == PROTECTION && taken.frame.error == 0;
}

static const char *const names[] = {
    "it is enabled",
    "the id has 32 bits",
    "the version",
    "the logical destination is made of the id",
    "the destination format is no register: #GP",
    "the task priority",
    "a reserved bit of it: #GP",
    "an interrupt to itself by ICR",
    "by the register for that",
    "ICR has 64 bits",
    "EOI of something else than 0: #GP",
    "EOI cannot be read: #GP",
    "a register that there is not: #GP",
    "back to registers in memory: #GP",
    "disabled, then back: the old way works",
};
enum { NAMES = sizeof names / sizeof *names };

// In x2APIC mode the handler's way to end an interrupt is another.
static bool comes(void (*send)(uint32_t id), uint32_t id) {
  struct taken taken = {0};
  send(id);
  bool requested = read_msr(IRR + MIDDLE / 32) >> MIDDLE % 32 & 1;
  bool taken_now = guarded(&taken, open, 0, 0, 0) && taken.frame.vector == MIDDLE;
  write_msr(EOI, 0);
  return requested && taken_now;
}

static void by_icr(uint32_t id) {
  write_msr(ICR, (uint64_t)id << 32 | MIDDLE);
}

static void by_self(uint32_t id) {
  (void)id;
  write_msr(SELF, MIDDLE);
}

void test_x2apic(void) {
  unsigned next = 0;
  tap_note("x2APIC");
  if (!(cpuid(1, 0).ecx & CPUID_X2APIC)) {
    for (unsigned i = 0; i < NAMES; i++) tap_skip("there is none", "%s", names[i]);
    return;
  }
  uint64_t base = read_msr(MSR_APIC_BASE);
  uint32_t id = apic_id(), version = apic_read(APIC_VERSION);
  write_msr(MSR_APIC_BASE, base | EXTENDED);
  tap_ok(read_msr(MSR_APIC_BASE) & EXTENDED, "%s", names[next++]);
  tap_equal(read_msr(ID), id, "%s", names[next++]);
  tap_equal(read_msr(VERSION), version, "%s", names[next++]);
  tap_equal(read_msr(LDR), (uint64_t)(id >> 4) << 16 | 1ul << (id & 15), "%s", names[next++]);
  tap_ok(refused(read, DFR, 0), "%s", names[next++]);
  write_msr(TPR, 0x21);
  tap_ok(read_msr(TPR) == 0x21 && read_control("cr8") == 2, "%s", names[next++]);
  tap_ok(refused(write, TPR, 0x100), "%s", names[next++]);
  write_msr(TPR, 0);
  tap_ok(comes(by_icr, id), "%s", names[next++]);
  tap_ok(comes(by_self, id), "%s", names[next++]);
  tap_equal(read_msr(ICR), (uint64_t)id << 32 | MIDDLE, "%s", names[next++]);
  tap_ok(refused(write, EOI, 1), "%s", names[next++]);
  tap_ok(refused(read, EOI, 0), "%s", names[next++]);
  tap_ok(refused(read, MSR_X2APIC + 0x31, 0), "%s", names[next++]);
  tap_ok(refused(write, MSR_APIC_BASE, base), "%s", names[next++]);
  write_msr(MSR_APIC_BASE, base & ~(uint64_t)(ENABLED | EXTENDED));
  write_msr(MSR_APIC_BASE, base);
  apic_init();
  start_log();
  send_self(MIDDLE);
  open();
  tap_ok(apic_id() == id && logged == 1, "%s", names[next++]);
}
