// Formatted output on the console.
#pragma once
#include <stdarg.h>

// One character to the console; each machine has its own.
void put_character(char character);

// Conversions: %s %c %d %u %x %% with flags '-' and '0', a width or '*', and 'l' for 64 bits.
// A newline is sent as CR LF.
__attribute__((format(printf, 1, 2))) void print(const char *format, ...);
void print_list(const char *format, va_list arguments);
