// The address space of start.S: the first 4 GiB one to one by pages of 2 MiB, supervisor only. The 2 MiB
// from WINDOW on are the program's to map by pages of 4 KiB.
#pragma once
#include <stdint.h>

// Bits of entries (Intel SDM vol. 3, 4.5).
#define PRESENT (1ul << 0)
#define WRITABLE (1ul << 1)
#define USER (1ul << 2)
#define WRITE_THROUGH (1ul << 3)
#define CACHE_DISABLE (1ul << 4)
#define ACCESSED (1ul << 5)
#define DIRTY (1ul << 6)
#define LARGE (1ul << 7)
#define GLOBAL (1ul << 8)
#define NO_EXECUTE (1ul << 63)
#define ADDRESS 0xffffffffff000ul

// Bits of a page fault's error code.
enum { BY_PROTECTION = 1, BY_WRITE = 2, BY_USER = 4, BY_RESERVED_BIT = 8, BY_FETCH = 16 };

#define WINDOW 0x80000000ul
#define PAGE_BYTES 4096ul
// Tables: levels 4 and 3, level 2 of each GiB, level 1 of the window.
extern uint64_t page_map[512], page_directory_pointers[512], page_directories[4][512], pages[512];
// Memory to be mapped.
extern uint64_t data[4][512];

// Makes the window; nothing is mapped in it.
void paging_init(void);
// Maps the index-th page of the window, flags included, and forgets what was there.
void map_page(unsigned index, uint64_t entry);
