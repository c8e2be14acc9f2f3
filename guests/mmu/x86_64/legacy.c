// 32-bit and PAE paging.
#include "legacy.h"
#include "../../common/tap.h"
#include "mmu.h"

enum { PSE = 1 << 4, PAE = 1 << 5 };
// 4 MiB pages, of a third of the address space.
#define PLACE 0x60000000u
enum { NOT_MAPPED = 0x61000000, INDEX = 0x60000000 >> 22, INDEX_PAE = 0x60000000 >> 21 & 511 };

static uint32_t directory[1024] __attribute__((aligned(4096))), table[1024] __attribute__((aligned(4096)));
static uint64_t pointers[4] __attribute__((aligned(32))), directory_pae[2][512] __attribute__((aligned(4096))), table_pae[512] __attribute__((aligned(4096)));

static struct legacy access_by(const char *name, uint64_t cr3, uint32_t cr4, uint32_t cr0, uint32_t address, uint32_t store, uint32_t error) {
  struct legacy legacy = {(uint32_t)cr3, cr4, cr0, address, store, 0x600d, 0, 0};
  legacy_access(&legacy);
  bool good = legacy.error == error && (error == UINT32_MAX || legacy.cr2 == address);
  if (error == UINT32_MAX) tap_ok(good, "%s", name);
  else tap_ok(good, "%s: #PF(0x%x)", name, error);
  if (!good) tap_note("error 0x%x, CR2 0x%x", legacy.error, legacy.cr2);
  return legacy;
}

enum { GOOD = UINT32_MAX };

static void test_32_bits(void) {
  tap_note("32-bit paging");
  uint64_t cr3 = (uintptr_t)directory;
  directory[0] = PRESENT | WRITABLE | LARGE;
  directory[INDEX] = (uint32_t)(uintptr_t)table | PRESENT | WRITABLE;
  table[0] = (uint32_t)(uintptr_t)data[1] | PRESENT | WRITABLE;
  table[1] = (uint32_t)(uintptr_t)data[1] | PRESENT;
  data[1][0] = 0x12345678;
  struct legacy legacy = access_by("a page of 4 KiB", cr3, PSE, 0, PLACE, 0, GOOD);
  tap_equal(legacy.value, 0x12345678, "what is loaded");
  tap_equal(table[0] & (ACCESSED | DIRTY), ACCESSED, "accessed");
  tap_ok(directory[INDEX] & ACCESSED, "also above");
  access_by("a store", cr3, PSE, 0, PLACE, 1, GOOD);
  tap_equal(data[1][0], 0x600d, "it is there");
  tap_equal(table[0] & (ACCESSED | DIRTY), ACCESSED | DIRTY, "dirty");
  access_by("a store to a read-only page", cr3, PSE, CR0_WP, PLACE + 4096, 1, BY_WRITE | BY_PROTECTION);
  access_by("without CR0.WP", cr3, PSE, 0, PLACE + 4096, 1, GOOD);
  access_by("what is not mapped", cr3, PSE, 0, NOT_MAPPED, 0, 0);
  access_by("a page of 4 MiB", cr3, PSE, 0, (uint32_t)(uintptr_t)data[1], 0, GOOD);
  directory[INDEX] = PRESENT | WRITABLE | LARGE;
  legacy = access_by("elsewhere", cr3, PSE, 0, PLACE + (uint32_t)(uintptr_t)data[1], 0, GOOD);
  tap_equal(legacy.value, 0x600d, "what is loaded");
  tap_equal(directory[INDEX] & (ACCESSED | DIRTY), ACCESSED, "accessed");
  directory[INDEX] = PRESENT | WRITABLE | LARGE | 1 << 21;
  access_by("a reserved bit", cr3, PSE, 0, PLACE, 0, BY_PROTECTION | BY_RESERVED_BIT);
}

static void test_pae(void) {
  tap_note("PAE paging");
  uint64_t cr3 = (uintptr_t)pointers;
  pointers[0] = (uintptr_t)directory_pae[0] | PRESENT;
  pointers[PLACE >> 30] = (uintptr_t)directory_pae[1] | PRESENT;
  directory_pae[0][0] = PRESENT | WRITABLE | LARGE;
  directory_pae[1][INDEX_PAE] = (uintptr_t)table_pae | PRESENT | WRITABLE;
  table_pae[0] = (uintptr_t)data[2] | PRESENT | WRITABLE;
  table_pae[1] = (uintptr_t)data[2] | PRESENT | NO_EXECUTE;
  data[2][0] = 0x87654321;
  struct legacy legacy = access_by("a page of 4 KiB", cr3, PAE, 0, PLACE, 0, GOOD);
  tap_equal(legacy.value, 0x87654321, "what is loaded");
  access_by("a store", cr3, PAE, 0, PLACE, 1, GOOD);
  tap_equal(data[2][0], 0x600d, "it is there");
  tap_equal(table_pae[0] & (ACCESSED | DIRTY), ACCESSED | DIRTY, "accessed and dirty");
  access_by("a load of what is not executable", cr3, PAE, 0, PLACE + 4096, 0, GOOD);
  access_by("a store to a read-only page", cr3, PAE, CR0_WP, PLACE + 4096, 1, BY_WRITE | BY_PROTECTION);
  access_by("what is not mapped", cr3, PAE, 0, NOT_MAPPED, 1, BY_WRITE);
  access_by("a page directory that is not there", cr3, PAE, 0, 0xc0000000, 0, 0);
  directory_pae[1][INDEX_PAE] = PRESENT | WRITABLE | LARGE;
  legacy = access_by("a page of 2 MiB", cr3, PAE, 0, PLACE + ((uint32_t)(uintptr_t)data[2] & 0x1fffff), 0, GOOD);
  tap_equal(directory_pae[1][INDEX_PAE] & (ACCESSED | DIRTY), ACCESSED, "accessed");
  directory_pae[1][INDEX_PAE] = PRESENT | WRITABLE | LARGE | 1ul << 51;
  access_by("a reserved bit", cr3, PAE, 0, PLACE, 0, BY_PROTECTION | BY_RESERVED_BIT);
}

void test_legacy(void) {
  test_32_bits();
  test_pae();
  tap_equal(read_msr(MSR_EFER) & (EFER_LME | EFER_LMA), EFER_LME | EFER_LMA, "back in long mode");
}
