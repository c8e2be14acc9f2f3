// What TLB maintenance drops, and code that changes under a mapping.
#include "../../aarch64/aarch64.h"
#include "../../aarch64/paging.h"
#include "../../common/tap.h"
#include "mmu.h"

static uint64_t read(uint64_t address) {
  return *(volatile uint64_t *)address;
}

static void set_asid(uint64_t asid) {
  write_register("ttbr0_el1", (uintptr_t)level0 | asid << 48);
}

static void test_asids(void) {
  uint64_t *const a = data, *const b = data + 512, *const c = data + 1024;
  const uint64_t own = WINDOW + 0x20000, global = own + 0x1000;
  *a = 0xa;
  *b = 0xb;
  *c = 0xc;
  pages[0x20] = (uintptr_t)a | NORMAL_PAGE | NOT_GLOBAL;
  pages[0x21] = (uintptr_t)a | NORMAL_PAGE;
  TLBI(vmalle1);
  set_asid(1);
  tap_equal(read(own), 0xa, "page of ASID 1");
  tap_equal(read(global), 0xa, "global page");
  pages[0x20] = (uintptr_t)b | NORMAL_PAGE | NOT_GLOBAL;
  BARRIER();
  set_asid(2);
  tap_equal(read(own), 0xb, "page of ASID 2");
  pages[0x20] = (uintptr_t)c | NORMAL_PAGE | NOT_GLOBAL;
  TLBI_OPERAND(aside1, 2ul << 48);
  tap_equal(read(own), 0xc, "after ASIDE1");
  pages[0x21] = (uintptr_t)b | NORMAL_PAGE;
  TLBI_OPERAND(vaae1is, global >> 12);
  tap_equal(read(global), 0xb, "after VAAE1IS");
  pages[0x21] = (uintptr_t)c | NORMAL_PAGE;
  TLBI_OPERAND(vale1, 2ul << 48 | global >> 12);
  tap_equal(read(global), 0xc, "after VALE1");
}

// One TLBI drops a block as a whole.
static void test_block(void) {
  const uint64_t offset = (uintptr_t)data & 0x1fffff, block = WINDOW + 0x200000 + offset;
  const uint64_t here = (uintptr_t)data & ~0x1ffffful, there = here + 0x200000;
  level2[1] = here | ACCESSED | SHARED | BLOCK;
  TLBI(vmalle1);
  tap_equal(read(block), 0xa, "block, at its start");
  tap_equal(read(block + 0x2000), 0xc, "block, two pages on");
  *(volatile uint64_t *)(there + offset) = 0x77;
  *(volatile uint64_t *)(there + offset + 0x2000) = 0x78;
  level2[1] = there | ACCESSED | SHARED | BLOCK;
  TLBI_OPERAND(vae1, (WINDOW + 0x200000) >> 12);
  tap_equal(read(block), 0x77, "other block after VAE1, at its start");
  tap_equal(read(block + 0x2000), 0x78, "other block after VAE1, two pages on");
  level2[1] = 0;
  TLBI(vmalle1);
}

// Code in another page, then changed in place.
static void test_code(void) {
  const uint64_t function = WINDOW + 0x22000;
  uint64_t (*call)(void) = (uint64_t (*)(void))function;
  code[0] = 0xd2800020;                  // mov x0, #1
  other_code[0] = 0xd2800040;            // mov x0, #2
  code[1] = other_code[1] = 0xd65f03c0;  // ret
  SYNC_CODE();
  pages[0x22] = (uintptr_t)code | NORMAL_PAGE;
  TLBI(vmalle1);
  tap_equal(call(), 1, "code");
  pages[0x22] = (uintptr_t)other_code | NORMAL_PAGE;
  TLBI_OPERAND(vaae1, function >> 12);
  tap_equal(call(), 2, "code of another page");
  other_code[0] = 0xd2800060;  // mov x0, #3
  __asm__ volatile("dc cvau, %0\n\tdsb ish\n\tic ivau, %0\n\tdsb ish\n\tisb" ::"r"(function) : "memory");
  tap_equal(call(), 3, "code that was changed");
}

void test_tlb(void) {
  tap_note("TLB maintenance");
  test_asids();
  test_block();
  test_code();
  set_asid(0);
}
