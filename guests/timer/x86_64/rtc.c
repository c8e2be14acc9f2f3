// The clock of the PC with its CMOS memory (Motorola MC146818).
#include "../../common/tap.h"
#include "../../common/timer.h"
#include "../../x86_64/apic.h"
#include "../../x86_64/exception.h"
#include "../../x86_64/ioapic.h"
#include "../../x86_64/x86_64.h"
#include "timer.h"

enum { INDEX = 0x70, DATA_PORT = 0x71, VECTOR = 0x63, INTERRUPT = 8 };
enum { SECONDS = 0, SECONDS_ALARM = 1, MINUTES = 2, MINUTES_ALARM = 3, HOURS = 4, HOURS_ALARM = 5, WEEKDAY = 6, DAY = 7, MONTH = 8, YEAR = 9, A = 10, B = 11, C = 12, D = 13, MEMORY = 0x40 };
enum { A_UIP = 0x80, A_RATE = 15, B_SET = 0x80, B_PERIODIC = 0x40, B_ALARM = 0x20, B_UPDATE = 0x10, B_BINARY = 4, B_24 = 2 };
enum { C_ANY = 0x80, C_PERIODIC = 0x40, C_ALARM = 0x20, C_UPDATE = 0x10, D_VALID = 0x80 };

static volatile unsigned count, causes;

static uint8_t read(uint8_t index) {
  out8(INDEX, index);
  return in8(DATA_PORT);
}

static void write(uint8_t index, uint8_t value) {
  out8(INDEX, index);
  out8(DATA_PORT, value);
}

static void on_interrupt(void) {
  causes |= read(C);
  count++;
}

static void set_time(uint8_t year, uint8_t month, uint8_t day, uint8_t hours, uint8_t minutes, uint8_t seconds) {
  write(B, read(B) | B_SET);
  write(YEAR, year);
  write(MONTH, month);
  write(DAY, day);
  write(HOURS, hours);
  write(MINUTES, minutes);
  write(SECONDS, seconds);
  write(B, read(B) & ~B_SET);
}

// Waits for the interrupt of the next update.
static void next_second(void) {
  uint8_t b = read(B);
  write(B, b | B_UPDATE);
  read(C);
  count = 0;
  while (count == 0) wait_for_interrupt();
  write(B, b);
}

static void test_time(void) {
  tap_note("clock");
  write(B, B_24 | B_BINARY);
  tap_ok(read(D) & D_VALID, "it is valid");
  set_time(27, 2, 28, 23, 59, 58);
  tap_ok(read(YEAR) == 27 && read(MONTH) == 2 && read(DAY) == 28 && read(HOURS) == 23 && read(MINUTES) == 59, "a time that is set");
  next_second();
  tap_equal(read(SECONDS), 59, "a second later");
  next_second();
  tap_ok(read(MONTH) == 3 && read(DAY) == 1 && read(HOURS) == 0 && read(MINUTES) == 0 && read(SECONDS) == 0, "the next day");
  set_time(28, 2, 28, 23, 59, 59);
  next_second();
  tap_ok(read(MONTH) == 2 && read(DAY) == 29, "a leap year");
  set_time(30, 6, 15, 12, 34, 20);
  write(B, B_24);
  set_time(0x30, 0x06, 0x15, 0x13, 0x34, 0x20);
  tap_ok(read(HOURS) == 0x13 && read(MINUTES) == 0x34, "binary-coded decimals");
  next_second();
  tap_equal(read(SECONDS) & 0xfe, 0x20, "count so too");
  write(MEMORY, 0x5a);
  tap_equal(read(MEMORY), 0x5a, "memory behind the clock");
  write(MEMORY, 0);
}

static void test_interrupts(void) {
  write(A, (read(A) & 0x70) | 6);
  write(B, B_24 | B_BINARY | B_PERIODIC);
  while (count == 0) wait_for_interrupt();
  count = causes = 0;
  uint64_t start = timer_count();
  while (count < 8) wait_for_interrupt();
  uint64_t microseconds = timer_microseconds(timer_count() - start);
  // QEMU 7.2 leaves every other one out.
  tap_ok(microseconds > 6000 && microseconds < 18000, "eight periodic interrupts of 1/1024 second");
  tap_equal(causes & (C_ANY | C_PERIODIC), C_ANY | C_PERIODIC, "register C says so");
  write(B, B_24 | B_BINARY | B_UPDATE);
  read(C);
  count = causes = 0;
  while (count == 0) wait_for_interrupt();
  tap_equal(causes & (C_ANY | C_UPDATE), C_ANY | C_UPDATE, "an update's interrupt");
  write(B, B_24 | B_BINARY);
  set_time(30, 6, 15, 12, 0, 0);
  write(SECONDS_ALARM, 2);
  write(MINUTES_ALARM, 0xff);
  write(HOURS_ALARM, 0xff);
  read(C);
  count = causes = 0;
  write(B, B_24 | B_BINARY | B_ALARM);
  while (count == 0) wait_for_interrupt();
  tap_ok(causes & C_ALARM && read(SECONDS) == 2, "an alarm, at its second");
  write(B, B_24);
  read(C);
}

void test_rtc(void) {
  set_handler(VECTOR, on_interrupt);
  ioapic_set_entry(INTERRUPT, (uint64_t)apic_id() << 56 | VECTOR);
  test_time();
  test_interrupts();
  ioapic_set_entry(INTERRUPT, IOAPIC_MASKED);
}
