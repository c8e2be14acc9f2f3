// I/O APICs: registers, edges by the PIT and the UART, levels by a virtio device, destinations.
#include "../../x86_64/ioapic.h"
#include "../../common/tap.h"
#include "../../common/virtio.h"
#include "../../x86_64/apic.h"
#include "../../x86_64/cpu.h"
#include "../../x86_64/exception.h"
#include "../../x86_64/uart.h"
#include "../../x86_64/x86_64.h"

enum { VECTOR = 0x61, OTHER = 0x71 };
enum { PIT_COUNTER = 0x40, PIT_COMMAND = 0x43, PIT_ONE_SHOT = 0x30, PIT_RATE = 0x34 };
// Interrupt enable register of the UART: transmitter empty; interrupt identification.
enum { UART_IER = 0x3f9, UART_IIR = 0x3fa, TRANSMITTER = 2 };

static volatile unsigned count, others;
static struct virtio_device device;
static struct virtqueue queue;

static void on_vector(void) {
  count++;
}

// Without the acknowledgement it would come again before another instruction.
static void on_other(void) {
  others++;
  virtio_acknowledge(&device);
}

static void open(void) {
  unmask_interrupts();
  for (unsigned i = 0; i < 8; i++) pause();
  mask_interrupts();
}

static uint64_t entry_of(uint64_t flags) {
  return (uint64_t)apic_id() << 56 | flags | VECTOR;
}

static void test_registers(void) {
  struct ioapic ioapic;
  tap_note("registers");
  for (unsigned i = 0; ioapic_find(i, &ioapic); i++) {
    tap_equal(ioapic.first_interrupt, 24 * i, "I/O APIC %u: its first interrupt", i);
    tap_equal(ioapic.pins, 24, "its pins");
    uint32_t version = ioapic_read(&ioapic, IOAPIC_VERSION);
    tap_ok((version & 0xff) == 0x11 || (version & 0xff) == 0x20, "its version");
    uint32_t id = ioapic_read(&ioapic, IOAPIC_ID);
    ioapic_write(&ioapic, IOAPIC_ID, UINT32_MAX);
    tap_equal(ioapic_read(&ioapic, IOAPIC_ID), 0x0f000000, "its id has four bits");
    ioapic_write(&ioapic, IOAPIC_ID, id);
    tap_equal(ioapic_read(&ioapic, 0x0f), 0, "a register that there is not reads as 0");
    unsigned good = 0;
    for (unsigned pin = 0; pin < ioapic.pins; pin++) {
      ioapic_set_entry(ioapic.first_interrupt + pin, ~0ul);
      uint64_t ones = ioapic_entry(ioapic.first_interrupt + pin);
      ioapic_set_entry(ioapic.first_interrupt + pin, IOAPIC_MASKED);
      // Reserved bits are not looked at.
      good += (ones & 0xff0000000001ffff) == 0xff0000000001afff && ioapic_entry(ioapic.first_interrupt + pin) == IOAPIC_MASKED;
    }
    tap_equal(good, 24, "entries have the bits that can be written");
  }
  tap_ok(ioapic_find(1, &ioapic) && !ioapic_find(2, &ioapic), "there are two");
}

// Interrupt 2 once, by the end of a count of the PIT.
static void pulse(void) {
  out8(PIT_COMMAND, PIT_ONE_SHOT);
  out8(PIT_COUNTER, 100);
  out8(PIT_COUNTER, 0);
}

static void wait_until_low(void) {
  for (unsigned i = 0; i < 100000; i++) pause();
}

static void test_edges(void) {
  tap_note("edges");
  count = 0;
  ioapic_set_entry(2, entry_of(0));
  pulse();
  while (count == 0) wait_for_interrupt();
  wait_until_low();
  open();
  tap_equal(count, 1, "the PIT's edge comes once");
  // Nothing is printed until the UART is quiet again.
  out8(UART_IER, 0);
  uart_flush();
  ioapic_set_entry(UART_INTERRUPT, entry_of(0));
  count = 0;
  out8(UART_IER, TRANSMITTER);
  open();
  unsigned first = count;
  open();
  unsigned second = count, why = in8(UART_IIR) & 15;
  out8(UART_IER, 0);
  out8(UART_IER, TRANSMITTER);
  open();
  unsigned third = count;
  out8(UART_IER, 0);
  ioapic_set_entry(UART_INTERRUPT, IOAPIC_MASKED);
  tap_equal(first, 1, "the UART's too");
  tap_equal(second, 1, "its line is high, and it does not come again");
  tap_equal(why, 2, "the UART says why");
  tap_equal(third, 2, "a new edge comes");
}

