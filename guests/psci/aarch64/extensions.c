// What QEMU's firmware does not have: power-down with context, statistics, memory protection, SMCCC 1.1,
// TRNG, stolen time.
#include "../../aarch64/cpu.h"
#include "../../aarch64/gicv3.h"
#include "../../common/tap.h"
#include "psci.h"

// power_state: power-down of a CPU, and of its cluster.
enum { CPU_DOWN = 1 << 16, CLUSTER_DOWN = 1 << 24 | 1 << 16 };
// Ticks of 16 ns.
enum { A_WHILE = 20000 };

static void test_features(void) {
  static const uint32_t present[] = {CPU_FREEZE, CPU_DEFAULT_SUSPEND_64, NODE_HW_STATE_64, SYSTEM_SUSPEND_64, SET_SUSPEND_MODE, STAT_RESIDENCY_64, STAT_COUNT_64, SYSTEM_RESET2_64, MEM_PROTECT, MEM_PROTECT_CHECK_RANGE_64, SMCCC_VERSION};
  tap_note("features");
  for (unsigned i = 0; i < sizeof present / sizeof *present; i++) {
    tap_equal(call(FEATURES, present[i], 0, 0), SUCCESS, "PSCI_FEATURES: 0x%08x is there", present[i]);
  }
  tap_equal(call(FEATURES, CPU_SUSPEND_64, 0, 0), 1, "CPU_SUSPEND: original format, OS-initiated mode");
  tap_equal(call(SMCCC_VERSION, 0, 0, 0), 0x10001, "SMCCC 1.1");
  tap_equal(call(SMCCC_ARCH_FEATURES, SMCCC_ARCH_FEATURES, 0, 0), SUCCESS, "SMCCC_ARCH_FEATURES knows itself");
  tap_equal(call(SMCCC_ARCH_FEATURES, 0x80008000, 0, 0), 1, "SMCCC_ARCH_WORKAROUND_1 is not needed");
  tap_equal(call(SMCCC_ARCH_FEATURES, 0x80007fff, 0, 0), -2, "nor is SMCCC_ARCH_WORKAROUND_2");
  tap_equal(call(SMCCC_ARCH_FEATURES, 0x80000fff, 0, 0), NOT_SUPPORTED, "others do not exist");
}

static void test_addresses(void) {
  tap_note("entry points");
  uint64_t other = cpus[1].affinity;
  tap_equal(call(CPU_ON_64, other, 0x09000000, 0), INVALID_ADDRESS, "CPU_ON: a device is none");
  tap_equal(call(CPU_ON_64, other, ram_base + ram_size, 0), INVALID_ADDRESS, "nor what is behind RAM");
  tap_equal(call(CPU_ON_64, other, ~0ul << 2, 0), INVALID_ADDRESS, "nor the end of the address space");
  tap_equal(call(CPU_ON_64, other, ram_base + 2, 0), INVALID_ADDRESS, "nor what is misaligned");
  tap_equal(call(CPU_SUSPEND_64, CPU_DOWN, 0, 0), INVALID_ADDRESS, "CPU_SUSPEND");
  tap_equal(call(CPU_DEFAULT_SUSPEND_64, 0, 0, 0), INVALID_ADDRESS, "CPU_DEFAULT_SUSPEND");
  tap_equal(call(SYSTEM_SUSPEND_64, 0, 0, 0), INVALID_ADDRESS, "SYSTEM_SUSPEND");
}

// What is above the registers of 32-bit functions.
static void test_halves(void) {
  const uint64_t rubbish = 0xdeadbeef00000000;
  uint64_t other = cpus[1].affinity;
  tap_note("32-bit functions use W0 to W3");
  tap_equal(call(rubbish | VERSION, 0, 0, 0), 0x10001, "the function");
  tap_equal(call(FEATURES, rubbish | VERSION, 0, 0), SUCCESS, "its argument");
  tap_equal(call(AFFINITY_INFO_32, rubbish | other, rubbish, 0), OFF, "AFFINITY_INFO");
  visit = (struct visit){.call = CPU_OFF};
  tap_equal(call(CPU_ON_32, rubbish | other, rubbish | (uintptr_t)visit_entry, rubbish | (uintptr_t)&visit), SUCCESS, "CPU_ON");
  while (!visit.done) wait_for_event();
  wait_until_off(other);
  set_alarm(A_WHILE);
  tap_equal(call(CPU_SUSPEND_32, rubbish, rubbish, 0), SUCCESS, "CPU_SUSPEND");
  stop_alarm();
}

