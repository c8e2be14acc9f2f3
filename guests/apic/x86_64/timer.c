#include "apic.h"
#include "../../common/timer.h"

static uint64_t start;

// Whether one tick takes as long as `divisor` of those that are not divided, of which one takes `single`
// TSC ticks for 1000.
static uint64_t time_of_1000(uint32_t divide) {
  apic_write(APIC_TIMER_DIVIDE, divide);
  apic_write(APIC_LVT_TIMER, LVT_MASKED);
  apic_write(APIC_TIMER_INITIAL, 1000000);
  start = read_tsc();
  while (apic_read(APIC_TIMER_CURRENT) > 999000) {}
  uint64_t ticks = read_tsc() - start;
  apic_write(APIC_TIMER_INITIAL, 0);
  return ticks;
}

static void test_divisors(void) {
  static const struct {
    uint32_t divide, divisor;
  } rows[] = {{11, 1}, {0, 2}, {1, 4}, {2, 8}, {3, 16}, {8, 32}, {9, 64}, {10, 128}};
  // The least that can be told from the time of the accesses.
  uint64_t base = time_of_1000(10) / 128;
  unsigned good = 0;
  for (unsigned i = 3; i < 8; i++) {
    uint64_t found = time_of_1000(rows[i].divide), expected = base * rows[i].divisor;
    good += found > expected * 8 / 10 && found < expected * 13 / 10;
  }
  tap_equal(good, 5, "divisors 8 to 128");
}

static void wait_for(unsigned count) {
  while (logged < count) wait_for_interrupt();
}

static void test_one_shot(void) {
  start_log();
  apic_write(APIC_TIMER_DIVIDE, DIVIDE_BY_1);
  apic_write(APIC_LVT_TIMER, MIDDLE);
  apic_write(APIC_TIMER_INITIAL, 50000);
  uint32_t first = apic_read(APIC_TIMER_CURRENT), second = apic_read(APIC_TIMER_CURRENT);
  tap_ok(first <= 50000 && second <= first && second > 0, "the counter goes down");
  wait_for(1);
  tap_equal(apic_read(APIC_TIMER_CURRENT), 0, "it is 0 when the interrupt comes");
  for (unsigned i = 0; i < 1000; i++) open();
  tap_equal(logged, 1, "which comes once");
  apic_write(APIC_LVT_TIMER, LVT_MASKED | MIDDLE);
  apic_write(APIC_TIMER_INITIAL, 1000);
  while (apic_read(APIC_TIMER_CURRENT) != 0) {}
  open();
  tap_equal(logged, 1, "masked: it does not come");
  apic_write(APIC_LVT_TIMER, MIDDLE);
  open();
  tap_equal(logged, 1, "nor later");
  apic_write(APIC_TIMER_INITIAL, 1000000);
  apic_write(APIC_TIMER_INITIAL, 0);
  tap_equal(apic_read(APIC_TIMER_CURRENT), 0, "an initial count of 0 stops it");
}

static void test_periodic(void) {
  start_log();
  apic_write(APIC_LVT_TIMER, MIDDLE | LVT_PERIODIC);
  apic_write(APIC_TIMER_INITIAL, 100000);
  uint64_t begin = timer_count();
  wait_for(1);
  uint64_t one = timer_count() - begin;
  wait_for(10);
  uint64_t ten = timer_count() - begin;
  tap_ok(ten > one * 9 && ten < one * 11, "periodic: ten take ten times as long as one");
  tap_ok(apic_read(APIC_TIMER_CURRENT) > 0, "the counter goes on");
  tap_equal(apic_read(APIC_TIMER_INITIAL), 100000, "the initial count is kept");
  apic_write(APIC_TIMER_INITIAL, 0);
  open();
  start_log();
  for (unsigned i = 0; i < 1000; i++) open();
  tap_equal(logged, 0, "none after it is stopped");
}

static void test_deadline(void) {
  enum { CPUID_DEADLINE = 1 << 24 };
  static const char *const names[] = {"deadline: comes when the TSC is there", "the deadline is 0 then", "a deadline that has passed comes at once", "0 disarms", "the initial count is 0"};
  if (!(cpuid(1, 0).ecx & CPUID_DEADLINE)) {
    for (unsigned i = 0; i < sizeof names / sizeof *names; i++) tap_skip("there is no TSC deadline", "%s", names[i]);
    return;
  }
  apic_write(APIC_LVT_TIMER, MIDDLE | LVT_DEADLINE);
  start_log();
  uint64_t deadline = read_tsc() + 100000;
  write_msr(MSR_TSC_DEADLINE, deadline);
  wait_for(1);
  tap_ok(read_tsc() >= deadline, "%s", names[0]);
  tap_equal(read_msr(MSR_TSC_DEADLINE), 0, "%s", names[1]);
  start_log();
  write_msr(MSR_TSC_DEADLINE, 1);
  open();
  tap_equal(logged, 1, "%s", names[2]);
  start_log();
  deadline = read_tsc() + 20000;
  write_msr(MSR_TSC_DEADLINE, deadline);
  write_msr(MSR_TSC_DEADLINE, 0);
  while (read_tsc() < deadline + 20000) open();
  tap_equal(logged, 0, "%s", names[3]);
  apic_write(APIC_TIMER_INITIAL, 1000);
  tap_equal(apic_read(APIC_TIMER_CURRENT), 0, "%s", names[4]);
}

void test_timer(void) {
  tap_note("timer");
  mask_interrupts();
  test_divisors();
  test_one_shot();
  test_periodic();
  test_deadline();
  apic_write(APIC_LVT_TIMER, LVT_MASKED);
}
