// A test program's transcript in the Test Anything Protocol, version 13.
//
// The program defines tests(); the runtime calls it, ends the transcript and turns the machine off. A
// transcript is compared between machines byte by byte: print nothing that depends on speed, on the
// size of the program or on where it was loaded.
#pragma once
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>

// The test program.
void tests(void);

// Says how many tests there will be. Without it, tap_end says how many there were.
void tap_plan(unsigned count);
// "ok N - name" or "not ok N - name"; gives `good`.
__attribute__((format(printf, 2, 3))) bool tap_ok(bool good, const char *name, ...);
// Good if both are the same; else a line of diagnostics has both, in hexadecimal.
__attribute__((format(printf, 3, 4))) bool tap_equal(uint64_t found, uint64_t expected, const char *name, ...);
// Good if `low` <= found <= `high`; else a line of diagnostics says what was found.
__attribute__((format(printf, 4, 5))) bool tap_within(uint64_t found, uint64_t low, uint64_t high, const char *name, ...);
// A test that this machine cannot do: good, with the reason.
__attribute__((format(printf, 2, 3))) void tap_skip(const char *reason, const char *name, ...);
// A line of diagnostics: "# text".
__attribute__((format(printf, 1, 2))) void tap_note(const char *text, ...);
// "Bail out! reason", and the machine is turned off.
__attribute__((format(printf, 1, 2), noreturn)) void tap_bail_out(const char *reason, ...);

// For the runtime: before the tests and after them; turns the machine off.
void tap_start(void);
void tap_end(void) __attribute__((noreturn));
