// Software-generated interrupts: who gets them.
#include "../../aarch64/cpu.h"
#include "../../common/tap.h"
#include "gicv3.h"

enum { SGI = 5 };
static const uint64_t FIELD_ID = (uint64_t)SGI << 24, IRM = 1ul << 40;

static uint32_t taken[CPUS];

static void prepare(void) {
  gicv3_configure(SGI, 1, true, 0x80);
}

static void prepare_group0(void) {
  gicv3_configure(SGI, 0, true, 0x80);
}

static void take(void) {
  taken[cpu_index()] = gicv3_take();
  if (taken[cpu_index()] != GIC_SPURIOUS_ID) gicv3_end(taken[cpu_index()]);
}

static void on_all(void (*function)(void)) {
  function();
  for (unsigned cpu = 1; cpu < CPUS; cpu++) cpu_call(cpu, function);
}

// Each CPU takes what it has; `expected`: bit n for CPU n.
static void check(unsigned expected, const char *name) {
  on_all(take);
  unsigned found = 0;
  for (unsigned cpu = 0; cpu < CPUS; cpu++) {
    if (taken[cpu] == SGI) found |= 1u << cpu;
  }
  tap_equal(found, expected, "%s", name);
}

static uint64_t value;

static void send(void) {
  write_register(ICC_SGI1R_EL1, value);
}

static void send_from(unsigned cpu, uint64_t what) {
  value = FIELD_ID | what;
  if (cpu == 0) send();
  else cpu_call(cpu, send);
}

void test_sgis(void) {
  tap_note("SGIs");
  on_all(prepare);
  send_from(0, 0x1);
  tap_equal(gicv3_signalled(), SIGNALLED_IRQ, "to itself");
  check(0x1, "and to nobody else");
  send_from(0, 0x6);
  check(0x6, "to a list");
  send_from(2, 0xffff);
  check(0x7, "to all in the cluster");
  send_from(1, IRM);
  check(0x5, "to all but itself");
  send_from(0, 0x7 | 1ul << 16);
  check(0, "to a cluster where nobody is (Aff1)");
  send_from(0, 0x7 | 1ul << 32);
  check(0, "to a cluster where nobody is (Aff2)");
  send_from(0, 0x7 | 1ul << 48);
  check(0, "to a cluster where nobody is (Aff3)");
  send_from(0, 0x1);
  send_from(1, 0x1);
  send_from(2, 0x1);
  check(0x1, "three at once are one");
  check(0, "and no more");
  cpu_call(1, prepare_group0);
  send_from(0, 0x2);
  check(0, "not where it is of the other group");
  on_all(prepare);
  tap_ok(!gicv3_bit(GIC_ISPENDR, SGI), "nothing is left");
}
