#include "apic.h"

static void check_bits(const char *name, unsigned offset, uint32_t writable, uint32_t fixed) {
  uint32_t before = apic_read(offset);
  apic_write(offset, UINT32_MAX);
  uint32_t ones = apic_read(offset);
  apic_write(offset, 0);
  uint32_t zeroes = apic_read(offset);
  apic_write(offset, before);
  tap_equal(ones, writable | fixed, "%s: all ones", name);
  tap_equal(zeroes, fixed, "%s: zero", name);
}

void test_registers(void) {
  enum { CPUID_APIC = 1 << 9, BASE_ADDRESS = 0xfee00000, BOOT = 1 << 8, ENABLED = 1 << 11 };
  tap_note("registers");
  tap_ok(cpuid(1, 0).edx & CPUID_APIC, "CPUID says that there is one");
  tap_equal(read_msr(MSR_APIC_BASE) & 0xfffff800, BASE_ADDRESS | ENABLED, "IA32_APIC_BASE: it is there and enabled");
  tap_ok(read_msr(MSR_APIC_BASE) & BOOT, "this is the processor that boots");
  tap_equal(apic_id(), cpuid(1, 0).ebx >> 24, "its id is that of CPUID");
  uint32_t version = apic_read(APIC_VERSION);
  tap_ok((version & 0xff) >= 0x10 && (version & 0xff) <= 0x15, "version 0x10 to 0x15: integrated");
  tap_ok((version >> 16 & 0xff) >= 5, "six LVT entries at least");
  check_bits("task priority", APIC_TPR, 0xff, 0);
  check_bits("logical destination", APIC_LDR, 0xff000000, 0);
  check_bits("destination format", APIC_DFR, 0xf0000000, 0x0fffffff);
  apic_write(APIC_TIMER_DIVIDE, UINT32_MAX);
  tap_equal(apic_read(APIC_TIMER_DIVIDE), 0xb, "divide configuration: all ones");
  apic_write(APIC_TPR, 0x35);
  tap_equal(apic_read(APIC_PPR), 0x35, "the processor's priority is that of the task");
  tap_equal(read_control("cr8"), 3, "CR8 is its class");
  write_control("cr8", 0xb);
  tap_equal(apic_read(APIC_TPR), 0xb0, "a write of CR8 is one of the task priority");
  write_control("cr8", 0);
  apic_write(APIC_LVT_LINT0, 0x10000 | 0x42);
  tap_equal(apic_read(APIC_LVT_LINT0), 0x10000 | 0x42, "LINT0 is kept");
  apic_write(APIC_LVT_ERROR, 0x43);
  tap_equal(apic_read(APIC_LVT_ERROR), 0x43, "so is the error's entry");
  apic_write(APIC_LVT_ERROR, LVT_MASKED);
  unsigned set = 0;
  for (unsigned vector = 0; vector < 256; vector += 32) {
    set += apic_read(APIC_IRR + vector / 2) != 0 || apic_read(APIC_ISR + vector / 2) != 0;
  }
  tap_equal(set, 0, "nothing is requested or in service");
}
