// SIMD and floating point: SSE to SSE4.2, AES, SHA, MMX, x87, saving of their state.
//
// Parameter: tests=extensions for denormals, NaNs and flags that QEMU does not compute, and no more.
#include "fp.h"
#include "../../common/arguments.h"
#include "../../common/tap.h"
#include "../../x86_64/x86_64.h"

bool has_feature(uint32_t leaf, unsigned reg, unsigned bit) {
  struct cpuid r = cpuid(leaf, 0);
  const uint32_t registers[] = {r.eax, r.ebx, r.ecx, r.edx};
  return registers[reg] >> bit & 1;
}

void check_operations(const struct operation *first, const struct operation *end, bool full, uint64_t (*checksum)(const struct operation *, bool full)) {
  for (const struct operation *row = first; row < end; row++) {
    tap_equal(checksum(row, full), full ? row->full : row->plain, "%s", row->name);
  }
}

void tests(void) {
  char part[24];
  if (argument_text("tests", part, sizeof part) && listed(part, "extensions")) {
    test_sse_extensions();
    test_x87_extensions();
    return;
  }
  test_sse();
  test_mmx();
  test_x87();
  test_state();
}
