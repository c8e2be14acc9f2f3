#include "../../aarch64/aarch64.h"
#include "../../common/fdt.h"
#include "../monitor.h"

const char architecture[] = "aarch64", description[] = "device tree";
const char devices_help[] = "show what the device tree says, and the virtio devices";
const unsigned loop_instructions = 8;

bool description_place(uint64_t *start, uint64_t *size) {
  *start = fdt_address();
  *size = fdt_size();
  return true;
}

void loop(uint64_t iterations) {
  static uint64_t cell;
  uint64_t a = 1, b = 0x9e3779b97f4a7c15;
  __asm__ volatile(
      "1: ldr %1, [%3]\n\t"
      "add %0, %0, %1\n\t"
      "eor %0, %0, %0, lsr #29\n\t"
      "mul %0, %0, %4\n\t"
      "str %0, [%3]\n\t"
      "orr %1, %1, #1\n\t"
      "subs %2, %2, #1\n\t"
      "b.ne 1b"
      : "+&r"(a), "=&r"(b), "+&r"(iterations)
      : "r"(&cell), "r"(b)
      : "cc", "memory");
}
