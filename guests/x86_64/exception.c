#include "exception.h"
#include "apic.h"
#include "x86_64.h"

static struct {
  const char *mnemonic, *name;
} names[] = {
    {"#DE", "divide error"},       {"#DB", "debug exception"},    {"NMI", "non-maskable interrupt"},
    {"#BP", "breakpoint"},         {"#OF", "overflow"},           {"#BR", "bound range"},
    {"#UD", "invalid opcode"},     {"#NM", "no x87 or SIMD"},     {"#DF", "double fault"},
    {"", ""},                      {"#TS", "invalid TSS"},        {"#NP", "segment not present"},
    {"#SS", "stack fault"},        {"#GP", "general protection"}, {"#PF", "page fault"},
    {"", ""},                      {"#MF", "x87 error"},          {"#AC", "alignment check"},
    {"#MC", "machine check"},      {"#XM", "SIMD error"},         {"", ""},
    {"#CP", "control protection"},
};
enum { NAMES = sizeof names / sizeof *names };

static void (*handlers[256])(void);
static uint32_t counts[MAX_CPUS][256];
// Guarded calls: where an exception is put, null outside of them, and where the call ends.
static struct taken *volatile guards[MAX_CPUS];
static struct context ends[MAX_CPUS];

const char *exception_name(unsigned vector) {
  return vector >= FIRST_INTERRUPT ? "interrupt" : vector < NAMES ? names[vector].name : "";
}

const char *exception_mnemonic(unsigned vector) {
  return vector >= FIRST_INTERRUPT ? "interrupt" : vector < NAMES ? names[vector].mnemonic : "";
}

void (*set_handler(unsigned vector, void (*handler)(void)))(void) {
  void (*before)(void) = handlers[vector];
  handlers[vector] = handler;
  return before;
}

uint32_t interrupt_count(unsigned cpu, unsigned vector) {
  return counts[cpu][vector];
}

static uint64_t read_flags(void) {
  uint64_t flags;
  __asm__ volatile("pushfq\n\tpop %0" : "=r"(flags));
  return flags;
}

bool guarded(struct taken *taken, void (*function)(), uint64_t a, uint64_t b, uint64_t c) {
  unsigned cpu = cpu_index();
  uint64_t flags = read_flags();
  bool ended = save_context(&ends[cpu]);
  if (!ended) {
    guards[cpu] = taken;
    function(a, b, c);
  }
  guards[cpu] = 0;
  // An exception of ring 3 leaves SS null, and its data segments.
  __asm__ volatile("mov %0, %%ss\n\tmov %0, %%ds\n\tmov %0, %%es\n\tpush %1\n\tpopfq" ::"r"(DATA), "r"(flags) : "memory", "cc");
  return ended;
}

// Called by vectors.S.
void exception(const struct frame *frame) {
  unsigned cpu = cpu_index();
  struct taken *taken = guards[cpu];
  if (taken) {
    taken->frame = *frame;
    taken->cr2 = read_control("cr2");
    taken->rflags = read_flags();
    // Behind the frame.
    taken->rsp = (uintptr_t)(frame + 1);
    __asm__ volatile("mov %%cs, %0\n\tmov %%ss, %1" : "=r"(taken->cs), "=r"(taken->ss));
    guards[cpu] = 0;
    restore_context(&ends[cpu], 1);
  }
  if (handlers[frame->vector]) {
    counts[cpu][frame->vector]++;
    handlers[frame->vector]();
    apic_end();
  } else {
    on_fault(frame);
  }
}
