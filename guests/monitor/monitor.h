// Commands of the monitor: words[0] is the command's name.
#pragma once
#include <stdbool.h>
#include <stdint.h>

struct command {
  const char *name, *arguments, *help;
  void (*run)(int count, char **words);
};

void show_memory(int count, char **words);
void peek(int count, char **words);
void poke(int count, char **words);
void show_timer(int count, char **words);
void bench(int count, char **words);
// Of each architecture.
void show_cpus(int count, char **words);
void show_interrupts(int count, char **words);
void show_devices(int count, char **words);
void cause_fault(int count, char **words);

// Whether Ctrl-C was pressed while a command runs.
bool interrupted(void);
// Ends a command that has met a fault.
void back_to_prompt(void) __attribute__((noreturn));
// "network card" for the device id of virtio.
const char *virtio_name(uint32_t id);

// Of each architecture: its name, and where the machine's description comes from.
extern const char architecture[], description[], devices_help[];
// Starts the interrupt controller: its name, null if there is none.
const char *start_interrupts(void);
// What describes the machine in memory; false if that is not in RAM.
bool description_place(uint64_t *start, uint64_t *size);
// One access; false if there was a fault, which print_fault prints in a line: its name and addresses.
bool try_read(uint64_t address, uint32_t *value);
bool try_write(uint64_t address, uint32_t value);
void print_fault(void);
// A loop of so many instructions each time.
extern const unsigned loop_instructions;
void loop(uint64_t iterations);
