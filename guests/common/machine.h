// What the runtime of each architecture gives to programs that share the rest.
#pragma once

// Sends what is still to be sent to the console and turns the machine off.
void machine_off(void) __attribute__((noreturn));
