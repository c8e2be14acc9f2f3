#include "tap.h"
#include "machine.h"
#include "print.h"

static unsigned planned, done, failed;

static void result(bool good, const char *name, va_list arguments, const char *reason) {
  print(good ? "ok %u - " : "not ok %u - ", ++done);
  print_list(name, arguments);
  if (reason) print(" # SKIP %s", reason);
  print("\n");
  if (!good) failed++;
}

void tap_plan(unsigned count) {
  planned = count;
  print("1..%u\n", count);
}

bool tap_ok(bool good, const char *name, ...) {
  va_list arguments;
  va_start(arguments, name);
  result(good, name, arguments, 0);
  va_end(arguments);
  return good;
}

bool tap_equal(uint64_t found, uint64_t expected, const char *name, ...) {
  va_list arguments;
  va_start(arguments, name);
  result(found == expected, name, arguments, 0);
  va_end(arguments);
  if (found != expected) tap_note("found 0x%lx, expected 0x%lx", found, expected);
  return found == expected;
}

bool tap_within(uint64_t found, uint64_t low, uint64_t high, const char *name, ...) {
  bool good = found >= low && found <= high;
  va_list arguments;
  va_start(arguments, name);
  result(good, name, arguments, 0);
  va_end(arguments);
  if (!good) tap_note("found %lu, expected %lu to %lu", found, low, high);
  return good;
}

void tap_skip(const char *reason, const char *name, ...) {
  va_list arguments;
  va_start(arguments, name);
  result(true, name, arguments, reason);
  va_end(arguments);
}

void tap_note(const char *text, ...) {
  va_list arguments;
  va_start(arguments, text);
  print("# ");
  print_list(text, arguments);
  print("\n");
  va_end(arguments);
}

void tap_bail_out(const char *reason, ...) {
  va_list arguments;
  va_start(arguments, reason);
  print("Bail out! ");
  print_list(reason, arguments);
  print("\n");
  va_end(arguments);
  machine_off();
}

void tap_start(void) {
  print("TAP version 13\n");
}

void tap_end(void) {
  if (planned == 0) print("1..%u\n", done);
  else if (planned != done) tap_note("planned %u tests, ran %u", planned, done);
  if (failed > 0) tap_note("failed %u of %u tests", failed, done);
  machine_off();
}
