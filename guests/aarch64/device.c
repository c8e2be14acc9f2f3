// Accesses to devices, for programs that do not know the architecture.
#include "../common/machine.h"
#include "aarch64.h"

uint8_t device_read8(uint64_t address) {
  uint32_t value;
  __asm__ volatile("ldrb %w0, [%1]" : "=r"(value) : "r"(address) : "memory");
  return (uint8_t)value;
}

uint16_t device_read16(uint64_t address) {
  uint32_t value;
  __asm__ volatile("ldrh %w0, [%1]" : "=r"(value) : "r"(address) : "memory");
  return (uint16_t)value;
}

uint32_t device_read32(uint64_t address) {
  return read32(address);
}

void device_write8(uint64_t address, uint8_t value) {
  __asm__ volatile("strb %w0, [%1]" ::"r"((uint32_t)value), "r"(address) : "memory");
}

void device_write16(uint64_t address, uint16_t value) {
  __asm__ volatile("strh %w0, [%1]" ::"r"((uint32_t)value), "r"(address) : "memory");
}

void device_write32(uint64_t address, uint32_t value) {
  write32(address, value);
}

void memory_barrier(void) {
  barrier();
}
