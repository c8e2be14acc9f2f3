// PL011 UART (Arm DDI 0183): console of the program. put_character and get_character are here.
#pragma once
#include <stdbool.h>

// Finds it by the device tree; output works from now on.
void pl011_init(void);
// Input by interrupt.
void pl011_init_input(void);
// 0 if there is none.
unsigned pl011_interrupt(void);
// Whether Ctrl-C has come since the last call; input before it is dropped.
bool pl011_take_break(void);
// Waits until all is sent.
void pl011_flush(void);
