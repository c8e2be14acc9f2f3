#include "apic.h"
#include "x86_64.h"

// As they are after reset; all programs leave them there.
enum { BASE = 0xfee00000u, PENDING = 1 << 12 };
// Interrupt mask registers.
enum { PIC_MASK = 0x21, PIC2_MASK = 0xa1 };

static bool ready[MAX_CPUS];

bool apic_is_ready(void) {
  return ready[cpu_index()];
}

uint32_t apic_read(unsigned offset) {
  return device_read32(BASE + offset);
}

void apic_write(unsigned offset, uint32_t value) {
  device_write32(BASE + offset, value);
}

void apic_init(void) {
  if (cpu_index() == 0) {
    out8(PIC_MASK, 0xff);
    out8(PIC2_MASK, 0xff);
  }
  apic_write(APIC_SVR, SVR_ENABLED | SPURIOUS_VECTOR);
  apic_write(APIC_LVT_TIMER, LVT_MASKED);
  apic_write(APIC_LVT_LINT0, LVT_MASKED);
  apic_write(APIC_LVT_LINT1, LVT_MASKED);
  apic_write(APIC_LVT_ERROR, LVT_MASKED);
  apic_write(APIC_TPR, 0);
  ready[cpu_index()] = true;
}

uint32_t apic_id(void) {
  return apic_read(APIC_ID) >> 24;
}

void apic_send(uint32_t id, uint32_t what) {
  while (apic_read(APIC_ICR_LOW) & PENDING) pause();
  apic_write(APIC_ICR_HIGH, id << 24);
  apic_write(APIC_ICR_LOW, what | ICR_ASSERT);
}

void apic_end(void) {
  apic_write(APIC_EOI, 0);
}

bool apic_bit(unsigned registers, unsigned vector) {
  return apic_read(registers + vector / 32 * 16) >> vector % 32 & 1;
}
