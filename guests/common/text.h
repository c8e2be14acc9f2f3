// What C programs expect of memory and text.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// The compiler calls these four.
void *memcpy(void *to, const void *from, size_t bytes);
void *memmove(void *to, const void *from, size_t bytes);
void *memset(void *to, int value, size_t bytes);
int memcmp(const void *a, const void *b, size_t bytes);

size_t text_length(const char *text);
bool text_equal(const char *a, const char *b);
bool text_starts(const char *text, const char *start);
// Decimal, or hexadecimal after 0x; false if there is anything else in it or it needs more than 64 bits.
bool text_number(const char *text, uint64_t *value);
