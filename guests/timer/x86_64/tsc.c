// The time stamp counter, sleep by the local APIC's timer.
#include "../../common/tap.h"
#include "../../common/timer.h"
#include "../../x86_64/exception.h"
#include "../../x86_64/x86_64.h"
#include "timer.h"

// CPUID 0x80000001, EDX; 7, EBX; 0x80000007, EDX.
enum { CPUID_RDTSCP = 1 << 27 };

static bool never(void) {
  return false;
}

static uint64_t read_tscp(uint32_t *processor) {
  uint32_t low, high;
  __asm__ volatile("rdtscp" : "=a"(low), "=d"(high), "=c"(*processor));
  return (uint64_t)high << 32 | low;
}

void test_tsc(void) {
  tap_note("TSC");
  unsigned good = 0;
  uint64_t last = read_tsc();
  for (unsigned i = 0; i < 1000; i++) {
    uint64_t now = read_tsc();
    good += now > last;
    last = now;
  }
  tap_equal(good, 1000, "it goes up at each look");
  uint64_t by_msr = read_msr(MSR_TSC);
  tap_ok(by_msr > last && by_msr < read_tsc(), "the MSR is the same counter");
  if (cpuid(0x80000001, 0).edx & CPUID_RDTSCP) {
    uint32_t processor = 0;
    write_msr(MSR_TSC_AUX, 0x12345678);
    uint64_t before = read_tsc(), now = read_tscp(&processor);
    tap_ok(now > before && processor == 0x12345678, "RDTSCP has IA32_TSC_AUX too");
  } else {
    tap_skip("there is none", "RDTSCP has IA32_TSC_AUX too");
  }
  uint64_t frequency = timer_frequency();
  tap_ok(frequency >= 1000000, "it has a frequency");
  timer_init();
  mask_interrupts();
  static const unsigned milliseconds[] = {1, 5, 20};
  for (unsigned i = 0; i < 3; i++) {
    uint64_t ticks = frequency / 1000 * milliseconds[i], slept = timer_sleep(ticks, never);
    tap_ok(slept >= ticks && slept < ticks * 2 + frequency / 100, "a sleep of %u ms", milliseconds[i]);
  }
  mask_interrupts();
  tap_ok(interrupt_count(0, timer_interrupt()) >= 3, "ended by interrupts");
}
