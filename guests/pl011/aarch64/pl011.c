// PL011 UART (Arm DDI 0183): identification, registers, FIFOs, interrupts; loopback.
#include "../../aarch64/pl011.h"
#include "../../aarch64/cpu.h"
#include "../../aarch64/gicv3.h"
#include "../../common/arguments.h"
#include "../../common/fdt.h"
#include "../../common/machine.h"
#include "../../common/tap.h"

// The console is what is tested: what it is set to is put back before anything is printed.
enum {
  DR = 0x00,
  RSR = 0x04,
  FR = 0x18,
  ILPR = 0x20,
  IBRD = 0x24,
  FBRD = 0x28,
  LCR_H = 0x2c,
  CR = 0x30,
  IFLS = 0x34,
  IMSC = 0x38,
  RIS = 0x3c,
  MIS = 0x40,
  ICR = 0x44,
  DMACR = 0x48,
  ID = 0xfe0,
};
enum { FR_BUSY = 1 << 3, FR_RXFE = 1 << 4, FR_TXFF = 1 << 5, FR_RXFF = 1 << 6, FR_TXFE = 1 << 7 };
// CTS, DSR, DCD, RI.
enum { FR_MODEM = 0x107 };
enum { BRK = 1 << 0, FEN = 1 << 4, WLEN_8 = 3 << 5 };
enum { UARTEN = 1 << 0, LBE = 1 << 7, TXE = 1 << 8, RXE = 1 << 9, DTR = 1 << 10, RTS = 1 << 11, OUT1 = 1 << 12, OUT2 = 1 << 13 };
enum { RI = 1 << 0, CTS = 1 << 1, DCD = 1 << 2, DSR = 1 << 3, RX = 1 << 4, TX = 1 << 5, RT = 1 << 6, BE = 1 << 9, OE = 1 << 10, ALL = 0x7ff };
// Error bits of a character in DR.
enum { BREAK = 1 << 10, OVERRUN = 1 << 11 };
enum { DEPTH = 16, ON = UARTEN | TXE | RXE };

static uint64_t base;
static uint32_t interrupt;

static uint32_t get(unsigned offset) {
  return read32(base + offset);
}

static void set(unsigned offset, uint32_t value) {
  write32(base + offset, value);
}

// Whether the output of the UART is high: its interrupt is a level, not enabled.
static bool line(void) {
  barrier();
  return gicv3_bit(GIC_ISPENDR, interrupt);
}

static void test_registers(void) {
  static const uint8_t ids[8] = {0x11, 0x10, 0x14, 0x00, 0x0d, 0xf0, 0x05, 0xb1};
  static const struct {
    const char *name;
    unsigned offset;
    uint32_t initial, other;
  } stored[] = {
      {"UARTILPR", ILPR, 0, 0xa5},          {"UARTIBRD", IBRD, 0, 0xa5c3},           {"UARTFBRD", FBRD, 0, 0x2a},
      {"UARTIFLS", IFLS, 0x12, 0x24},       {"UARTIMSC", IMSC, 0, 0x7ff & ~(TX | RX)}, {"UARTDMACR", DMACR, 0, 0},
      {"UARTLCR_H", LCR_H, 0x70, 0x10 | 6}, {"UARTCR", CR, ON, ON | DTR | RTS},
  };
  tap_note("registers");
  for (unsigned i = 0; i < 8; i++) tap_equal(get(ID + 4 * i), ids[i], "identification %u", i);
  for (unsigned i = 0; i < sizeof stored / sizeof *stored; i++) {
    uint32_t initial = get(stored[i].offset);
    set(stored[i].offset, stored[i].other);
    uint32_t other = get(stored[i].offset);
    set(stored[i].offset, stored[i].initial);
    tap_equal(initial, stored[i].initial, "%s at first", stored[i].name);
    tap_equal(other, stored[i].other, "%s keeps what is written", stored[i].name);
  }
  set(ICR, ALL);
  tap_equal(get(ICR), 0, "UARTICR reads as 0");
  tap_equal(get(RSR), 0, "UARTRSR");
  tap_equal(get(FR) & ~FR_BUSY, FR_TXFE | FR_RXFE, "UARTFR");
  uint32_t before = get(FR);
  set(FR, ~before);
  tap_equal(get(FR), before, "cannot be written");
  tap_equal(device_read8(base + FR), FR_TXFE | FR_RXFE, "a byte of it");
  tap_equal(device_read16(base + IFLS), 0x12, "a halfword of UARTIFLS");
  device_write8(base + DR, '#');
  tap_note("a byte to UARTDR");
}

