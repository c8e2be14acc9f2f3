// Accesses with other kinds of paging, by 32-bit code outside of long mode.
#pragma once
#include <stdint.h>

struct legacy {
  uint32_t cr3, cr4, cr0;
  uint32_t address, store;
  // What was loaded or is to be stored; the error code of a page fault or -1, and its address.
  uint32_t value, error, cr2;
};

// Leaves long mode, sets CR3 and CR4 as given and CR0.PG and PE besides `cr0`, does the access, and comes
// back.
void legacy_access(struct legacy *legacy);
