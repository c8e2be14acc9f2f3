// Generic timer (Arm ARM, chapter D11): counter, CVAL, TVAL and CTL, output lines, access from EL0.
#include "timer.h"
#include "../../aarch64/cpu.h"
#include "../../aarch64/gicv3.h"
#include "../../common/fdt.h"
#include "../../common/tap.h"

enum { FREQUENCY = 62500000 };
enum { ENABLE = 1, IMASK = 2, ISTATUS = 4 };
// Far enough that no machine gets there while a test runs, in ticks; and a little while.
enum { FAR_OFF = 1 << 30, SOON = 2000 };

#define READ(timer, register) \
  ((timer) == PHYSICAL ? read_register("cntp_" register "_el0") : read_register("cntv_" register "_el0"))
#define WRITE(timer, register, value)                                        \
  do {                                                                       \
    if ((timer) == PHYSICAL) write_register("cntp_" register "_el0", value); \
    else write_register("cntv_" register "_el0", value);                     \
  } while (0)

static const char *const names[] = {"physical", "virtual"};
// Interrupts of the timers, by timer.
static uint32_t interrupts[2] = {30, 27};
static struct {
  uint64_t control, value;
} elsewhere;

uint64_t counter(void) {
  __asm__ volatile("isb" ::: "memory");
  return read_register("cntvct_el0");
}

static uint64_t physical_counter(void) {
  __asm__ volatile("isb" ::: "memory");
  return read_register("cntpct_el0");
}

// Whether the output of a timer of this CPU is high: its interrupt is a level, not enabled.
static bool line(unsigned timer) {
  barrier();
  return gicv3_bit(GIC_ISPENDR, interrupts[timer]);
}

static void wait_until(uint64_t count) {
  while (counter() < count) {}
}

static void test_counter(void) {
  tap_note("counter");
  tap_equal(read_register("cntfrq_el0"), FREQUENCY, "CNTFRQ_EL0");
  uint64_t before = counter(), between = physical_counter(), after = counter();
  tap_ok(before <= between && between <= after, "both views count the same");
  wait_until(after + SOON);
  tap_ok(counter() >= after + SOON, "it goes on");
  uint64_t last = counter();
  bool forwards = true;
  for (unsigned i = 0; i < 1000; i++) {
    uint64_t now = counter();
    if (now < last) forwards = false;
    last = now;
  }
  tap_ok(forwards, "and never back");
}

static void test_values(unsigned timer) {
  tap_note("%s timer", names[timer]);
  WRITE(timer, "ctl", 0);
  tap_equal(READ(timer, "ctl"), 0, "off");
  WRITE(timer, "cval", 0xfedcba9876543210);
  tap_equal(READ(timer, "cval"), 0xfedcba9876543210, "CVAL has 64 bits");

  uint64_t before = counter();
  WRITE(timer, "tval", 1000);
  uint64_t after = counter();
  tap_within(READ(timer, "cval"), before + 1000, after + 1000, "TVAL counts from now");
  before = counter();
  WRITE(timer, "tval", 0x80000000);
  after = counter();
  tap_within(READ(timer, "cval"), before - (1ul << 31), after - (1ul << 31), "its 32 bits have a sign");
  before = counter();
  WRITE(timer, "tval", 0xabcdef00ffffffff);
  after = counter();
  tap_within(READ(timer, "cval"), before - 1, after - 1, "bits 63:32 of what is written do not count");

  uint64_t deadline = counter() + FAR_OFF;
  WRITE(timer, "cval", deadline);
  before = counter();
  uint64_t left = READ(timer, "tval");
  after = counter();
  tap_within(left, deadline - after, deadline - before, "TVAL reads as what is left");
  WRITE(timer, "cval", counter() - 5);
  left = READ(timer, "tval");
  tap_ok(left >> 31 == 1, "below zero afterwards, in 32 bits");
  WRITE(timer, "cval", counter() + (1ul << 40));
  tap_equal(READ(timer, "tval") >> 32, 0, "bits 63:32 of what is read are 0");
}