static void test_transmit(void) {
  tap_note("transmit interrupt");
  pl011_flush();
  set(ICR, TX);
  uint32_t before = get(RIS) & TX;
  set(DR, '#');
  pl011_flush();
  uint32_t raised = get(RIS) & TX, masked = get(MIS);
  bool low = !line();
  set(IMSC, TX);
  uint32_t shown = get(MIS);
  bool high = line();
  set(ICR, ALL & ~TX);
  uint32_t kept = get(MIS);
  set(ICR, TX);
  uint32_t cleared = get(RIS) & TX;
  bool fallen = !line();
  set(DR, '\r');
  set(DR, '\n');
  pl011_flush();
  uint32_t again = get(MIS);
  set(IMSC, 0);
  bool hidden = !line();
  tap_equal(before, 0, "none before");
  tap_equal(raised, TX, "when a character has gone");
  tap_equal(masked, 0, "masked");
  tap_ok(low, "low");
  tap_equal(shown, TX, "unmasked");
  tap_ok(high, "high");
  tap_equal(kept, TX, "UARTICR clears only what it names");
  tap_equal(cleared, 0, "cleared");
  tap_ok(fallen, "low");
  tap_equal(again, TX, "and again");
  tap_ok(hidden, "UARTIMSC hides it");

  set(ICR, TX);
  set(IMSC, TX);
  gicv3_configure(interrupt, 1, false, 0x80);
  set(DR, '#');
  wait_for_interrupt();
  unsigned taken = gicv3_take();
  bool signalled = gicv3_signalled() != 0;
  set(IMSC, 0);
  gicv3_end(taken);
  bool over = gicv3_signalled() == 0;
  write32(gicd + GIC_ICENABLER + interrupt / 32 * 4, 1u << interrupt % 32);
  tap_note("interrupts a CPU that waits");
  tap_equal(taken, interrupt, "its number");
  tap_ok(!signalled, "not again while it is active");
  tap_ok(over, "nor after it has been dealt with");
}

// Asks for `count` characters, 'a' and so on, and waits until the FIFO is full of the first ones.
static void ask(unsigned count) {
  tap_note("type %u", count);
  while (!(get(FR) & FR_RXFF)) {}
}

// Reads as many; whether they are the right ones.
static bool read(unsigned count) {
  bool good = true;
  for (unsigned i = 0; i < count; i++) {
    while (get(FR) & FR_RXFE) {}
    if (get(DR) != (uint32_t)('a' + i)) good = false;
  }
  return good;
}

static void test_receive(void) {
  tap_note("receive");
  ask(20);
  tap_equal(get(RIS) & RX, RX, "full: interrupt");
  tap_equal(get(FR) & (FR_RXFE | FR_RXFF), FR_RXFF, "full");
  tap_ok(!line(), "masked");
  set(IMSC, RX);
  tap_ok(line(), "unmasked");
  set(IMSC, 0);
  tap_ok(read(20), "what did not fit waited, in order");
  tap_equal(get(FR) & (FR_RXFE | FR_RXFF), FR_RXFE, "empty");
  tap_equal(get(RIS) & (RX | OE), 0, "empty: no interrupt, and there was no overrun");

  ask(DEPTH);
  set(LCR_H, WLEN_8 | FEN | 4);
  set(LCR_H, WLEN_8 | FEN);
  tap_ok(read(DEPTH), "UARTLCR_H keeps what is in the FIFO");
  set(IMSC, RX | TX);
  set(ICR, TX);
  ask(DEPTH);
  bool good = read(DEPTH);
  tap_ok(good && line(), "an empty receiver leaves the transmitter's interrupt");
  set(IMSC, 0);
  ask(DEPTH);
  set(LCR_H, WLEN_8);
  uint32_t flags = get(FR);
  set(LCR_H, WLEN_8 | FEN);
  tap_equal(flags & (FR_RXFE | FR_RXFF), FR_RXFE, "a change of FEN empties the FIFO");

  set(LCR_H, WLEN_8);
  ask(2);
  uint32_t raw = get(RIS) & RX;
  good = read(2);
  set(LCR_H, WLEN_8 | FEN);
  tap_equal(raw, RX, "without FIFOs, one character fills the receiver");
  tap_ok(good, "and the next waits");
}

static void begin(uint32_t control) {
  pl011_flush();
  set(CR, control | LBE);
  set(ICR, ALL);
}

