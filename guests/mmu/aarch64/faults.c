// Faults by level, addresses outside the halves, accesses at the edges of what is mapped.
#include "../../aarch64/aarch64.h"
#include "../../aarch64/accesses.h"
#include "../../aarch64/paging.h"
#include "../../common/tap.h"
#include "mmu.h"

enum { DATA_ABORT = 0x96000000, CODE_ABORT = 0x86000000, WRITE = 0x40 };
// Fault status codes; those of translation have the level in bits 1..0.
enum { SIZE = 0x00, TRANSLATION = 0x04, ACCESS_FLAG = 0x08, PERMISSION = 0x0c, EXTERNAL = 0x10, ALIGNMENT = 0x21 };

#define RAM 0x40000000ul
#define TESTED (1ul << 39) // entry 1 of level 0, entries 0 below

// Tables of levels 1 to 3 for the address TESTED.
static uint64_t tables[3][512] __attribute__((aligned(4096)));

// The entry on the way to TESTED at each level; `status` is the fault, or 0.
static void test_level(const char *name, uint64_t first, uint64_t second, uint64_t third, uint64_t fourth, unsigned status) {
  struct taken taken;
  bool faults = status != ~0u;
  level0[1] = first;
  tables[0][0] = second;
  tables[1][0] = third;
  tables[2][0] = fourth;
  TLBI(vmalle1);
  bool ended = guarded(&taken, load_word, TESTED, 0, 0);
  check_access(name, ended, &taken, faults ? DATA_ABORT | status : 0, TESTED);
  uint64_t par = translate(0, TESTED);
  tap_equal(par, faults ? 0x801 | status << 1 : 0xff00000000000a00 | RAM, "%s: AT", name);
  if (faults) {
    ended = guarded(&taken, jump, TESTED, 0, 0);
    check_access("its execution", ended, &taken, CODE_ABORT | status, TESTED);
  }
  level0[1] = 0;
}

void test_faults(void) {
  const uint64_t a = (uintptr_t)tables[0] | TABLE, b = (uintptr_t)tables[1] | TABLE, c = (uintptr_t)tables[2] | TABLE;
  const unsigned good = ~0u;
  tap_note("faults by level, physical addresses of 44 bits");
  write_register("tcr_el1", (tcr & ~(7ul << 32)) | 4ul << 32);
  test_level("invalid at level 0", 0, 0, 0, 0, TRANSLATION | 0);
  test_level("invalid at level 1", a, 0, 0, 0, TRANSLATION | 1);
  test_level("invalid at level 2", a, b, 0, 0, TRANSLATION | 2);
  test_level("invalid at level 3", a, b, c, 0, TRANSLATION | 3);
  test_level("reserved at level 3", a, b, c, RAM | ACCESSED | BLOCK, TRANSLATION | 3);
  test_level("no access flag at level 1", a, RAM | BLOCK, 0, 0, ACCESS_FLAG | 1);
  test_level("no access flag at level 2", a, b, RAM | BLOCK, 0, ACCESS_FLAG | 2);
  test_level("no access flag at level 3", a, b, c, RAM | PAGE, ACCESS_FLAG | 3);
  test_level("block at level 1", a, RAM | ACCESSED | BLOCK, 0, 0, good);
  test_level("block at level 2", a, b, RAM | ACCESSED | BLOCK, 0, good);
  test_level("page at level 3", a, b, c, RAM | ACCESSED | PAGE, good);
  test_level("size of a block at level 1", a, 1ul << 47 | ACCESSED | BLOCK, 0, 0, SIZE | 1);
  test_level("size of a block at level 2", a, b, 1ul << 44 | ACCESSED | BLOCK, 0, SIZE | 2);
  test_level("size of a page", a, b, c, 1ul << 45 | ACCESSED | PAGE, SIZE | 3);
  test_level("size of a table at level 0", 1ul << 45 | TABLE, 0, 0, 0, SIZE | 0);
  test_level("size of a table at level 1", a, 1ul << 45 | TABLE, 0, 0, SIZE | 1);
  test_level("tables that only read", a | 1ul << 62, b, RAM | ACCESSED | BLOCK, 0, good);
  test_level("tables that do not execute", a | 1ul << 59, 0, 0, 0, TRANSLATION | 1);
  write_register("tcr_el1", tcr);
  TLBI(vmalle1);
}

