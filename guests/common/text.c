#include "text.h"

void *memcpy(void *to, const void *from, size_t bytes) {
  char *t = to;
  const char *f = from;
  if ((((uintptr_t)t | (uintptr_t)f) & 7) == 0) {
    for (; bytes >= 8; bytes -= 8, t += 8, f += 8) *(uint64_t *)t = *(const uint64_t *)f;
  }
  while (bytes--) *t++ = *f++;
  return to;
}

void *memmove(void *to, const void *from, size_t bytes) {
  char *t = to;
  const char *f = from;
  if (t <= f || t >= f + bytes) return memcpy(to, from, bytes);
  while (bytes--) t[bytes] = f[bytes];
  return to;
}

void *memset(void *to, int value, size_t bytes) {
  char *t = to;
  while (bytes--) *t++ = (char)value;
  return to;
}

int memcmp(const void *a, const void *b, size_t bytes) {
  const unsigned char *x = a, *y = b;
  for (; bytes--; x++, y++) if (*x != *y) return *x - *y;
  return 0;
}

size_t text_length(const char *text) {
  size_t length = 0;
  while (text[length]) length++;
  return length;
}

bool text_equal(const char *a, const char *b) {
  while (*a && *a == *b) a++, b++;
  return *a == *b;
}

bool text_starts(const char *text, const char *start) {
  while (*start && *text == *start) text++, start++;
  return *start == 0;
}

static int digit(char character) {
  if (character >= '0' && character <= '9') return character - '0';
  if (character >= 'a' && character <= 'f') return character - 'a' + 10;
  if (character >= 'A' && character <= 'F') return character - 'A' + 10;
  return 16;
}

bool text_number(const char *text, uint64_t *value) {
  unsigned base = 10;
  if (text[0] == '0' && (text[1] == 'x' || text[1] == 'X')) {
    base = 16;
    text += 2;
  }
  if (*text == 0) return false;
  uint64_t result = 0;
  for (; *text; text++) {
    unsigned next = (unsigned)digit(*text);
    if (next >= base || result > (UINT64_MAX - next) / base) return false;
    result = result * base + next;
  }
  *value = result;
  return true;
}