static void sleep(uint64_t function, uint64_t a, uint64_t b, const char *name) {
  set_alarm(A_WHILE);
  uint64_t before = read_register("cntvct_el0");
  int64_t result = leave(function, a, b);
  uint64_t slept = read_register("cntvct_el0") - before;
  tap_equal(result, RESUMED, "%s resumes at its entry", name);
  tap_ok(slept >= A_WHILE && alarmed(), "when an interrupt comes");
  stop_alarm();
}

static void test_power_down(void) {
  tap_note("power-down");
  uint64_t self = cpus[0].affinity;
  uint64_t before = call(STAT_COUNT_64, self, CPU_DOWN, 0);
  uint64_t resume = (uintptr_t)resume_entry;
  sleep(CPU_SUSPEND_64, CPU_DOWN, resume, "CPU_SUSPEND");
  sleep(CPU_SUSPEND_64, CPU_DOWN | 0x1234, resume, "CPU_SUSPEND with a StateID");
  sleep(CPU_DEFAULT_SUSPEND_64, resume, 0, "CPU_DEFAULT_SUSPEND");
  tap_equal(call(STAT_COUNT_64, self, CPU_DOWN, 0) - before, 3, "PSCI_STAT_COUNT");
  tap_within(call(STAT_RESIDENCY_64, self, CPU_DOWN, 0), 3 * A_WHILE * 16 / 1000 - 30, 3 * A_WHILE * 16 / 1000 + 3000, "PSCI_STAT_RESIDENCY in microseconds");
  tap_equal(call(STAT_COUNT_64, self, CLUSTER_DOWN, 0), 0, "the cluster did not go");
  sleep(CPU_SUSPEND_64, CLUSTER_DOWN, resume, "CPU_SUSPEND of the cluster");
  tap_equal(call(STAT_COUNT_64, self, CLUSTER_DOWN, 0), 1, "as its only CPU that is on");
  sleep(SYSTEM_SUSPEND_64, resume, 0, "SYSTEM_SUSPEND");
  tap_equal(call(STAT_COUNT_64, 0x1234, CPU_DOWN, 0), 0, "nobody has that affinity: never");
}

static void test_states(void) {
  tap_note("states");
  uint64_t self = cpus[0].affinity, other = cpus[1].affinity;
  tap_equal(call(NODE_HW_STATE_64, self, 0, 0), ON, "NODE_HW_STATE: this CPU");
  tap_equal(call(NODE_HW_STATE_64, self, 1, 0), ON, "its cluster");
  tap_equal(call(NODE_HW_STATE_64, other, 0, 0), OFF, "another CPU");
  tap_equal(call(NODE_HW_STATE_64, self, 2, 0), INVALID_PARAMETERS, "a level that does not exist");
  for (unsigned level = 1; level <= 3; level++) {
    tap_equal(call(AFFINITY_INFO_64, other, level, 0), ON, "AFFINITY_INFO: level %u", level);
  }
  tap_equal(call(AFFINITY_INFO_64, other, 4, 0), INVALID_PARAMETERS, "level 4");
  tap_equal(call(AFFINITY_INFO_64, 0x10000, 1, 0), INVALID_PARAMETERS, "a cluster that does not exist");

  tap_equal(call(SET_SUSPEND_MODE, 2, 0, 0), INVALID_PARAMETERS, "SET_SUSPEND_MODE: a mode that does not exist");
  tap_equal(call(SET_SUSPEND_MODE, 1, 0, 0), SUCCESS, "OS-initiated");
  tap_equal(call(SET_SUSPEND_MODE, 0, 0, 0), SUCCESS, "platform-coordinated");

  tap_equal(on(other, CPU_FREEZE), SUCCESS, "another CPU");
  while (!visit.done) wait_for_event();
  wait_until_off(other);
  tap_ok(true, "CPU_FREEZE turns it off");
  tap_equal(on(other, VERSION), SUCCESS, "on");
  while (!visit.done) wait_for_event();
  tap_equal(call(SYSTEM_SUSPEND_64, ram_base, 0, 0), DENIED, "SYSTEM_SUSPEND is denied then");
  tap_equal(call(SET_SUSPEND_MODE, 1, 0, 0), DENIED, "SET_SUSPEND_MODE too: not all are on");
}

