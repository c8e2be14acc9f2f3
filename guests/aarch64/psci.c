#include "psci.h"
#include "../common/fdt.h"
#include "../common/text.h"
#include <stdbool.h>

enum { VERSION = 0x84000000u, SYSTEM_OFF = 0x84000008u, SYSTEM_RESET = 0x84000009u, CPU_ON = 0xc4000003u };

extern char secondary_start[];
static bool by_smc;

int64_t firmware_call(uint64_t function, uint64_t a, uint64_t b, uint64_t c) {
  register uint64_t x0 __asm__("x0") = function;
  register uint64_t x1 __asm__("x1") = a;
  register uint64_t x2 __asm__("x2") = b;
  register uint64_t x3 __asm__("x3") = c;
  if (by_smc) {
    __asm__ volatile("smc #0" : "+r"(x0), "+r"(x1), "+r"(x2), "+r"(x3)::"memory");
  } else {
    __asm__ volatile("hvc #0" : "+r"(x0), "+r"(x1), "+r"(x2), "+r"(x3)::"memory");
  }
  return (int64_t)x0;
}

void psci_init(void) {
  struct fdt_node node;
  if (!fdt_find_compatible("arm,psci-0.2", &node)) return;
  const char *method = fdt_text(&node, "method");
  by_smc = method != 0 && text_equal(method, "smc");
}

uint32_t psci_version(void) {
  return (uint32_t)firmware_call(VERSION, 0, 0, 0);
}

int psci_cpu_on(uint64_t affinity, unsigned index) {
  __asm__ volatile("dsb sy" ::: "memory");
  return (int)firmware_call(CPU_ON, affinity, (uintptr_t)secondary_start, index);
}

void psci_system_off(void) {
  for (;;) firmware_call(SYSTEM_OFF, 0, 0, 0);
}

void psci_system_reset(void) {
  for (;;) firmware_call(SYSTEM_RESET, 0, 0, 0);
}
