#include "apic.h"

static unsigned came(uint32_t id, uint32_t what) {
  start_log();
  apic_send(id, what);
  open();
  return logged;
}

void test_destinations(void) {
  uint32_t self = apic_id();
  tap_note("destinations");
  tap_equal(came(self, MIDDLE), 1, "its own id");
  tap_equal(came(self + 1, MIDDLE), 0, "an id that nobody has");
  tap_equal(came(0xff, MIDDLE), 1, "the id of all");
  tap_equal(came(0, MIDDLE | ICR_SELF), 1, "the shorthand for itself");
  tap_equal(came(0, MIDDLE | ICR_ALL), 1, "that for all");
  tap_equal(came(0, MIDDLE | ICR_OTHERS), 0, "that for all others");
  tap_equal(apic_read(APIC_ICR_LOW), MIDDLE | ICR_OTHERS | ICR_ASSERT, "ICR is kept, nothing is under way");
  apic_write(APIC_DFR, UINT32_MAX);
  apic_write(APIC_LDR, 0x04000000);
  tap_equal(came(0x04, MIDDLE | ICR_LOGICAL), 1, "flat: its bit");
  tap_equal(came(0x0e, MIDDLE | ICR_LOGICAL), 1, "and others");
  tap_equal(came(0x0b, MIDDLE | ICR_LOGICAL), 0, "other bits");
  apic_write(APIC_DFR, 0x0fffffff);
  apic_write(APIC_LDR, 0x32000000);
  tap_equal(came(0x32, MIDDLE | ICR_LOGICAL), 1, "clusters: its own and its bit");
  tap_equal(came(0x3f, MIDDLE | ICR_LOGICAL), 1, "and other bits");
  tap_equal(came(0x3d, MIDDLE | ICR_LOGICAL), 0, "other bits of its own");
  tap_equal(came(0x22, MIDDLE | ICR_LOGICAL), 0, "another cluster");
  apic_write(APIC_DFR, UINT32_MAX);
  apic_write(APIC_LDR, 0);
}

// What ends a run in QEMU.
void test_errors(void) {
  enum { ESR_SEND_ILLEGAL = 1 << 5 };
  tap_note("errors");
  apic_write(APIC_ESR, 0);
  tap_equal(came(apic_id(), 0x0c), 0, "a vector below 16");
  apic_write(APIC_ESR, 0);
  tap_ok(apic_read(APIC_ESR) & ESR_SEND_ILLEGAL, "is an error");
  apic_write(APIC_ESR, 0);
  apic_write(APIC_ESR, 0);
  tap_equal(apic_read(APIC_ESR), 0, "which two writes clear");
}