static void end(void) {
  set(LCR_H, WLEN_8);
  set(LCR_H, WLEN_8 | FEN);
  set(CR, ON);
  set(ICR, ALL);
  set(RSR, 0);
}

static void test_loopback(void) {
  tap_note("loopback");
  begin(ON);
  set(DR, 'x');
  uint32_t flags = get(FR), raw = get(RIS), value = get(DR), after = get(RIS);
  end();
  tap_equal(flags & (FR_RXFE | FR_RXFF), 0, "what is sent is received");
  tap_equal(raw & (RX | RT | OE), RX | RT, "receive interrupt, and nothing follows");
  tap_equal(value, 'x', "the character");
  tap_equal(after & (RX | RT), 0, "both end when it is read");

  begin(ON);
  for (unsigned i = 0; i < DEPTH + 2; i++) set(DR, 'a' + i);
  flags = get(FR);
  raw = get(RIS);
  uint32_t status = get(RSR);
  bool good = true;
  for (unsigned i = 0; i < DEPTH; i++) {
    if (get(DR) != (uint32_t)('a' + i)) good = false;
  }
  set(DR, 'z');
  value = get(DR);
  uint32_t sticky = get(RSR);
  set(RSR, 0xff);
  uint32_t cleared = get(RSR);
  uint32_t latched = get(RIS);
  end();
  tap_equal(flags & (FR_RXFE | FR_RXFF), FR_RXFF, "full");
  tap_equal(raw & OE, OE, "overrun interrupt");
  tap_equal(status, 8, "UARTRSR says overrun");
  tap_ok(good, "what is in the FIFO stays");
  tap_equal(value, OVERRUN | 'z', "the next character has the mark");
  tap_equal(sticky, 8, "UARTRSR keeps it");
  tap_equal(cleared, 0, "until it is cleared");
  tap_equal(latched & OE, OE, "the interrupt is not");

  begin(ON);
  set(LCR_H, WLEN_8 | FEN | BRK);
  raw = get(RIS);
  value = get(DR);
  status = get(RSR);
  set(LCR_H, WLEN_8 | FEN);
  uint32_t empty = get(FR) & FR_RXFE;
  end();
  tap_equal(raw & BE, BE, "break: interrupt");
  tap_equal(value, BREAK, "a character of zeros with the mark");
  tap_equal(status, 4, "UARTRSR says break");
  tap_equal(empty, FR_RXFE, "one only");

  begin(UARTEN | TXE);
  set(DR, 'x');
  flags = get(FR);
  end();
  tap_equal(flags & FR_RXFE, FR_RXFE, "nothing is received while RXE is 0");
}

static void test_modem(void) {
  static const struct {
    const char *name;
    uint32_t output, flag, interrupt;
  } lines[] = {{"RTS is CTS", RTS, 1 << 0, CTS}, {"DTR is DSR", DTR, 1 << 1, DSR}, {"Out1 is DCD", OUT1, 1 << 2, DCD}, {"Out2 is RI", OUT2, 1 << 8, RI}};
  tap_note("modem lines in loopback");
  tap_equal(get(FR) & FR_MODEM, 0, "all off before");
  for (unsigned i = 0; i < sizeof lines / sizeof *lines; i++) {
    begin(ON);
    set(CR, ON | LBE | lines[i].output);
    uint32_t flags = get(FR), raw = get(RIS);
    set(ICR, ALL);
    set(CR, ON | LBE);
    uint32_t off = get(FR), fallen = get(RIS);
    end();
    tap_equal(flags & FR_MODEM, lines[i].flag, "%s", lines[i].name);
    tap_equal(raw & (RI | CTS | DCD | DSR), lines[i].interrupt, "its interrupt");
    tap_equal(off & FR_MODEM, 0, "off");
    tap_equal(fallen & (RI | CTS | DCD | DSR), lines[i].interrupt, "its interrupt");
  }
}

void tests(void) {
  struct fdt_node node;
  uint64_t size;
  char part[16];
  gicv3_init();
  gicv3_init_cpu();
  if (!fdt_find_compatible("arm,pl011", &node) || !fdt_reg(&node, 0, &base, &size)) tap_bail_out("there is no PL011");
  fdt_interrupt(&node, 0, &interrupt);
  if (argument_text("tests", part, sizeof part) && listed(part, "loopback")) {
    test_loopback();
    test_modem();
    return;
  }
  tap_equal(interrupt, 33, "interrupt");
  test_registers();
  test_transmit();
  test_receive();
}
