#include "../common/timer.h"
#include "apic.h"
#include "exception.h"
#include "x86_64.h"

enum { VECTOR = 0xe1 };
// CPUID: 1, ECX; frequencies in 0x15.
enum { CPUID_DEADLINE = 1 << 24, CPUID_TSC = 0x15 };
// Counter 0 of the PIT, to measure by.
enum { PIT_COUNTER = 0x40, PIT_COMMAND = 0x43, PIT_RATE = 0x34, PIT_LATCH = 0x00, PIT_HZ = 1193182, PIT_TICKS = 20000 };

static volatile uint32_t fired;
// Ticks per second of the TSC and of the local APIC's timer.
static uint64_t frequency, apic_frequency;
static bool deadline;

static void on_interrupt(void) {
  fired++;
}

static uint16_t pit_count(void) {
  out8(PIT_COMMAND, PIT_LATCH);
  uint8_t low = in8(PIT_COUNTER);
  return (uint16_t)(low | in8(PIT_COUNTER) << 8);
}

// Both frequencies, by the PIT counting down from 65536.
static void measure(void) {
  out8(PIT_COMMAND, PIT_RATE);
  out8(PIT_COUNTER, 0);
  out8(PIT_COUNTER, 0);
  apic_write(APIC_TIMER_DIVIDE, DIVIDE_BY_1);
  apic_write(APIC_LVT_TIMER, LVT_MASKED);
  uint16_t first = pit_count(), ticks;
  uint64_t start = read_tsc();
  apic_write(APIC_TIMER_INITIAL, UINT32_MAX);
  do ticks = (uint16_t)(first - pit_count());
  while (ticks < PIT_TICKS);
  uint64_t tsc = read_tsc() - start, apic = UINT32_MAX - apic_read(APIC_TIMER_CURRENT);
  apic_write(APIC_TIMER_INITIAL, 0);
  frequency = tsc * PIT_HZ / ticks;
  apic_frequency = apic * PIT_HZ / ticks;
}

uint32_t timer_interrupts(void) {
  return fired;
}

uint64_t timer_frequency(void) {
  if (frequency != 0) return frequency;
  deadline = cpuid(1, 0).ecx & CPUID_DEADLINE;
  if (cpuid(0, 0).eax >= CPUID_TSC) {
    struct cpuid r = cpuid(CPUID_TSC, 0);
    if (r.eax != 0 && r.ecx != 0) frequency = (uint64_t)r.ecx * r.ebx / r.eax;
  }
  if (frequency == 0 || !deadline) measure();
  return frequency;
}

void timer_init(void) {
  timer_frequency();
  set_handler(VECTOR, on_interrupt);
  apic_write(APIC_TIMER_DIVIDE, DIVIDE_BY_1);
  apic_write(APIC_LVT_TIMER, VECTOR | (deadline ? LVT_DEADLINE : 0));
}

unsigned timer_interrupt(void) {
  return VECTOR;
}

uint64_t timer_count(void) {
  return read_tsc();
}

uint64_t timer_microseconds(uint64_t ticks) {
  uint64_t hertz = timer_frequency();
  return ticks / hertz * 1000000 + ticks % hertz * 1000000 / hertz;
}

// The interrupt comes after so many ticks, or earlier: the local APIC's counter has 32 bits.
static void arm(uint64_t start, uint64_t ticks) {
  if (deadline) {
    write_msr(MSR_TSC_DEADLINE, start + ticks);
    return;
  }
  uint64_t count = ticks / frequency * apic_frequency + ticks % frequency * apic_frequency / frequency + 1;
  apic_write(APIC_TIMER_INITIAL, count > UINT32_MAX ? UINT32_MAX : (uint32_t)count);
}

uint64_t timer_sleep(uint64_t ticks, bool (*stop)(void)) {
  uint64_t start = timer_count(), passed;
  mask_interrupts();
  while ((passed = timer_count() - start) < ticks) {
    uint32_t before = fired;
    arm(start + passed, ticks - passed);
    bool stopped = false;
    while (fired == before && !stopped) {
      wait_for_interrupt();
      unmask_interrupts();
      stopped = stop();
      mask_interrupts();
    }
    if (stopped) break;
  }
  if (deadline) write_msr(MSR_TSC_DEADLINE, 0);
  else apic_write(APIC_TIMER_INITIAL, 0);
  unmask_interrupts();
  return timer_count() - start;
}
