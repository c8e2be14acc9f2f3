#include "../monitor.h"
#include "../../aarch64/aarch64.h"
#include "../../aarch64/exception.h"
#include "../../common/print.h"
#include "../../common/text.h"

static struct frame last;

void print_fault(void) {
  print("%s: ESR 0x%08lx (EC 0x%02lx, ISS 0x%07lx), ", exception_name(last.esr), last.esr, last.esr >> 26 & 63,
        last.esr & 0x1ffffff);
  if (exception_has_address(last.esr)) print("FAR 0x%lx, ", last.far);
  print("ELR 0x%lx\n", last.elr);
}

bool try_read(uint64_t address, uint32_t *value) {
  expect_fault();
  *value = read32(address);
  return !expected_fault(&last);
}

bool try_write(uint64_t address, uint32_t value) {
  expect_fault();
  write32(address, value);
  return !expected_fault(&last);
}

// A fault that no command expects: prints it and goes back to the prompt.
void on_fault(const struct frame *frame, unsigned vector) {
  last = *frame;
  print("\nCPU %u: ", cpu_index());
  print_fault();
  print("vector %u, SPSR 0x%08lx\n", vector, frame->spsr);
  for (unsigned i = 0; i < 31; i++) print("x%-2u 0x%016lx%s", i, frame->x[i], i % 3 == 2 ? "\n" : "  ");
  print("\n");
  if (cpu_index() != 0) {
    for (;;) wait_for_interrupt();
  }
  back_to_prompt();
}

static void undefined(void) {
  __asm__ volatile("udf #42");
}

// Above the 39 bits of address that there are.
static void data_abort(void) {
  read32(0xdead0000000000);
}

// The first GiB is not executable.
static void instruction_abort(void) {
  __asm__ volatile("mov x16, #0x09000000\n\tblr x16" ::: "x16", "x30", "memory");
}

// Exclusive loads are aligned.
static void misaligned(void) {
  static uint64_t cells[2];
  uint64_t value;
  __asm__ volatile("ldxr %0, [%1]" : "=r"(value) : "r"((uintptr_t)cells + 1) : "memory");
}

static void breakpoint(void) {
  __asm__ volatile("brk #7");
}

static void supervisor_call(void) {
  __asm__ volatile("svc #9");
}

static const struct {
  const char *name, *help;
  void (*cause)(void);
} kinds[] = {
    {"undefined", "UDF", undefined},
    {"data", "load from where nothing is mapped", data_abort},
    {"code", "jump to memory that is not executable", instruction_abort},
    {"align", "misaligned exclusive load", misaligned},
    {"brk", "BRK", breakpoint},
    {"svc", "SVC", supervisor_call},
};
enum { KINDS = sizeof kinds / sizeof *kinds };

void cause_fault(int count, char **words) {
  if (count < 2) {
    for (unsigned i = 0; i < KINDS; i++) print("  fault %-10s %s\n", kinds[i].name, kinds[i].help);
    return;
  }
  for (unsigned i = 0; i < KINDS; i++) {
    if (!text_equal(words[1], kinds[i].name)) continue;
    expect_fault();
    kinds[i].cause();
    if (expected_fault(&last)) print_fault();
    else print("No fault came.\n");
    return;
  }
  print("There is no fault \"%s\"; type fault.\n", words[1]);
}
