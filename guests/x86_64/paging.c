#include "paging.h"
#include "x86_64.h"

uint64_t pages[512] __attribute__((aligned(4096)));
uint64_t data[4][512] __attribute__((aligned(4096)));

void paging_init(void) {
  page_map[0] |= USER;
  page_directory_pointers[WINDOW >> 30] |= USER;
  page_directories[WINDOW >> 30][0] = (uintptr_t)pages | PRESENT | WRITABLE | USER;
  invalidate_all();
}

void map_page(unsigned index, uint64_t entry) {
  pages[index] = entry;
  invalidate_page(WINDOW + index * PAGE_BYTES);
}
