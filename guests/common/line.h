// Input of a line with editing.
#pragma once
#include <stdbool.h>

#define LINE_SIZE 128

// Waits for a character from the console, after console_init_input.
char get_character(void);

// Reads a line into `line`, echoing it: Backspace, Ctrl-U deletes all, Ctrl-C gives up (false),
// the arrows up and down go through the lines before.
bool read_line(char line[LINE_SIZE]);
