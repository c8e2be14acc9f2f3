#include "uart.h"
#include "../common/console.h"
#include "../common/print.h"
#include "x86_64.h"

// COM1.
enum { PORT = 0x3f8 };
enum { RBR = PORT, THR = PORT, IER = PORT + 1, FCR = PORT + 2, LCR = PORT + 3, MCR = PORT + 4, LSR = PORT + 5 };
enum { FCR_ENABLE_CLEAR = 0x07, LCR_8BIT = 3, MCR_DTR_RTS_OUT2 = 0x0b, IER_DATA = 1 };
enum { LSR_DATA = 1 << 0, LSR_THR_EMPTY = 1 << 5, LSR_EMPTY = 1 << 6 };

void uart_init(void) {
  out8(IER, 0);
  out8(LCR, LCR_8BIT);
  out8(FCR, FCR_ENABLE_CLEAR);
  out8(MCR, MCR_DTR_RTS_OUT2);
}

// Takes what has come. A full buffer leaves the interrupt off until there is room: the sender waits.
static void receive(void) {
  while (in8(LSR) & LSR_DATA) {
    if (console_is_full()) {
      out8(IER, 0);
      return;
    }
    console_received((char)in8(RBR));
  }
}

void console_resume(void) {
  out8(IER, IER_DATA);
  receive();
}

void console_init_input(void) {
  machine_enable_interrupt(UART_INTERRUPT, receive);
  console_resume();
}

void uart_flush(void) {
  while (!(in8(LSR) & LSR_EMPTY)) {}
}

void put_character(char character) {
  while (!(in8(LSR) & LSR_THR_EMPTY)) {}
  out8(THR, (uint8_t)character);
}
