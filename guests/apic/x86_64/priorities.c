#include "apic.h"

static void on_middle_nested(void) {
  vectors[logged++] = MIDDLE;
  tap_ok(apic_bit(APIC_ISR, MIDDLE) && !apic_bit(APIC_IRR, MIDDLE), "in its handler it is in service, not requested");
  tap_equal(apic_read(APIC_PPR), MIDDLE & 0xf0, "the processor has its class");
  send_self(LOW);
  send_self(SECOND);
  send_self(HIGH);
  open();
  tap_ok(logged == 2 && vectors[1] == HIGH, "only a higher class comes in between");
  tap_ok(apic_bit(APIC_IRR, LOW) && apic_bit(APIC_IRR, SECOND), "the others are requested");
}

static void test_order(void) {
  start_log();
  send_self(LOW);
  send_self(HIGH);
  send_self(MIDDLE);
  tap_ok(apic_bit(APIC_IRR, LOW) && apic_bit(APIC_IRR, MIDDLE) && apic_bit(APIC_IRR, HIGH), "three are requested while interrupts are masked");
  send_self(LOW);
  open();
  tap_ok(logged == 3 && vectors[0] == HIGH && vectors[1] == MIDDLE && vectors[2] == LOW, "they come in the order of their vectors, each once");
  tap_equal(apic_read(APIC_PPR), 0, "nothing is left");
}

static void test_task_priority(void) {
  start_log();
  apic_write(APIC_TPR, 0x6f);
  send_self(MIDDLE);
  send_self(HIGH);
  open();
  tap_ok(logged == 1 && vectors[0] == HIGH, "a task priority of class 6 lets class 8 in, not class 6");
  apic_write(APIC_TPR, 0x5f);
  open();
  tap_ok(logged == 2 && vectors[1] == MIDDLE, "of class 5: class 6 too");
  apic_write(APIC_TPR, 0);
}

static void on_middle_twice(void) {
  vectors[logged++] = MIDDLE;
  if (logged > 1) return;
  send_self(MIDDLE);
  send_self(MIDDLE);
  tap_ok(apic_bit(APIC_ISR, MIDDLE) && apic_bit(APIC_IRR, MIDDLE), "a vector can be requested while it is in service");
}

static void test_disabled(void) {
  uint32_t timer = 0x30000 | LOW;
  start_log();
  apic_write(APIC_SVR, SPURIOUS_VECTOR);
  send_self(MIDDLE);
  open();
  tap_equal(logged, 0, "disabled by software, it takes none");
  apic_write(APIC_LVT_TIMER, timer & ~(uint32_t)LVT_MASKED);
  tap_equal(apic_read(APIC_LVT_TIMER), timer, "and LVT entries stay masked");
  apic_write(APIC_SVR, SVR_ENABLED | SPURIOUS_VECTOR);
  open();
  tap_equal(logged, 0, "what came meanwhile is lost");
  apic_write(APIC_LVT_TIMER, LVT_MASKED);
}

void test_priorities(void) {
  tap_note("priorities");
  test_order();
  test_task_priority();
  void (*before)(void) = set_handler(MIDDLE, on_middle_nested);
  start_log();
  send_self(MIDDLE);
  open();
  open();
  tap_ok(logged == 4 && vectors[2] == SECOND && vectors[3] == LOW, "after its end come those, by their vectors");
  set_handler(MIDDLE, on_middle_twice);
  start_log();
  send_self(MIDDLE);
  open();
  tap_equal(logged, 2, "then it comes once more");
  set_handler(MIDDLE, before);
  test_disabled();
}