static void test_memory(void) {
  tap_note("memory protection");
  tap_equal(call(MEM_PROTECT, 1, 0, 0), 0, "MEM_PROTECT: was off");
  tap_equal(call(MEM_PROTECT, 0, 0, 0), 1, "was on");
  tap_equal(call(MEM_PROTECT, 0, 0, 0), 0, "was off");
  tap_equal(call(MEM_PROTECT_CHECK_RANGE_64, ram_base, ram_size, 0), SUCCESS, "MEM_PROTECT_CHECK_RANGE: all RAM");
  tap_equal(call(MEM_PROTECT_CHECK_RANGE_64, ram_base, ram_size + 1, 0), DENIED, "and one byte more");
  tap_equal(call(MEM_PROTECT_CHECK_RANGE_64, ram_base - 1, 2, 0), DENIED, "one byte before");
  tap_equal(call(MEM_PROTECT_CHECK_RANGE_64, ram_base, ~0ul, 0), DENIED, "around the address space");
  tap_equal(call(SYSTEM_RESET2_64, 1, 0, 0), INVALID_PARAMETERS, "SYSTEM_RESET2: a type that does not exist");
}

static void test_random(void) {
  tap_note("random numbers");
  tap_equal(call(TRNG_VERSION, 0, 0, 0), 0x10000, "TRNG 1.0");
  tap_equal(call(TRNG_FEATURES, TRNG_RND_64, 0, 0), SUCCESS, "TRNG_FEATURES: TRNG_RND");
  tap_equal(call(TRNG_RND_64, 192, 0, 0), SUCCESS, "192 bits");
  tap_equal(call(TRNG_RND_64, 193, 0, 0), INVALID_PARAMETERS, "193 are too many");
  tap_equal(call(TRNG_RND_64, 0, 0, 0), INVALID_PARAMETERS, "0 too few");
}

static void spin(void) {
  uint64_t until = read_register("cntvct_el0") + 2 * A_WHILE;
  while (read_register("cntvct_el0") < until) {}
}

static void test_stolen_time(void) {
  tap_note("stolen time");
  tap_equal(call(SMCCC_ARCH_FEATURES, PV_TIME_FEATURES, 0, 0), SUCCESS, "SMCCC_ARCH_FEATURES knows it");
  tap_equal(call(PV_TIME_FEATURES, PV_TIME_ST, 0, 0), SUCCESS, "PV_TIME_FEATURES: PV_TIME_ST");
  tap_equal(call(PV_TIME_FEATURES, VERSION, 0, 0), NOT_SUPPORTED, "nothing else");
  uint64_t structure = call(PV_TIME_ST, 0, 0, 0);
  tap_equal(structure % 64, 0, "the structure is aligned");
  tap_equal(read64(structure), 0, "revision and attributes");
  uint64_t before = read64(structure + 8), start = read_register("cntvct_el0");
  cpu_start(2);
  cpu_begin(2, spin);
  spin();
  cpu_wait(2);
  uint64_t stolen = read64(structure + 8) - before, passed = (read_register("cntvct_el0") - start) * 16;
  tap_ok(stolen > 0, "another CPU takes time");
  tap_ok(stolen < passed, "not more than there is");
}

void test_extensions(void) {
  test_features();
  test_addresses();
  test_halves();
  test_power_down();
  test_states();
  test_memory();
  test_random();
  test_stolen_time();
}
