// Where shared interrupts go: GICD_IROUTER.
#include "../../aarch64/cpu.h"
#include "../../common/tap.h"
#include "gicv3.h"

static uint32_t signalled[CPUS];

static void look(void) {
  signalled[cpu_index()] = gicv3_signalled();
}

unsigned who(void) {
  unsigned found = 0;
  look();
  for (unsigned cpu = 1; cpu < CPUS; cpu++) cpu_call(cpu, look);
  for (unsigned cpu = 0; cpu < CPUS; cpu++) {
    if (signalled[cpu] != 0) found |= 1u << cpu;
  }
  return found;
}

void route(unsigned interrupt, uint64_t where) {
  __asm__ volatile("str %0, [%1]\n\tdsb sy" ::"r"(where), "r"(gicd + GICD_IROUTER + interrupt * 8ul) : "memory");
}

static uint32_t taken;

static void take(void) {
  taken = gicv3_take();
  gicv3_end(taken);
}

unsigned take_at(unsigned cpu) {
  cpu_call(cpu, take);
  return taken;
}

void test_routing(void) {
  tap_note("routing");
  gicv3_configure(SPI_A, 1, true, 0xa0);
  gicv3_set_bit(GIC_ISPENDR, SPI_A);
  tap_equal(who(), 0x1, "to CPU 0");
  route(SPI_A, cpus[2].affinity);
  tap_equal(who(), 0x4, "a pending interrupt follows its route");
  route(SPI_A, 0x0100);
  tap_equal(who(), 0, "to nobody");
  tap_ok(gicv3_bit(GIC_ISPENDR, SPI_A), "it stays pending");
  route(SPI_A, cpus[1].affinity);
  tap_equal(who(), 0x2, "and arrives when there is a route");
  tap_equal(take_at(1), SPI_A, "taken");
}
