// What leaves the guest: accesses to devices, interrupts.
#include "../../x86_64/apic.h"
#include "../../x86_64/exception.h"
#include "../../x86_64/x86_64.h"
#include "../kernels.h"

// Scratch register of the UART.
enum { SCRATCH = 0x3ff, VECTOR = 0x61 };

// Reads of a device's register, one in eight a write.
uint64_t registers(unsigned scale) {
  uint64_t hash = 0;
  for (unsigned i = 0; i < 1000000 * scale; i++) {
    hash = mix(hash, in8(SCRATCH));
    if (i % 8 == 0) out8(SCRATCH, (uint8_t)(i / 8));
  }
  return hash;
}

static volatile uint32_t taken;

static void take(void) {
  taken++;
}

// Interrupts that the CPU sends to itself: taken, ended.
uint64_t interrupts(unsigned scale) {
  set_handler(VECTOR, take);
  apic_init();
  taken = 0;
  unmask_interrupts();
  for (unsigned i = 0; i < 50000 * scale; i++) {
    apic_write(APIC_ICR_LOW, VECTOR | ICR_SELF | ICR_ASSERT);
    while (taken != i + 1) {}
  }
  mask_interrupts();
  return taken;
}
