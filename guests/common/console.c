#include "console.h"
#include "line.h"
#include "machine.h"

enum { CTRL_C = 3, BUFFER = 256 };

// Input between the driver's interrupt handler, which advances `head`, and the reader, which advances `tail`.
static volatile char buffer[BUFFER];
static volatile unsigned head, tail;
static volatile bool broken;

bool console_is_full(void) {
  return head - tail == BUFFER;
}

bool console_received(char character) {
  if (console_is_full()) return false;
  if (character == CTRL_C) broken = true;
  buffer[head % BUFFER] = character;
  head++;
  return true;
}

bool console_take_break(void) {
  if (!broken) return false;
  machine_mask_interrupts();
  tail = head;
  broken = false;
  console_resume();
  machine_unmask_interrupts();
  return true;
}

char get_character(void) {
  broken = false;
  machine_mask_interrupts();
  while (head == tail) machine_wait_for_interrupt();
  char character = buffer[tail % BUFFER];
  if (head - tail++ == BUFFER) console_resume();
  machine_unmask_interrupts();
  return character;
}
