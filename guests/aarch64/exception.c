#include "exception.h"
#include "aarch64.h"
#include "gic.h"

enum { VECTOR_SYNCHRONOUS = 4, VECTOR_IRQ = 5 };
enum { INSTRUCTION_ABORT = 0x21 };

static bool armed[MAX_CPUS], taken[MAX_CPUS];
static struct frame expected[MAX_CPUS];
// Guarded calls: where an exception is put, null outside of them, and where the call ends.
static struct taken *volatile guards[MAX_CPUS];
static struct context ends[MAX_CPUS];

const char *exception_name(uint64_t esr) {
  switch (esr >> 26 & 63) {
    case 0x00: return "undefined instruction";
    case 0x07: return "access to FP or SIMD";
    case 0x0e: return "illegal execution state";
    case 0x15: return "supervisor call";
    case 0x16: return "hypervisor call";
    case 0x18: return "trapped system register";
    case 0x21: return "instruction abort";
    case 0x22: return "misaligned pc";
    case 0x25: return "data abort";
    case 0x26: return "misaligned sp";
    case 0x3c: return "breakpoint instruction";
    default: return "exception";
  }
}

bool exception_has_address(uint64_t esr) {
  unsigned exception_class = esr >> 26 & 63;
  return exception_class == 0x21 || exception_class == 0x22 || exception_class == 0x25;
}

void expect_fault(void) {
  unsigned cpu = cpu_index();
  taken[cpu] = false;
  armed[cpu] = true;
  __asm__ volatile("" ::: "memory");
}

bool expected_fault(struct frame *fault) {
  unsigned cpu = cpu_index();
  // An asynchronous fault of an access before would come here.
  __asm__ volatile("dsb sy\n\tisb" ::: "memory");
  armed[cpu] = false;
  if (taken[cpu]) *fault = expected[cpu];
  return taken[cpu];
}

static bool has_pan(void) {
  return (read_register("id_aa64mmfr1_el1") >> 20 & 15) != 0;
}

bool guarded(struct taken *taken, void (*function)(), uint64_t a, uint64_t b, uint64_t c) {
  unsigned cpu = cpu_index();
  uint64_t daif = read_register("daif"), pan = has_pan() ? read_register(PAN) : 0;
  bool ended = save_context(&ends[cpu]);
  if (!ended) {
    guards[cpu] = taken;
    function(a, b, c);
  }
  guards[cpu] = 0;
  write_register("daif", daif);
  if (has_pan()) write_register(PAN, pan);
  return ended;
}

// Called by vectors.S.
void exception(struct frame *frame, unsigned vector) {
  unsigned cpu = cpu_index();
  struct taken *taken_here = guards[cpu];
  if (taken_here) {
    *taken_here = (struct taken){vector, frame->esr, frame->far, frame->elr, frame->spsr, read_register("daif"), has_pan() ? read_register(PAN) : 0};
    guards[cpu] = 0;
    restore_context(&ends[cpu], 1);
  } else if (vector == VECTOR_IRQ) {
    gic_interrupt();
  } else if (vector == VECTOR_SYNCHRONOUS && armed[cpu]) {
    unsigned exception_class = frame->esr >> 26 & 63;
    expected[cpu] = *frame;
    taken[cpu] = true;
    if (exception_class == INSTRUCTION_ABORT) frame->elr = frame->x[30];
    else if (exception_class < 0x11 || exception_class > 0x17) frame->elr += 4; // SVC, HVC, SMC: already behind
  } else {
    on_fault(frame, vector);
  }
}
