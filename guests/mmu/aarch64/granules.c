// Granules of 16 and 64 KiB with every size of the address space, through AT and TTBR1_EL1.
#include "../../aarch64/aarch64.h"
#include "../../aarch64/paging.h"
#include "../../common/tap.h"
#include "mmu.h"

enum { ENTRIES = 8192 }; // of a table with the granule of 64 KiB
enum { TRANSLATION_LEVEL_0 = 0x809, TRANSLATION_LEVEL_3 = 0x80f };
#define NORMAL 0xff00000000000a00ul // PAR_EL1: write-back, not shareable, non-secure

static uint64_t tables[4][ENTRIES] __attribute__((aligned(65536)));

static void clear(void) {
  for (int t = 0; t < 4; t++) {
    for (int i = 0; i < ENTRIES; i++) tables[t][i] = 0;
  }
}

// `bits`: of the address space; `kind`: TG1.
static void test_size(unsigned kind, unsigned granule, unsigned bits) {
  const unsigned stride = granule - 3, start = 4 - (bits - granule + stride - 1) / stride;
  const uint64_t mask = (1ul << bits) - 1, address = ~mask | (0x0000123456789abc & mask);
  const uint64_t page = 0x4000c0010000, block = 0x400000000000;
  uint64_t *at_level_2 = 0;
  clear();
  for (unsigned level = start; level <= 3; level++) {
    unsigned shift = granule + stride * (3 - level), width = level == start ? bits - shift : stride;
    uint64_t *entry = &tables[level - start][address >> shift & ((1ul << width) - 1)];
    if (level == 2) at_level_2 = entry;
    *entry = level == 3 ? page | ACCESSED | PAGE : (uintptr_t)tables[level - start + 1] | TABLE;
  }
  write_register("ttbr1_el1", (uintptr_t)tables[0]);
  write_register("tcr_el1", (tcr & ~(3ul << 30) & ~(63ul << 16)) | (uint64_t)kind << 30 | (64ul - bits) << 16);
  TLBI(vmalle1);
  const unsigned kib = 1u << (granule - 10);
  uint64_t offset = address & ((1ul << granule) - 1) & ~0xffful;
  tap_equal(translate(0, address), NORMAL | page | offset, "%uK, %u bits: page", kib, bits);
  tap_equal(translate(0, address ^ 1ul << granule), TRANSLATION_LEVEL_3, "%uK, %u bits: the page beside it", kib, bits);
  tap_equal(translate(0, address ^ 1ul << bits), TRANSLATION_LEVEL_0, "%uK, %u bits: outside", kib, bits);
  if (at_level_2 == 0) return;
  const uint64_t size = 1ul << (granule + stride);
  *at_level_2 = (block & ~(size - 1)) | ACCESSED | BLOCK;
  TLBI(vmalle1);
  tap_equal(translate(0, address), NORMAL | block | (address & (size - 1) & ~0xffful), "%uK, %u bits: block", kib, bits);
}

void test_granules(void) {
  static const unsigned sizes[] = {48, 47, 42, 39, 36, 31, 30, 25};
  tap_note("granules of 16 and 64 KiB");
  for (unsigned i = 0; i < sizeof sizes / sizeof *sizes; i++) test_size(1, 14, sizes[i]);
  for (unsigned i = 0; i < sizeof sizes / sizeof *sizes; i++) test_size(3, 16, sizes[i]);
  write_register("tcr_el1", tcr);
  write_register("ttbr1_el1", (uintptr_t)no_pages);
  TLBI(vmalle1);
}
