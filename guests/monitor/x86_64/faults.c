#include "../../common/machine.h"
#include "../../common/print.h"
#include "../../common/text.h"
#include "../../x86_64/exception.h"
#include "../../x86_64/x86_64.h"
#include "../monitor.h"

static struct taken last;

void print_fault(void) {
  unsigned vector = (unsigned)last.frame.vector;
  print("%s %s: error 0x%lx, ", exception_name(vector), exception_mnemonic(vector), last.frame.error);
  if (vector == PAGE_FAULT) print("CR2 0x%lx, ", last.cr2);
  print("RIP 0x%lx\n", last.frame.rip);
}

static uint32_t value_read;

static void read(uint64_t address) {
  value_read = device_read32(address);
}

static void write(uint64_t address, uint64_t value) {
  device_write32(address, (uint32_t)value);
}

// Interrupts would end a guarded call too.
static bool attempt(void (*function)(), uint64_t a, uint64_t b) {
  machine_mask_interrupts();
  bool fault = guarded(&last, function, a, b, 0);
  machine_unmask_interrupts();
  return !fault;
}

bool try_read(uint64_t address, uint32_t *value) {
  bool good = attempt(read, address, 0);
  *value = value_read;
  return good;
}

bool try_write(uint64_t address, uint32_t value) {
  return attempt(write, address, value);
}

// A fault that no command expects: prints it and goes back to the prompt.
void on_fault(const struct frame *frame) {
  last = (struct taken){.frame = *frame, .cr2 = read_control("cr2")};
  print("\nCPU %u: ", cpu_index());
  print_fault();
  print("CS 0x%02lx, SS 0x%02lx, RFLAGS 0x%08lx\n", frame->cs, frame->ss, frame->rflags);
  print("RAX 0x%016lx  RBX 0x%016lx  RCX 0x%016lx\n", frame->rax, frame->rbx, frame->rcx);
  print("RDX 0x%016lx  RSI 0x%016lx  RDI 0x%016lx\n", frame->rdx, frame->rsi, frame->rdi);
  print("RBP 0x%016lx  RSP 0x%016lx  R8  0x%016lx\n", frame->rbp, frame->rsp, frame->r8);
  print("R9  0x%016lx  R10 0x%016lx  R11 0x%016lx\n", frame->r9, frame->r10, frame->r11);
  print("R12 0x%016lx  R13 0x%016lx  R14 0x%016lx\n", frame->r12, frame->r13, frame->r14);
  print("R15 0x%016lx\n", frame->r15);
  if (cpu_index() != 0) {
    for (;;) wait_for_interrupt();
  }
  back_to_prompt();
}

static void undefined(void) {
  __asm__ volatile("ud2");
}

static void page(void) {
  *(volatile uint32_t *)0x123456789000;
}

static void divide(void) {
  __asm__ volatile("xor %%ecx, %%ecx\n\tdiv %%ecx" ::: "rax", "rcx", "rdx", "cc");
}

static void canonical(void) {
  uint32_t value;
  __asm__ volatile("mov (%1), %0" : "=r"(value) : "r"(0xdead0000000000ul));
}

static void breakpoint(void) {
  __asm__ volatile("int3");
}

static void segment(void) {
  __asm__ volatile("mov %0, %%ds" ::"r"(0x7f8));
}

static const struct {
  const char *name, *help;
  void (*cause)(void);
} kinds[] = {
    {"undefined", "UD2", undefined},
    {"page", "load from where nothing is mapped", page},
    {"canonical", "load from an address that is none", canonical},
    {"divide", "division by 0", divide},
    {"int3", "INT3", breakpoint},
    {"segment", "selector behind the table", segment},
};
enum { KINDS = sizeof kinds / sizeof *kinds };

void cause_fault(int count, char **words) {
  if (count < 2) {
    for (unsigned i = 0; i < KINDS; i++) print("  fault %-10s %s\n", kinds[i].name, kinds[i].help);
    return;
  }
  for (unsigned i = 0; i < KINDS; i++) {
    if (!text_equal(words[1], kinds[i].name)) continue;
    if (attempt(kinds[i].cause, 0, 0)) print("No fault came.\n");
    else print_fault();
    return;
  }
  print("There is no fault \"%s\"; type fault.\n", words[1]);
}