void test_halves(void) {
  static const struct {
    uint64_t address;
    bool tagged; // what TBI0 makes of it is mapped
  } addresses[] = {
      {1ul << 48, false}, {0xfffful << 48, false}, {~7ul, false}, {0xff00000040080000, true},
      {0x0100000040080000, true}, {1ul << 55 | 0x40080000, false},
  };
  struct taken taken;
  tap_note("addresses outside the halves, without and with TBI0");
  for (int tags = 0; tags < 2; tags++) {
    if (tags) write_register("tcr_el1", tcr | 1ul << 37);
    for (unsigned i = 0; i < sizeof addresses / sizeof *addresses; i++) {
      uint64_t address = addresses[i].address;
      bool ended = guarded(&taken, load_word, address, 0, 0);
      bool mapped = tags && addresses[i].tagged;
      // FAR may have the tag or not.
      tap_ok(mapped ? !ended : ended && taken.esr == (DATA_ABORT | TRANSLATION), "0x%lx with TBI0 %d is %s", address, tags,
             mapped ? "mapped" : "not mapped");
    }
  }
  write_register("tcr_el1", tcr);
}

void test_edges(void) {
  const uint64_t page = WINDOW + 0x1000, next = page + 0x1000;
  const unsigned translation = DATA_ABORT | TRANSLATION | 3, permission = DATA_ABORT | PERMISSION | 3 | WRITE;
  const struct {
    const char *name;
    void (*access)();
    uint64_t address;
    unsigned esr;
    uint64_t far;
  } accesses[] = {
      {"misaligned load", load, page + 1, 0, 0},
      {"misaligned exclusive load", load_exclusive, page + 1, DATA_ABORT | ALIGNMENT, page + 1},
      {"load across the end", load, page + 0xffc, translation, next},
      {"store across the end", store, page + 0xffc, translation | WRITE, next},
      {"pair across the end", load_pair, page + 0xff8, translation, next},
      {"DC ZVA", zero_block, page + 0x40, 0, 0},
      {"DC ZVA where nothing is", zero_block, next + 0x40, translation | WRITE, next + 0x40},
      {"SWP where nothing is", swap, next + 8, translation, next + 8},
      {"CAS where nothing is", compare_swap, next + 8, translation, next + 8},
      {"load from no device", load_word, 0x3f000000, DATA_ABORT | EXTERNAL, 0x3f000000},
      {"store to no device", store, 0x3f000000, DATA_ABORT | EXTERNAL | WRITE, 0x3f000000},
      {"jump to a misaligned address", jump, page + 2, 0x8a000000, page + 2},
  }, read_only[] = {
      {"SWP to what is read-only", swap, page + 8, permission, page + 8},
      {"CAS to what is read-only", compare_swap, page + 8, permission, page + 8},
      {"DC ZVA to what is read-only", zero_block, page, permission, page},
  };
  struct taken taken;
  tap_note("alignment, the end of what is mapped");
  pages[1] = (uintptr_t)data | NORMAL_PAGE;
  pages[2] = 0;
  TLBI(vmalle1);
  for (unsigned i = 0; i < sizeof accesses / sizeof *accesses; i++) {
    bool ended = guarded(&taken, accesses[i].access, accesses[i].address, 0, 0);
    check_access(accesses[i].name, ended, &taken, accesses[i].esr, accesses[i].far);
  }
  write_register("sctlr_el1", sctlr | 2);
  bool ended = guarded(&taken, load, page + 1, 0, 0);
  write_register("sctlr_el1", sctlr);
  check_access("misaligned load with SCTLR_EL1.A", ended, &taken, DATA_ABORT | ALIGNMENT, page + 1);
  pages[1] = (uintptr_t)data | NORMAL_PAGE | READ_ONLY;
  TLBI(vmalle1);
  for (unsigned i = 0; i < sizeof read_only / sizeof *read_only; i++) {
    ended = guarded(&taken, read_only[i].access, read_only[i].address, 0, 0);
    check_access(read_only[i].name, ended, &taken, read_only[i].esr, read_only[i].far);
  }
}
