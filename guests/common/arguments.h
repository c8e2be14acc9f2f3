// The kernel command line: NAME=VALUE separated by spaces.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// The value of NAME, cut to `size` bytes with its final 0; false if there is none. A name without "="
// has the value "".
bool argument_text(const char *name, char *value, size_t size);
// The value of NAME as a number, decimal or 0x and hexadecimal; `otherwise` if there is none or it is
// no number.
uint64_t argument_number(const char *name, uint64_t otherwise);
// Whether a comma-separated list has the word.
bool listed(const char *list, const char *word);
