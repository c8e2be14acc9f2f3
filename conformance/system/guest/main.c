// Prints what exceptions, translation, traps and debug events do, for comparison between machines.
#include "guest.h"

#define UART ((volatile u32 *)0x09000000)

u64 spare[4][8192] __attribute__((aligned(65536)));
u64 data[8192] __attribute__((aligned(65536)));
u32 code[1024] __attribute__((aligned(4096)));
u32 other_code[1024] __attribute__((aligned(4096)));
u64 level0[512] __attribute__((aligned(4096)));
u64 level1[512] __attribute__((aligned(4096)));
u64 level2[512] __attribute__((aligned(4096)));
u64 pages[512] __attribute__((aligned(4096)));
u64 tcr, sctlr;

void *memcpy(void *to, const void *from, unsigned long bytes) {
  char *t = to;
  const char *f = from;
  while (bytes--) *t++ = *f++;
  return to;
}

void print(const char *text) {
  while (*text) *UART = *text++;
}

void hex(u64 value) {
  char digits[17];
  int n = 16;
  digits[16] = 0;
  do {
    digits[--n] = "0123456789abcdef"[value & 15];
    value >>= 4;
  } while (value);
  print(digits + n);
}

void line(const char *name, u64 value) {
  print(name);
  print(" ");
  hex(value);
  print("\n");
}

void result(const char *name, int taken) {
  print(name);
  if (!taken) {
    print(" ok\n");
    return;
  }
  print(" vector ");
  hex(record.vector);
  u32 class = record.esr >> 26;
  if ((record.vector & 3) == 0) {
    print(" esr ");
    hex(record.esr);
  }
  print(" spsr ");
  hex(record.spsr & ~0xc00ul);  // BTYPE is a later feature
  if (record.daif != 0x3c0) {
    print(" daif ");
    hex(record.daif);
  }
  if (record.pan) print(" pan");
  int abort = (class & ~1u) == 0x20 || (class & ~1u) == 0x24 || (class & ~1u) == 0x34;
  if ((record.vector & 3) == 0 && (abort || class == 0x22)) {
    print(" far ");
    hex(record.far);
  }
  print("\n");
}

u64 translate(int operation, u64 address) {
  switch (operation) {
    case 0: __asm__ volatile("at s1e1r, %0\n isb" ::"r"(address)); break;
    case 1: __asm__ volatile("at s1e1w, %0\n isb" ::"r"(address)); break;
    case 2: __asm__ volatile("at s1e0r, %0\n isb" ::"r"(address)); break;
    default: __asm__ volatile("at s1e0w, %0\n isb" ::"r"(address)); break;
  }
  return READ(par_el1);
}

void map_user(void) {
  pages[0x10] = (u64)code | NORMAL_PAGE | USER | READ_ONLY | PXN;
  pages[0x11] = (u64)data | NORMAL_PAGE | USER;
  TLBI(vmalle1);
}

static void mmu_on(void) {
  level0[0] = (u64)level1 | TABLE;
  level1[0] = 0 | AF | DEVICE | BLOCK | PXN | UXN;
  level1[1] = 0x40000000 | AF | SHARED | BLOCK;
  level1[2] = (u64)level2 | TABLE;
  level2[0] = (u64)pages | TABLE;
  WRITE(mair_el1, 0x00ff);
  // 48 bits in both halves, 4 KiB, write-back, 48-bit physical addresses, 16-bit ASIDs.
  tcr = 16 | (16ul << 16) | (2ul << 30) | (5ul << 32) | (1ul << 36) | (3 << 12) | (1 << 8) | (1 << 10);
  WRITE(tcr_el1, tcr);
  WRITE(ttbr0_el1, (u64)level0);
  WRITE(ttbr1_el1, (u64)spare[3]);
  TLBI(vmalle1);
  // M, C, I, SPAN; everything that EL0 could be granted is withheld.
  sctlr = (READ(sctlr_el1) & 0x30500980) | 1 | 4 | (1 << 12) | (1 << 23);
  WRITE(sctlr_el1, sctlr);
}

void main(void) {
  print("system registers and exceptions\n");
  mmu_on();
  permissions();
  faults();
  granules();
  tlb();
  traps();
  returns();
  debug();
  interrupts();
  print("done\n");
}
