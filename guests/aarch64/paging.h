// An address space for programs that test translation: 48 bits in both halves, 4 KiB granule. The first
// two GiB are mapped one to one (devices, RAM); pages from WINDOW on are the program's to map.
#pragma once
#include <stdint.h>

// Descriptor bits.
#define BLOCK 1ul
#define TABLE 3ul
#define PAGE 3ul
#define DEVICE (1ul << 2)
#define USER (1ul << 6)
#define READ_ONLY (2ul << 6)
#define SHARED (3ul << 8)
#define ACCESSED (1ul << 10)
#define NOT_GLOBAL (1ul << 11)
#define PXN (1ul << 53)
#define UXN (1ul << 54)
#define NORMAL_PAGE (PAGE | ACCESSED | SHARED)

// Tables: level 0, 1 and 2 of the map; `pages` is the level 3 table of the 2 MiB from WINDOW on.
#define WINDOW 0x80000000ul
extern uint64_t level0[512], level1[512], level2[512], pages[512];
// Of TTBR1_EL1: nothing is mapped.
extern uint64_t no_pages[512];
// Normal memory to be mapped.
extern uint64_t data[8192];
extern uint32_t code[1024], other_code[1024];

// Pages of the window with a fixed use: code of EL0 (not executable at EL1), data of EL0.
#define USER_CODE (WINDOW + 0x10000)
#define USER_DATA (WINDOW + 0x11000)

// TCR_EL1 and SCTLR_EL1 of this address space. Of what SCTLR_EL1 can grant EL0, it grants nothing.
extern uint64_t tcr, sctlr;

// Goes over to it.
void paging_init(void);
// Maps USER_CODE to `code` and USER_DATA to `data`.
void map_user(void);
// Puts two instructions at the start of `code`.
void put_code(uint32_t first, uint32_t second);

#define BARRIER() __asm__ volatile("dsb ish\n\tisb" ::: "memory")
#define TLBI(kind) __asm__ volatile("dsb ish\n\ttlbi " #kind "\n\tdsb ish\n\tisb" ::: "memory")
#define TLBI_OPERAND(kind, value) \
  __asm__ volatile("dsb ish\n\ttlbi " #kind ", %0\n\tdsb ish\n\tisb" ::"r"((uint64_t)(value)) : "memory")
#define SYNC_CODE() __asm__ volatile("dsb ish\n\tic ialluis\n\tdsb ish\n\tisb" ::: "memory")
