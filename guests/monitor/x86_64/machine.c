#include "../../x86_64/x86_64.h"
#include "../monitor.h"

const char architecture[] = "x86_64", description[] = "ACPI tables";
const char devices_help[] = "show what the ACPI tables say, and the virtio devices";
const unsigned loop_instructions = 10;

// They are below 1 MiB.
bool description_place(uint64_t *start, uint64_t *size) {
  (void)start, (void)size;
  return false;
}

void loop(uint64_t iterations) {
  static uint64_t cell;
  uint64_t a = 1, b, c = 0x9e3779b97f4a7c15;
  __asm__ volatile(
      "1: mov (%4), %1\n\t"
      "add %1, %0\n\t"
      "mov %0, %1\n\t"
      "shr $29, %1\n\t"
      "xor %1, %0\n\t"
      "imul %3, %0\n\t"
      "mov %0, (%4)\n\t"
      "or $1, %1\n\t"
      "sub $1, %2\n\t"
      "jne 1b"
      : "+&r"(a), "=&r"(b), "+&r"(iterations)
      : "r"(c), "r"(&cell)
      : "cc", "memory");
}
