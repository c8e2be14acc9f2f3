#include "uart.h"
#include "../common/print.h"
#include "x86_64.h"

// COM1.
enum { PORT = 0x3f8 };
enum { THR = PORT, IER = PORT + 1, FCR = PORT + 2, LCR = PORT + 3, MCR = PORT + 4, LSR = PORT + 5 };
enum { FCR_ENABLE_CLEAR = 0x07, LCR_8BIT = 3, MCR_DTR_RTS_OUT2 = 0x0b };
enum { LSR_THR_EMPTY = 1 << 5, LSR_EMPTY = 1 << 6 };

void uart_init(void) {
  out8(IER, 0);
  out8(LCR, LCR_8BIT);
  out8(FCR, FCR_ENABLE_CLEAR);
  out8(MCR, MCR_DTR_RTS_OUT2);
}

void uart_flush(void) {
  while (!(in8(LSR) & LSR_EMPTY)) {}
}

void put_character(char character) {
  while (!(in8(LSR) & LSR_THR_EMPTY)) {}
  out8(THR, (uint8_t)character);
}
