#include "programs.h"
#include "../common/tap.h"
#include "descriptors.h"
#include "paging.h"

enum { MOST_PAGES = 0x80, STACK = 4096 };
// By image.ld.
extern char programs_start[], programs_end[];
static uint8_t supervisor_stack[STACK] __attribute__((aligned(4096))), user_stack[STACK] __attribute__((aligned(4096)));

void programs_init(void) {
  unsigned first = (USER_PROGRAMS - WINDOW) / PAGE_BYTES, count = (unsigned)(programs_end - programs_start) / PAGE_BYTES;
  for (unsigned i = 0; i < count && i < MOST_PAGES; i++) {
    map_page(first + i, ((uintptr_t)programs_start + i * PAGE_BYTES) | PRESENT | USER);
  }
  map_page((USER_DATA_PAGE - WINDOW) / PAGE_BYTES, (uintptr_t)data | PRESENT | WRITABLE | USER | NO_EXECUTE);
  map_page((USER_STACK_TOP - 1 - WINDOW) / PAGE_BYTES, (uintptr_t)user_stack | PRESENT | WRITABLE | USER | NO_EXECUTE);
  set_gate(DONE, USER_GATE, 0);
}

uint64_t program_address(enum mode mode, uint64_t address) {
  return mode == SUPERVISOR ? address : address - (uintptr_t)programs_start + USER_PROGRAMS;
}

struct frame program_frame(struct program program, enum mode mode) {
  struct frame frame = {0};
  frame.rip = program_address(mode, program.start);
  frame.rflags = RFLAGS_FIXED;
  frame.cs = mode == SUPERVISOR ? CODE_64 : mode == USER_64 ? USER_CODE_64 : USER_CODE_32;
  frame.ss = mode == SUPERVISOR ? DATA : USER_DATA;
  frame.rsp = mode == SUPERVISOR ? (uintptr_t)&supervisor_stack[STACK] : USER_STACK_TOP;
  frame.rdi = mode == SUPERVISOR ? (uintptr_t)data : USER_DATA_PAGE;
  return frame;
}

struct taken program_run(const struct frame *frame) {
  struct taken taken = {0};
  guarded(&taken, enter, (uintptr_t)frame, 0, 0);
  return taken;
}

struct taken check_from(const char *name, const struct frame *frame, uint64_t at, unsigned vector, uint64_t error) {
  struct taken taken = program_run(frame);
  bool good = taken.frame.vector == vector && taken.frame.error == error && (vector == DONE || taken.frame.rip == at);
  if (vector == DONE) tap_ok(good, "%s", name);
  else if (error) tap_ok(good, "%s: %s(0x%lx)", name, exception_mnemonic(vector), error);
  else tap_ok(good, "%s: %s", name, exception_mnemonic(vector));
  if (!good) {
    tap_note("vector %lu, error 0x%lx, RIP %ld from where it should be", taken.frame.vector, taken.frame.error, taken.frame.rip - at);
  }
  return taken;
}

struct taken check(const char *name, enum mode mode, struct program program, unsigned vector, uint64_t error) {
  struct frame frame = program_frame(program, mode);
  return check_from(name, &frame, program_address(mode, program.at), vector, error);
}