// What ends an interrupt at the device.
static unsigned quiet_after;

static void on_level(void) {
  if (++count >= quiet_after) virtio_acknowledge(&device);
}

// One request; its interrupt.
static void request(void) {
  static uint8_t bytes[8];
  struct virtio_buffer buffer = {bytes, sizeof bytes, true};
  virtqueue_do(&queue, &buffer, 1);
  while (!virtio_read(&device, VIRTIO_INTERRUPT_STATUS)) {}
}

static void test_levels(void) {
  tap_note("levels");
  if (!virtio_find(VIRTIO_RNG, 0, &device)) tap_bail_out("there is no virtio-rng");
  virtio_negotiate(&device, VIRTIO_VERSION_1);
  if (!virtio_queue(&device, &queue, 0, 8)) tap_bail_out("the queue does not become ready");
  virtio_start(&device);
  set_handler(VECTOR, on_level);
  ioapic_set_entry(device.interrupt, entry_of(IOAPIC_LEVEL));
  count = 0;
  quiet_after = 1;
  request();
  tap_ok(apic_bit(APIC_IRR, VECTOR), "it is requested");
  tap_ok(ioapic_entry(device.interrupt) & IOAPIC_REMOTE_IRR, "remote IRR is set");
  open();
  tap_equal(count, 1, "it comes once when it is acknowledged");
  tap_ok(!(ioapic_entry(device.interrupt) & IOAPIC_REMOTE_IRR), "remote IRR is clear");
  count = 0;
  quiet_after = 4;
  request();
  open();
  tap_equal(count, 4, "it comes until it is");
  count = 0;
  quiet_after = 1;
  ioapic_set_entry(device.interrupt, entry_of(IOAPIC_LEVEL | IOAPIC_MASKED));
  request();
  open();
  tap_equal(count, 0, "masked: it does not");
  ioapic_set_entry(device.interrupt, entry_of(IOAPIC_LEVEL));
  open();
  tap_equal(count, 1, "unmasked: it does, once");
  request();
  tap_ok(apic_bit(APIC_TMR, VECTOR), "the local APIC knows that it is a level");
  open();
}

static void want_transmitter(void) {
  out8(UART_IER, TRANSMITTER);
}

static void test_destinations(void) {
  tap_note("destinations");
  set_handler(OTHER, on_other);
  quiet_after = 1;
  count = 0;
  ioapic_set_entry(device.interrupt, (uint64_t)(apic_id() + 1) << 56 | IOAPIC_LEVEL | VECTOR);
  request();
  open();
  tap_equal(count, 0, "an id that nobody has");
  virtio_acknowledge(&device);
  apic_write(APIC_DFR, UINT32_MAX);
  apic_write(APIC_LDR, 0x02000000);
  ioapic_set_entry(device.interrupt, 0x06ul << 56 | IOAPIC_LOGICAL | IOAPIC_LEVEL | VECTOR);
  request();
  open();
  tap_equal(count, 1, "logical");
  ioapic_set_entry(device.interrupt, 0x02ul << 56 | IOAPIC_LOGICAL | IOAPIC_LEVEL | 1 << 8 | VECTOR);
  request();
  open();
  tap_equal(count, 2, "lowest priority");
  ioapic_set_entry(device.interrupt, (uint64_t)apic_id() << 56 | IOAPIC_LEVEL | OTHER);
  request();
  open();
  tap_equal(others, 1, "another vector");
  ioapic_set_entry(device.interrupt, IOAPIC_MASKED);
  ioapic_set_entry(UART_INTERRUPT, (uint64_t)apic_id() << 56 | 4 << 8);
  struct taken taken = {0};
  bool ended = guarded(&taken, want_transmitter, 0, 0, 0);
  tap_ok(ended && taken.frame.vector == NMI, "an NMI, whatever the vector");
  ioapic_set_entry(UART_INTERRUPT, IOAPIC_MASKED);
  out8(UART_IER, 0);
}

void tests(void) {
  apic_init();
  set_handler(VECTOR, on_vector);
  test_registers();
  test_edges();
  test_levels();
  test_destinations();
}
