// PL011 UART (Arm DDI 0183): console of the program. put_character and console_init_input are here.
#pragma once

// Finds it by the device tree; output works from now on.
void pl011_init(void);
// 0 if there is none.
unsigned pl011_interrupt(void);
// Waits until all is sent.
void pl011_flush(void);
