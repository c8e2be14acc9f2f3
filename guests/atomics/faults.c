// Atomic accesses that are misaligned or go where nothing is.
#include "../aarch64/exception.h"
#include "atomics.h"

enum { ALIGNMENT = 0x21, TRANSLATION = 0x04 };

static uint64_t cells[4] __attribute__((aligned(64)));

static void ldxr_misaligned(void) { __asm__ volatile("ldxr x0, [%0]" ::"r"((uintptr_t)cells + 4) : "x0", "memory"); }
static void ldxp_misaligned(void) { __asm__ volatile("ldxp x0, x1, [%0]" ::"r"((uintptr_t)cells + 8) : "x0", "x1", "memory"); }
static void ldadd_misaligned(void) { __asm__ volatile("ldadd x0, x0, [%0]" ::"r"((uintptr_t)cells + 4) : "x0", "memory"); }
static void cas_misaligned(void) { __asm__ volatile("cas x0, x0, [%0]" ::"r"((uintptr_t)cells + 1) : "x0", "memory"); }
static void casp_misaligned(void) { __asm__ volatile("casp x0, x1, x0, x1, [%0]" ::"r"((uintptr_t)cells + 8) : "x0", "x1", "memory"); }
static void ldar_misaligned(void) { __asm__ volatile("ldar x0, [%0]" ::"r"((uintptr_t)cells + 2) : "x0", "memory"); }
static void stlr_misaligned(void) { __asm__ volatile("stlr xzr, [%0]" ::"r"((uintptr_t)cells + 2) : "memory"); }
static void ldadd_nowhere(void) { __asm__ volatile("ldadd x0, x0, [%0]" ::"r"(1ul << 40) : "x0", "memory"); }
static void stadd_nowhere(void) { __asm__ volatile("stadd x0, [%0]" ::"r"(1ul << 40) : "x0", "memory"); }
static void ldxr_nowhere(void) { __asm__ volatile("ldxr x0, [%0]" ::"r"(1ul << 40) : "x0", "memory"); }

static const struct {
  const char *name;
  void (*run)(void);
  unsigned status;
} rows[] = {
    {"misaligned ldxr", ldxr_misaligned, ALIGNMENT},
    {"misaligned ldxp", ldxp_misaligned, ALIGNMENT},
    {"misaligned ldadd", ldadd_misaligned, ALIGNMENT},
    {"misaligned cas", cas_misaligned, ALIGNMENT},
    {"misaligned casp", casp_misaligned, ALIGNMENT},
    {"misaligned ldar", ldar_misaligned, ALIGNMENT},
    {"misaligned stlr", stlr_misaligned, ALIGNMENT},
    {"ldadd to nowhere", ldadd_nowhere, TRANSLATION},
    {"stadd to nowhere", stadd_nowhere, TRANSLATION},
    {"ldxr from nowhere", ldxr_nowhere, TRANSLATION},
};

void test_faults(void) {
  tap_note("faults");
  cells[0] = cells[1] = 5;
  for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct frame fault;
    expect_fault();
    rows[i].run();
    bool taken = expected_fault(&fault);
    // A data abort at EL1; the level of a translation fault does not count here.
    unsigned status = fault.esr & (rows[i].status == ALIGNMENT ? 0x3f : 0x3c);
    tap_ok(taken && fault.esr >> 26 == 0x25 && status == rows[i].status, "%s", rows[i].name);
    tap_note("ESR 0x%lx", fault.esr);
  }
  tap_ok(cells[0] == 5 && cells[1] == 5 && cells[2] == 0, "memory is as it was");
}
