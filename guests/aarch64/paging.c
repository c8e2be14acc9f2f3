#include "paging.h"
#include "aarch64.h"

uint64_t data[8192] __attribute__((aligned(65536)));
uint32_t code[1024] __attribute__((aligned(4096)));
uint32_t other_code[1024] __attribute__((aligned(4096)));
uint64_t level0[512] __attribute__((aligned(4096)));
uint64_t level1[512] __attribute__((aligned(4096)));
uint64_t level2[512] __attribute__((aligned(4096)));
uint64_t pages[512] __attribute__((aligned(4096)));
uint64_t no_pages[512] __attribute__((aligned(4096)));
uint64_t tcr, sctlr;

// SCTLR_EL1: bits that are 1 without the features that define them, and M, C, I, SPAN.
enum { SCTLR_RES1 = 0x30500980, SCTLR_M = 1, SCTLR_C = 4, SCTLR_I = 1 << 12, SCTLR_SPAN = 1 << 23 };
// The MMU off, caches on: RAM and devices keep their addresses.
enum { SCTLR_OFF = SCTLR_RES1 | SCTLR_I | SCTLR_C };

void paging_init(void) {
  level0[0] = (uintptr_t)level1 | TABLE;
  level1[0] = 0 | ACCESSED | DEVICE | BLOCK | PXN | UXN;
  level1[1] = 0x40000000 | ACCESSED | SHARED | BLOCK;
  level1[2] = (uintptr_t)level2 | TABLE;
  level2[0] = (uintptr_t)pages | TABLE;
  // 48 bits in both halves, write-back, inner shareable, 48-bit physical addresses, 16-bit ASIDs.
  tcr = 16 | 16ul << 16 | 2ul << 30 | 5ul << 32 | 1ul << 36 | 3 << 12 | 1 << 8 | 1 << 10;
  sctlr = SCTLR_RES1 | SCTLR_M | SCTLR_C | SCTLR_I | SCTLR_SPAN;
  BARRIER();
  write_register("sctlr_el1", SCTLR_OFF);
  write_register("mair_el1", 0x00ff);
  write_register("tcr_el1", tcr);
  write_register("ttbr0_el1", (uintptr_t)level0);
  write_register("ttbr1_el1", (uintptr_t)no_pages);
  TLBI(vmalle1);
  write_register("sctlr_el1", sctlr);
}

void map_user(void) {
  pages[0x10] = (uintptr_t)code | NORMAL_PAGE | USER | READ_ONLY | PXN;
  pages[0x11] = (uintptr_t)data | NORMAL_PAGE | USER;
  TLBI(vmalle1);
}

void put_code(uint32_t first, uint32_t second) {
  code[0] = first;
  code[1] = second;
  SYNC_CODE();
}
