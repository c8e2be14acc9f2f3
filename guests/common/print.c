#include "print.h"
#include "text.h"
#include <stdbool.h>
#include <stdint.h>

static void put(char character) {
  if (character == '\n') put_character('\r');
  put_character(character);
}

static void put_padded(const char *text, unsigned length, unsigned width, bool left, char pad) {
  if (!left) for (unsigned i = length; i < width; i++) put(pad);
  for (unsigned i = 0; i < length; i++) put(text[i]);
  if (left) for (unsigned i = length; i < width; i++) put(' ');
}

static void put_number(uint64_t value, bool negative, unsigned base, unsigned width, bool left, char pad) {
  char digits[24];
  unsigned first = sizeof digits;
  do {
    digits[--first] = "0123456789abcdef"[value % base];
    value /= base;
  } while (value != 0);
  if (negative) digits[--first] = '-';
  put_padded(digits + first, sizeof digits - first, width, left, negative ? ' ' : pad);
}

void print_list(const char *format, va_list arguments) {
  for (; *format; format++) {
    if (*format != '%') {
      put(*format);
      continue;
    }
    bool left = false, wide = false;
    char pad = ' ';
    unsigned width = 0;
    for (format++; *format == '-' || *format == '0'; format++) {
      if (*format == '-') left = true;
      else pad = '0';
    }
    if (*format == '*') {
      width = va_arg(arguments, unsigned);
      format++;
    }
    for (; *format >= '0' && *format <= '9'; format++) width = width * 10 + (unsigned)(*format - '0');
    for (; *format == 'l'; format++) wide = true;
    switch (*format) {
      case 's': {
        const char *text = va_arg(arguments, const char *);
        put_padded(text, (unsigned)text_length(text), width, left, ' ');
        break;
      }
      case 'c': put((char)va_arg(arguments, int)); break;
      case 'd': {
        int64_t value = wide ? va_arg(arguments, int64_t) : va_arg(arguments, int);
        put_number(value < 0 ? -(uint64_t)value : (uint64_t)value, value < 0, 10, width, left, pad);
        break;
      }
      case 'u':
      case 'x': {
        uint64_t value = wide ? va_arg(arguments, uint64_t) : va_arg(arguments, unsigned);
        put_number(value, false, *format == 'x' ? 16 : 10, width, left, pad);
        break;
      }
      case 0: return;
      default: put(*format);
    }
  }
}

void print(const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  print_list(format, arguments);
  va_end(arguments);
}
