// Power State Coordination Interface (Arm DEN 0022) and SMC Calling Convention (DEN 0028).
#include "psci.h"
#include "../../aarch64/cpu.h"
#include "../../aarch64/gicv3.h"
#include "../../common/arguments.h"
#include "../../common/tap.h"

struct visit visit;

int64_t call(uint64_t function, uint64_t a, uint64_t b, uint64_t c) {
  barrier();
  return firmware_call(function, a, b, c);
}

int64_t on(uint64_t target, uint64_t function) {
  visit = (struct visit){.call = function};
  return call(CPU_ON_64, target, (uintptr_t)visit_entry, (uintptr_t)&visit);
}

static void wait_for_visit(void) {
  while (!visit.done) wait_for_event();
}

void wait_until_off(uint64_t target) {
  while (call(AFFINITY_INFO_64, target, 0, 0) != OFF) {}
}

static void test_versions(void) {
  static const uint32_t present[] = {VERSION, CPU_SUSPEND_32, CPU_SUSPEND_64, CPU_OFF, CPU_ON_32, CPU_ON_64, AFFINITY_INFO_32, AFFINITY_INFO_64, SYSTEM_OFF, SYSTEM_RESET, MIGRATE_INFO_TYPE, FEATURES};
  static const uint32_t absent[] = {0x84000005, 0xc4000005, 0x84000007, 0xc4000007, 0x8400001f, 0xc400001f, 0x84000fff, 0xc4000000};
  tap_note("versions");
  tap_equal(call(VERSION, 0, 0, 0), 0x10001, "PSCI 1.1");
  tap_equal(call(MIGRATE_INFO_TYPE, 0, 0, 0), 2, "nothing has to be migrated");
  for (unsigned i = 0; i < sizeof present / sizeof *present; i++) {
    tap_ok(call(FEATURES, present[i], 0, 0) >= 0, "PSCI_FEATURES: 0x%08x is there", present[i]);
  }
  for (unsigned i = 0; i < sizeof absent / sizeof *absent; i++) {
    tap_equal(call(FEATURES, absent[i], 0, 0), NOT_SUPPORTED, "PSCI_FEATURES: 0x%08x is not", absent[i]);
    tap_equal(call(absent[i], 0, 0, 0), NOT_SUPPORTED, "so it is not answered");
  }
  tap_equal(call(0x12345678, 0, 0, 0), NOT_SUPPORTED, "no firmware function");
}

static void test_cpu_on(void) {
  tap_note("CPU_ON");
  uint64_t other = cpus[1].affinity, entry = (uintptr_t)visit_entry;
  tap_equal(call(CPU_ON_64, 0x1234, entry, 0), INVALID_PARAMETERS, "nobody has that affinity");
  tap_equal(call(CPU_ON_64, cpu_count, entry, 0), INVALID_PARAMETERS, "one more than there are");
  tap_equal(call(CPU_ON_64, cpus[0].affinity, entry, 0), ALREADY_ON, "this CPU");
  tap_equal(call(AFFINITY_INFO_64, other, 0, 0), OFF, "the other one is off");
  tap_equal(on(other, CPU_OFF), SUCCESS, "turned on");
  wait_for_visit();
  tap_equal(visit.level, 4, "it begins at EL1");
  tap_equal(visit.sp, 1, "with its own stack pointer");
  tap_equal(visit.daif, 0x3c0, "everything masked");
  tap_equal(visit.sctlr & 5, 0, "MMU and data cache off");
  tap_equal(visit.mpidr & 0xff00ffffff, other, "it is that CPU");
  wait_until_off(other);
  tap_ok(true, "CPU_OFF turned it off");
  visit = (struct visit){.call = CPU_OFF};
  tap_equal(call(CPU_ON_32, other, entry, (uintptr_t)&visit), SUCCESS, "with 32-bit arguments");
  wait_for_visit();
  tap_equal(visit.mpidr & 0xff00ffffff, other, "on again");
  wait_until_off(other);

  // It stays on, and waits.
  tap_equal(on(other, VERSION), SUCCESS, "once more");
  int64_t twice = call(CPU_ON_64, other, entry, 0);
  tap_ok(twice == ALREADY_ON || twice == ON_PENDING, "a second call meanwhile is refused");
  wait_for_visit();
  tap_equal(call(CPU_ON_64, other, entry, 0), ALREADY_ON, "and once it runs");
}

static void test_affinity_info(void) {
  tap_note("AFFINITY_INFO");
  tap_equal(call(AFFINITY_INFO_64, cpus[0].affinity, 0, 0), ON, "this CPU");
  tap_equal(call(AFFINITY_INFO_64, cpus[1].affinity, 0, 0), ON, "another that runs");
  tap_equal(call(AFFINITY_INFO_64, cpus[2].affinity, 0, 0), OFF, "one that does not");
  tap_equal(call(AFFINITY_INFO_32, cpus[2].affinity, 0, 0), OFF, "with 32-bit arguments");
  tap_equal(call(AFFINITY_INFO_64, cpu_count, 0, 0), INVALID_PARAMETERS, "one more than there are");
  tap_equal(call(AFFINITY_INFO_64, 0x10000, 0, 0), INVALID_PARAMETERS, "nobody has that affinity");
  tap_equal(call(AFFINITY_INFO_64, 1ul << 32, 0, 0), INVALID_PARAMETERS, "nor that one");
  tap_equal(call(AFFINITY_INFO_64, cpus[0].affinity, 1, 0), ON, "its cluster");
}

static void test_suspend(void) {
  tap_note("CPU_SUSPEND");
  static const uint32_t reserved[] = {1u << 17, 1u << 23, 1u << 26, 1u << 31};
  for (unsigned i = 0; i < sizeof reserved / sizeof *reserved; i++) {
    tap_equal(call(CPU_SUSPEND_64, reserved[i], 0, 0), INVALID_PARAMETERS, "power_state 0x%08x", reserved[i]);
  }
  set_alarm(20000);
  tap_equal(call(CPU_SUSPEND_64, 0, 0, 0), SUCCESS, "standby");
  tap_ok(alarmed(), "until an interrupt comes, masked or not");
  tap_equal(call(CPU_SUSPEND_64, 0, 0, 0), SUCCESS, "with one pending it returns");
  stop_alarm();
  set_alarm(20000);
  tap_equal(call(CPU_SUSPEND_32, 0, 0, 0), SUCCESS, "with 32-bit arguments");
  tap_ok(alarmed(), "until an interrupt comes");
  stop_alarm();
}

void tests(void) {
  char part[16];
  gicv3_init();
  gicv3_init_cpu();
  if (cpu_count < 3) tap_bail_out("there are not enough CPUs");
  if (argument_text("tests", part, sizeof part) && listed(part, "extensions")) {
    test_extensions();
    return;
  }
  test_versions();
  test_cpu_on();
  test_affinity_info();
  test_suspend();
}
