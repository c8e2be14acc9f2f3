// System registers (Arm ARM, chapter D17): which exist, what of them is fixed, what is undefined, RES0.
#include "msr.h"
#include "../../aarch64/accesses.h"
#include "../../aarch64/cpu.h"
#include "../../aarch64/exception.h"
#include "../../aarch64/gicv3.h"
#include "../../aarch64/paging.h"
#include "../../common/tap.h"

enum { UNDEFINED = 0x02000000 };
enum { STR_X1_X0 = 0xf9000001, RET = 0xd65f03c0, NOP = 0xd503201f, SVC_BEHIND = 0xd4000ee1 };
enum { READ_X1 = 1 << 21 | 1, WRITE_X0 = 0, EL0 = 0xa0000000 };

static uint32_t instructions[4] __attribute__((aligned(64)));

static uint32_t word(unsigned id, uint32_t kind) {
  return 0xd5000000 | kind | (uint32_t)id << 5;
}

static void put(uint32_t first, uint32_t second) {
  instructions[0] = first;
  instructions[1] = second;
  instructions[2] = RET;
  SYNC_CODE();
}

// What ended the access: 0 if nothing did, else ESR_EL1.
static uint64_t try_read(unsigned id, uint64_t *value) {
  struct taken taken = {0};
  put(word(id, READ_X1), STR_X1_X0);
  bool ended = guarded(&taken, (void (*)())instructions, (uintptr_t)value, 0, 0);
  return ended ? taken.esr : 0;
}

static uint64_t try_write(unsigned id, uint64_t value) {
  struct taken taken = {0};
  put(word(id, WRITE_X0), NOP);
  bool ended = guarded(&taken, (void (*)())instructions, value, 0, 0);
  return ended ? taken.esr : 0;
}

static uint64_t read(unsigned id) {
  uint64_t value = 0;
  try_read(id, &value);
  return value;
}

// ---- identification

static uint64_t first_values[64];

static void test_read_only(void) {
  tap_note("read-only registers");
  for (unsigned i = 0; i < read_only_count; i++) {
    uint64_t again = 0, error = try_read(read_only[i].id, &first_values[i]);
    tap_equal(error, 0, "%s can be read", read_only[i].name);
    try_read(read_only[i].id, &again);
    tap_equal(again, first_values[i], "and says the same again");
    tap_equal(try_write(read_only[i].id, ~first_values[i]), UNDEFINED, "a write is undefined");
    if (!read_only[i].el0) {
      struct taken taken = {0};
      put_code(word(read_only[i].id, READ_X1), SVC_BEHIND);
      guarded(&taken, enter, USER_CODE, EL0, 0);
      tap_equal(taken.esr, UNDEFINED, "and a read at EL0");
    }
  }
}

static unsigned differing;

static void compare(void) {
  mask_interrupts();
  for (unsigned i = 0; i < read_only_count; i++) {
    if (read_only[i].everywhere && read(read_only[i].id) != first_values[i]) differing++;
  }
}

static void test_other_cpu(void) {
  tap_note("another CPU");
  cpu_start(1);
  cpu_call(1, compare);
  tap_equal(differing, 0, "identifies itself the same");
  tap_equal(cpus[0].mpidr & 0xff00ffffff, cpus[0].affinity, "MPIDR_EL1: affinity of this one");
  tap_equal(cpus[1].mpidr & 0xff00ffffff, cpus[1].affinity, "of the other one");
  tap_equal(cpus[0].mpidr & ~0xff41fffffful, 1ul << 31, "RES1 and RES0");
}

static void test_reserved(void) {
  tap_note("reserved identification registers");
  unsigned undefined = 0, nonzero = 0;
  // CRm 1 to 3 are of AArch32, which a CPU may or may not have.
  for (unsigned crm = 1; crm <= 7; crm++) {
    for (unsigned op2 = 0; op2 <= 7; op2++) {
      uint64_t value = 0;
      if (try_read(REGISTER(3, 0, 0, crm, op2), &value) != 0) undefined++;
      if (crm >= 4 && op2 >= 6 && value != 0) nonzero++;
    }
  }
  tap_equal(undefined, 0, "all can be read");
  tap_equal(nonzero, 0, "those that nobody uses are 0");
}

// ---- what is undefined

