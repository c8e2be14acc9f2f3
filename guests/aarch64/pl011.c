#include "pl011.h"
#include "../common/console.h"
#include "../common/fdt.h"
#include "../common/print.h"
#include "aarch64.h"
#include "gic.h"

enum { DR = 0x00, FR = 0x18, LCR_H = 0x2c, CR = 0x30, IFLS = 0x34, IMSC = 0x38, ICR = 0x44 };
enum { FR_BUSY = 1 << 3, FR_RXFE = 1 << 4, FR_TXFF = 1 << 5 };
enum { LCR_H_8BIT = 3 << 5, LCR_H_FEN = 1 << 4, CR_UARTEN_TXE_RXE = 0x301, IFLS_RX_1_8 = 0 << 3, RX_AND_TIMEOUT = 1 << 4 | 1 << 6 };

// Where the board's PL011 is until the device tree is read.
static uint64_t base = 0x09000000;
static uint32_t interrupt;

// Takes what has come. A full buffer leaves the interrupt masked until there is room: the sender waits.
// The interrupt is cleared before the last look at the FIFO: one that comes after it stays pending.
static void receive(void) {
  write32(base + ICR, RX_AND_TIMEOUT);
  while (!(read32(base + FR) & FR_RXFE)) {
    if (console_is_full()) {
      write32(base + IMSC, 0);
      return;
    }
    console_received((char)read32(base + DR));
  }
}

void pl011_init(void) {
  struct fdt_node node;
  uint64_t address, size;
  if (fdt_find_compatible("arm,pl011", &node)) {
    if (fdt_reg(&node, 0, &address, &size)) base = address;
    fdt_interrupt(&node, 0, &interrupt);
  }
  write32(base + IMSC, 0);
  receive(); // a change of FEN empties the FIFO
  write32(base + LCR_H, LCR_H_8BIT | LCR_H_FEN);
  write32(base + CR, CR_UARTEN_TXE_RXE);
}

void console_resume(void) {
  write32(base + IMSC, RX_AND_TIMEOUT);
  receive();
}

void console_init_input(void) {
  write32(base + IFLS, IFLS_RX_1_8);
  if (interrupt != 0) gic_enable(interrupt, receive);
  console_resume();
}

unsigned pl011_interrupt(void) {
  return interrupt;
}

void pl011_flush(void) {
  while (read32(base + FR) & FR_BUSY) {}
}

void put_character(char character) {
  while (read32(base + FR) & FR_TXFF) {}
  write32(base + DR, (uint8_t)character);
}
