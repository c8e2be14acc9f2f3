// Local APIC: registers, priorities, destinations, timer, x2APIC.
//
// Parameter: tests=extensions for what QEMU does not survive, and no more.
#include "apic.h"
#include "../../common/arguments.h"

volatile unsigned logged;
volatile uint8_t vectors[16];

static void log_vector(uint8_t vector) {
  if (logged < sizeof vectors) vectors[logged] = vector;
  logged++;
}

static void on_low(void) {
  log_vector(LOW);
}

static void on_middle(void) {
  log_vector(MIDDLE);
}

static void on_second(void) {
  log_vector(SECOND);
}

static void on_high(void) {
  log_vector(HIGH);
}

void start_log(void) {
  logged = 0;
}

void open(void) {
  unmask_interrupts();
  for (unsigned i = 0; i < 8; i++) pause();
  mask_interrupts();
}

void send_self(unsigned vector) {
  apic_send(apic_id(), vector);
}

void tests(void) {
  set_handler(LOW, on_low);
  set_handler(MIDDLE, on_middle);
  set_handler(SECOND, on_second);
  set_handler(HIGH, on_high);
  apic_init();
  char part[24];
  if (argument_text("tests", part, sizeof part) && listed(part, "extensions")) {
    test_errors();
    return;
  }
  test_registers();
  test_priorities();
  test_destinations();
  test_timer();
  test_x2apic();
}