static void test_line(unsigned timer) {
  WRITE(timer, "ctl", 0);
  WRITE(timer, "cval", counter() + FAR_OFF);
  tap_equal(line(timer), 0, "%s: disabled, its output is low", names[timer]);
  WRITE(timer, "ctl", ENABLE);
  tap_equal(READ(timer, "ctl"), ENABLE, "enabled, before its time");
  tap_equal(line(timer), 0, "low");
  WRITE(timer, "cval", counter());
  tap_equal(READ(timer, "ctl"), ENABLE | ISTATUS, "its time has come");
  tap_equal(line(timer), 1, "high");
  tap_equal(line(!timer), 0, "the other one's is low");
  WRITE(timer, "ctl", ENABLE | IMASK);
  tap_equal(READ(timer, "ctl"), ENABLE | IMASK | ISTATUS, "IMASK leaves ISTATUS");
  tap_equal(line(timer), 0, "low");
  WRITE(timer, "ctl", ENABLE);
  tap_equal(line(timer), 1, "unmasked: high");
  WRITE(timer, "ctl", 0);
  tap_equal(READ(timer, "ctl"), 0, "disabled: no ISTATUS");
  tap_equal(line(timer), 0, "low");
  WRITE(timer, "ctl", ENABLE | ISTATUS);
  tap_equal(READ(timer, "ctl"), ENABLE | ISTATUS, "enabled again: at once");
  tap_equal(line(timer), 1, "high");
  WRITE(timer, "cval", counter() + FAR_OFF);
  tap_equal(READ(timer, "ctl"), ENABLE, "a later time ends it");
  tap_equal(line(timer), 0, "low");
  WRITE(timer, "ctl", ENABLE | ISTATUS);
  tap_equal(READ(timer, "ctl"), ENABLE, "ISTATUS cannot be written");
  WRITE(timer, "ctl", ENABLE | IMASK);
  WRITE(timer, "tval", 0);
  tap_equal(READ(timer, "ctl"), ENABLE | IMASK | ISTATUS, "TVAL 0 is now");
  WRITE(timer, "cval", ~0ul);
  tap_equal(READ(timer, "ctl"), ENABLE | IMASK, "CVAL is unsigned: all ones are never");
  WRITE(timer, "cval", 0);
  tap_equal(READ(timer, "ctl"), ENABLE | IMASK | ISTATUS, "0 is always");
  WRITE(timer, "ctl", 0);
}

static void test_deadline(unsigned timer) {
  uint64_t deadline = counter() + SOON;
  WRITE(timer, "cval", deadline);
  WRITE(timer, "ctl", ENABLE);
  bool early = line(timer) && counter() < deadline;
  wait_until(deadline);
  uint64_t status = READ(timer, "ctl");
  tap_equal(status, ENABLE | ISTATUS, "%s: ISTATUS follows the counter", names[timer]);
  tap_ok(!early && line(timer), "and so does the output");
  WRITE(timer, "ctl", 0);

  gicv3_configure(interrupts[timer], 1, false, 0x80);
  deadline = counter() + SOON;
  WRITE(timer, "cval", deadline);
  WRITE(timer, "ctl", ENABLE);
  wait_for_interrupt();
  tap_ok(counter() >= deadline, "WFI waits for its interrupt");
  tap_equal(gicv3_signalled(), SIGNALLED_IRQ, "which is signalled");
  unsigned taken = gicv3_take();
  tap_equal(taken, interrupts[timer], "and acknowledged");
  gicv3_end(taken);
  tap_equal(gicv3_signalled(), SIGNALLED_IRQ, "the level is still there");
  WRITE(timer, "ctl", 0);
  tap_equal(gicv3_signalled(), 0, "until the timer is disabled");
  write32(gicv3_base(interrupts[timer]) + GIC_ICENABLER, 1u << interrupts[timer]);
}

static void look_elsewhere(void) {
  mask_interrupts();
  elsewhere.control = read_register("cntv_ctl_el0");
  elsewhere.value = read_register("cntvct_el0");
  write_register("cntv_cval_el0", 0);
  write_register("cntv_ctl_el0", ENABLE | IMASK);
}

static void test_cpus(void) {
  tap_note("another CPU");
  write_register("cntv_cval_el0", ~0ul);
  write_register("cntv_ctl_el0", ENABLE);
  cpu_start(1);
  uint64_t before = counter();
  cpu_call(1, look_elsewhere);
  uint64_t after = counter();
  tap_equal(elsewhere.control & ENABLE, 0, "its timer is its own");
  tap_within(elsewhere.value, before, after, "the counter is everybody's");
  tap_equal(read_register("cntv_ctl_el0"), ENABLE, "what it does to its timer stays there");
  write_register("cntv_ctl_el0", 0);
}

static void test_events(void) {
  tap_note("event stream");
  // Bit 4 of the counter: every 512 ns.
  write_register("cntkctl_el1", 4 << 4 | 1 << 2);
  for (unsigned i = 0; i < 10; i++) wait_for_event();
  tap_ok(true, "ends WFE");
  write_register("cntkctl_el1", 0);
}

void tests(void) {
  struct fdt_node node;
  gicv3_init();
  gicv3_init_cpu();
  tap_ok(fdt_find_compatible("arm,armv8-timer", &node), "the device tree has it");
  fdt_interrupt(&node, 1, &interrupts[PHYSICAL]);
  fdt_interrupt(&node, 2, &interrupts[VIRTUAL]);
  tap_equal(interrupts[PHYSICAL], 30, "interrupt of the physical timer");
  tap_equal(interrupts[VIRTUAL], 27, "of the virtual one");
  test_counter();
  for (unsigned timer = PHYSICAL; timer <= VIRTUAL; timer++) {
    test_values(timer);
    test_line(timer);
    test_deadline(timer);
  }
  test_events();
  test_cpus();
  test_el0();
}