static void test_undefined(void) {
  tap_note("undefined at EL1");
  for (unsigned i = 0; i < undefined_count; i++) {
    uint64_t value;
    tap_equal(try_read(undefined[i].id, &value), UNDEFINED, "mrs %s", undefined[i].name);
    tap_equal(try_write(undefined[i].id, 0), UNDEFINED, "msr %s", undefined[i].name);
  }
  tap_note("write-only registers");
  for (unsigned i = 0; i < write_only_count; i++) {
    uint64_t value;
    tap_equal(try_read(write_only[i].id, &value), UNDEFINED, "mrs %s", write_only[i].name);
  }
}

// Functions of two instructions, many at a time: making code visible is slow.
static void test_all(void) {
  static uint32_t functions[512][2] __attribute__((aligned(4096)));
  const unsigned count = sizeof functions / sizeof *functions;
  unsigned odd = 0;
  tap_note("every encoding");
  for (unsigned first = REGISTER(3, 0, 0, 0, 0); first <= REGISTER(3, 7, 15, 15, 7); first += count) {
    for (unsigned i = 0; i < count; i++) {
      functions[i][0] = word(first + i, READ_X1);
      functions[i][1] = RET;
    }
    SYNC_CODE();
    for (unsigned i = 0; i < count; i++) {
      struct taken taken = {0};
      if (guarded(&taken, (void (*)())functions[i], 0, 0, 0) && taken.esr != UNDEFINED) odd++;
    }
  }
  tap_equal(odd, 0, "is read, or undefined");
}

// ---- what can be stored

static void test_stored(void) {
  tap_note("registers that remember");
  for (unsigned i = 0; i < stored_count; i++) {
    uint64_t before = read(stored[i].id), bits = stored[i].bits;
    uint64_t error = try_write(stored[i].id, ~0ul & stored[i].written);
    uint64_t ones = read(stored[i].id);
    try_write(stored[i].id, 0);
    uint64_t zeros = read(stored[i].id);
    try_write(stored[i].id, 0x5555aaaa3333cccc & stored[i].written);
    uint64_t pattern = read(stored[i].id);
    try_write(stored[i].id, before);
    tap_equal(error, 0, "%s can be written", stored[i].name);
    tap_equal(ones, bits, "with ones");
    tap_equal(zeros, 0, "and zeros");
    tap_equal(pattern, 0x5555aaaa3333cccc & bits, "and both");
  }
}

static void test_pstate(void) {
  tap_note("PSTATE");
  uint64_t daif = read_register("daif");
  write_register("daif", ~0ul);
  uint64_t masked = read_register("daif");
  write_register("daif", 0x3c0 & ~0x40);
  uint64_t open = read_register("daif");
  write_register("daif", daif);
  tap_equal(masked, 0x3c0, "DAIF");
  tap_equal(open, 0x380, "without F");
  write_register("nzcv", ~0ul);
  uint64_t ones = read_register("nzcv");
  tap_equal(ones, 0xf0000000, "NZCV");
  tap_equal(read_register("currentel"), 4, "CurrentEL");
  tap_equal(read_register("spsel"), 1, "SPSel");
}

static void test_os_lock(void) {
  tap_note("OS lock");
  write_register("oslar_el1", 1);
  tap_equal(read_register("oslsr_el1"), 0xa, "OSLSR_EL1: implemented, locked");
  write_register("oslar_el1", 0);
  tap_equal(read_register("oslsr_el1"), 0x8, "unlocked");
}

static void test_caches(void) {
  tap_note("caches");
  uint64_t clidr = read_register("clidr_el1"), line = 4u << (read_register("ctr_el0") >> 16 & 15);
  for (unsigned level = 0; level < 7; level++) {
    unsigned type = clidr >> 3 * level & 7;
    for (unsigned instruction = 0; instruction < 2; instruction++) {
      bool there = instruction ? type & 1 : type & 6;
      if (!there) continue;
      write_register("csselr_el1", level << 1 | instruction);
      tap_equal(read_register("csselr_el1"), level << 1 | instruction, "CSSELR_EL1: level %u, %s", level + 1, instruction ? "instructions" : "data");
      tap_equal(1u << ((read_register("ccsidr_el1") & 7) + 4), line, "CCSIDR_EL1: lines as in CTR_EL0");
    }
  }
  write_register("csselr_el1", 0);
}

void tests(void) {
  if (cpu_count < 2) tap_bail_out("there are not enough CPUs");
  paging_init();
  map_user();
  test_read_only();
  test_reserved();
  test_undefined();
  test_stored();
  test_pstate();
  test_os_lock();
  test_caches();
  test_all();
  test_other_cpu();
}
