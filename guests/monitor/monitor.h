// Commands of the monitor: words[0] is the command's name.
#pragma once
#include "../aarch64/exception.h"
#include <stdbool.h>

struct command {
  const char *name, *arguments, *help;
  void (*run)(int count, char **words);
};

void show_cpus(int count, char **words);
void show_memory(int count, char **words);
void show_interrupts(int count, char **words);
void show_timer(int count, char **words);
void show_devices(int count, char **words);
void peek(int count, char **words);
void poke(int count, char **words);
void cause_fault(int count, char **words);
void bench(int count, char **words);

// Name, syndrome and addresses in one line.
void print_fault(const struct frame *fault);
// Whether Ctrl-C was pressed while a command runs.
bool interrupted(void);
