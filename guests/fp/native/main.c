// The x86-64 tests as a program of Linux: prints the checksums that this CPU gives, "plain|full CHECKSUM NAME".
#include <cpuid.h>
#include <stdio.h>
#include "../x86_64/fp.h"

bool has_feature(uint32_t leaf, unsigned reg, unsigned bit) {
  uint32_t registers[4];
  return __get_cpuid_count(leaf, 0, &registers[0], &registers[1], &registers[2], &registers[3]) && registers[reg] >> bit & 1;
}

void check_operations(const struct operation *first, const struct operation *end, bool full, uint64_t (*checksum)(const struct operation *, bool full)) {
  for (const struct operation *row = first; row < end; row++) {
    printf("%s 0x%016lx %s\n", full ? "full" : "plain", checksum(row, full), row->name);
  }
}

// Of common/tap.h: single tests are none of these.
bool tap_ok(bool good, const char *name, ...) {
  (void)name;
  return good;
}

bool tap_equal(uint64_t found, uint64_t expected, const char *name, ...) {
  (void)name;
  return found == expected;
}

void tap_skip(const char *reason, const char *name, ...) {
  (void)reason, (void)name;
}

void tap_note(const char *text, ...) {
  (void)text;
}

int main(void) {
  test_sse();
  test_mmx();
  test_x87();
  test_sse_extensions();
  test_x87_extensions();
  return 0;
}
