#include "../common/print.h"
#include "../common/text.h"
#include "../common/timer.h"
#include "monitor.h"

enum { BATCH = 50000 };

void show_timer(int count, char **words) {
  (void)count, (void)words;
  uint64_t frequency = timer_frequency(), now = timer_count();
  print("%lu ticks per second, %lu since power-on (%lu ms)\n", frequency, now, timer_microseconds(now) / 1000);
  print("sleeping for a second ... ");
  uint32_t before = timer_interrupts();
  uint64_t ticks = timer_sleep(frequency, interrupted);
  uint32_t fired = timer_interrupts() - before;
  print("%lu ms, %u interrupt%s\n", timer_microseconds(ticks) / 1000, fired, fired == 1 ? "" : "s");
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
  print("%lu million instructions in %lu ms: %lu MIPS\n", batches * BATCH * loop_instructions / 1000000,
        microseconds / 1000, microseconds ? batches * BATCH * loop_instructions / microseconds : 0);
}
