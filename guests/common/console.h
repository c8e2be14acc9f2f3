// Input of the console by interrupt; put_character is in print.h, get_character in line.h.
#pragma once
#include <stdbool.h>

// Takes input from now on; interrupts are to be unmasked by the program.
void console_init_input(void);
// Whether Ctrl-C has come since the last call; input before it is dropped.
bool console_take_break(void);

// For the driver: keeps a character; false if there is no room.
bool console_received(char character);
bool console_is_full(void);
// Of the driver: takes what has come meanwhile, there is room again. Called with interrupts masked.
void console_resume(void);
