// 16550 UART (National Semiconductor PC16550D): console of the program. put_character and
// console_init_input are here.
#pragma once

enum { UART_INTERRUPT = 4 };

// Output works from now on.
void uart_init(void);
// Waits until all is sent.
void uart_flush(void);
