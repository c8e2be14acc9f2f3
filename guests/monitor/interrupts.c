#include "monitor.h"
#include "../aarch64/cpu.h"
#include "../aarch64/gic.h"
#include "../aarch64/pl011.h"
#include "../common/timer.h"
#include "../common/print.h"
#include "../common/text.h"

static const char *interrupt_name(unsigned interrupt) {
  if (interrupt < 16) return "from a CPU";
  if (interrupt == timer_interrupt()) return "virtual timer";
  if (interrupt == pl011_interrupt()) return "serial line";
  return "";
}

void show_interrupts(int count, char **words) {
  (void)count, (void)words;
  print("GICv%u with %u interrupts, distributor 0x%08lx, %s 0x%08lx\n", gic_version(), gic_lines(),
        gic_distributor(), gic_version() == 3 ? "redistributor" : "CPU interface", gic_cpu_interface());
  for (unsigned cpu = 0; cpu < cpu_count; cpu++) {
    for (unsigned interrupt = 0; interrupt < gic_lines() && interrupt < GIC_SPURIOUS; interrupt++) {
      uint32_t times = gic_count(cpu, interrupt);
      if (times == 0) continue;
      print("cpu %u  interrupt %2u (%s) fired %u time%s\n", cpu, interrupt, interrupt_name(interrupt), times,
            times == 1 ? "" : "s");
    }
  }
}

void show_timer(int count, char **words) {
  (void)count, (void)words;
  uint64_t frequency = timer_frequency(), now = timer_count();
  print("%lu ticks per second, %lu since power-on (%lu ms)\n", frequency, now, timer_microseconds(now) / 1000);
  print("sleeping for a second ... ");
  uint32_t before = gic_count(0, timer_interrupt());
  uint64_t ticks = timer_sleep(frequency, interrupted);
  uint32_t fired = gic_count(0, timer_interrupt()) - before;
  print("%lu ms, %u interrupt%s\n", timer_microseconds(ticks) / 1000, fired, fired == 1 ? "" : "s");
}

// Instructions of one iteration of the loop below.
enum { LOOP_INSTRUCTIONS = 8, BATCH = 50000 };

static void loop(uint64_t iterations) {
  static uint64_t cell;
  uint64_t a = 1, b = 0x9e3779b97f4a7c15;
  __asm__ volatile(
      "1: ldr %1, [%3]\n\t"
      "add %0, %0, %1\n\t"
      "eor %0, %0, %0, lsr #29\n\t"
      "mul %0, %0, %4\n\t"
      "str %0, [%3]\n\t"
      "orr %1, %1, #1\n\t"
      "subs %2, %2, #1\n\t"
      "b.ne 1b"
      : "+&r"(a), "=&r"(b), "+&r"(iterations)
      : "r"(&cell), "r"(b)
      : "cc", "memory");
}

void bench(int count, char **words) {
  uint64_t milliseconds = 1000, batches = 0;
  if (count > 1 && (!text_number(words[1], &milliseconds) || milliseconds == 0 || milliseconds > 60000)) {
    print("The time is 1 to 60000 ms.\n");
    return;
  }
  uint64_t limit = timer_frequency() * milliseconds / 1000, start = timer_count(), ticks;
  do {
    loop(BATCH);
    batches++;
    ticks = timer_count() - start;
  } while (ticks < limit && !interrupted());
  uint64_t microseconds = timer_microseconds(ticks);
  print("%lu million instructions in %lu ms: %lu MIPS\n", batches * BATCH * LOOP_INSTRUCTIONS / 1000000,
        microseconds / 1000, microseconds ? batches * BATCH * LOOP_INSTRUCTIONS / microseconds : 0);
}
