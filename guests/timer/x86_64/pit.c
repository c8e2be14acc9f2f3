// Programmable interval timer 8254 (Intel 231164): counter 0 at interrupt 2.
#include "../../common/tap.h"
#include "../../common/timer.h"
#include "../../x86_64/apic.h"
#include "../../x86_64/exception.h"
#include "../../x86_64/ioapic.h"
#include "../../x86_64/x86_64.h"
#include "timer.h"

enum { COUNTER = 0x40, COMMAND = 0x43, VECTOR = 0x62, INTERRUPT = 2, HZ = 1193182 };
// Commands for counter 0: low and high byte, mode; latch; read back status and count.
enum { ONE_SHOT = 0x30, RATE = 0x34, SQUARE = 0x36, LOW_BYTE = 0x10, LATCH = 0x00, READ_STATUS = 0xe2, READ_BOTH = 0xc2 };
enum { STATUS_OUT = 1 << 7 };

static volatile unsigned count;

static void on_interrupt(void) {
  count++;
}

static void set(uint8_t command, uint16_t value) {
  out8(COMMAND, command);
  out8(COUNTER, (uint8_t)value);
  out8(COUNTER, (uint8_t)(value >> 8));
}

static uint16_t latched(void) {
  out8(COMMAND, LATCH);
  uint8_t low = in8(COUNTER);
  return (uint16_t)(low | in8(COUNTER) << 8);
}

// Microseconds until so many interrupts have come.
static uint64_t time_of(unsigned interrupts) {
  count = 0;
  uint64_t start = timer_count();
  while (count < interrupts) wait_for_interrupt();
  return timer_microseconds(timer_count() - start);
}

static bool about(uint64_t found, uint64_t expected) {
  return found >= expected * 9 / 10 && found <= expected * 11 / 10;
}

static bool is_high(void) {
  out8(COMMAND, READ_STATUS);
  return in8(COUNTER) & STATUS_OUT;
}

// Microseconds until OUT changes.
static uint64_t time_of_half(void) {
  bool before = is_high();
  uint64_t start = timer_count();
  while (is_high() == before) {}
  return timer_microseconds(timer_count() - start);
}

void test_pit(void) {
  tap_note("PIT");
  set_handler(VECTOR, on_interrupt);
  set(ONE_SHOT, 20000);
  uint16_t first = latched(), second = latched();
  tap_ok(first <= 20000 && second <= first, "mode 0: it counts down");
  out8(COMMAND, READ_STATUS);
  tap_equal(in8(COUNTER), 0x30, "its status: low and high byte, mode 0, OUT low");
  out8(COMMAND, READ_BOTH);
  uint8_t status = in8(COUNTER);
  uint16_t value = in8(COUNTER);
  value = (uint16_t)(value | in8(COUNTER) << 8);
  tap_ok(status == 0x30 && value <= second, "read back of both");
  ioapic_set_entry(INTERRUPT, (uint64_t)apic_id() << 56 | VECTOR);
  count = 0;
  set(ONE_SHOT, 2000);
  uint64_t start = timer_count();
  while (count == 0) wait_for_interrupt();
  tap_ok(about(timer_microseconds(timer_count() - start), 2000 * 1000000ul / HZ), "its interrupt comes when the count is over");
  tap_ok(is_high(), "OUT is high");
  set(RATE, 1193);
  time_of(1);
  tap_ok(about(time_of(10), 10 * 1193 * 1000000ul / HZ), "mode 2: ten interrupts of a millisecond");
  ioapic_set_entry(INTERRUPT, IOAPIC_MASKED);
  set(SQUARE, 1193);
  time_of_half();
  uint64_t half = time_of_half(), other = time_of_half();
  tap_ok(about(half, 500) && about(other, 500), "mode 3: OUT is high for half of the time");
  ioapic_set_entry(INTERRUPT, (uint64_t)apic_id() << 56 | VECTOR);
  out8(COMMAND, LOW_BYTE);
  out8(COUNTER, 200);
  count = 0;
  tap_ok(time_of(1) < 1000, "mode 0 by the low byte alone");
  for (unsigned i = 0; i < 1000; i++) pause();
  tap_equal(count, 1, "comes once");
  ioapic_set_entry(INTERRUPT, IOAPIC_MASKED);
}
