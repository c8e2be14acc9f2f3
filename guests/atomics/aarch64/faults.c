// Atomic accesses that are misaligned or go where nothing is.
#include "../../aarch64/exception.h"
#include "atomics.h"

// ISS of a data abort: the status, and WnR. An instruction that reads and writes faults as a read, if a read
// would have.
enum { ALIGNMENT = 0x21, TRANSLATION = 0x04, WRITE = 0x40 };

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
  unsigned iss;
} rows[] = {
    {"misaligned ldxr", ldxr_misaligned, ALIGNMENT},
    {"misaligned ldxp", ldxp_misaligned, ALIGNMENT},
    {"misaligned ldadd", ldadd_misaligned, ALIGNMENT},
    {"misaligned cas", cas_misaligned, ALIGNMENT},
    {"misaligned casp", casp_misaligned, ALIGNMENT},
    {"misaligned ldar", ldar_misaligned, ALIGNMENT},
    {"misaligned stlr", stlr_misaligned, ALIGNMENT | WRITE},
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
    tap_ok(taken, "%s faults", rows[i].name);
    tap_equal(fault.esr, 0x96000000 | rows[i].iss, "ESR");
  }
  tap_ok(cells[0] == 5 && cells[1] == 5 && cells[2] == 0, "memory is as it was");
}
