// Access rights, translation faults, granules, TLB maintenance.
#include "guest.h"

void permissions(void) {
  print("\n# access rights: AP, PXN and UXN, PSTATE.PAN\n");
  code[0] = 0xd4000001;  // svc #0
  SYNC_CODE();
  for (u64 ap = 0; ap < 4; ap++) {
    for (u64 xn = 0; xn < 4; xn++) {
      u64 attributes = NORMAL_PAGE | (ap << 6) | (xn << 53);
      pages[1] = (u64)data | attributes;
      pages[2] = (u64)code | attributes;
      TLBI(vmalle1);
      print("ap ");
      hex(ap);
      print(" xn ");
      hex(xn);
      print("\n");
      for (int pan = 0; pan < 2; pan++) {
        if (pan) SET_PAN(1);
        result(" load", guarded(load, WINDOW + 0x1008, 0));
        result(" store", guarded(store, WINDOW + 0x1008, 0));
        result(" ldtr", guarded(load_user, WINDOW + 0x1008, 0));
        result(" sttr", guarded(store_user, WINDOW + 0x1008, 0));
        result(" execute", guarded(jump, WINDOW + 0x2000, 0));
        SET_PAN(0);
      }
      result(" execute at EL0", guarded(enter, WINDOW + 0x2000, 0));
      for (int operation = 0; operation < 4; operation++) {
        u64 par = translate(operation, WINDOW + 0x1008);
        line(" par", par & 1 ? par : par & ~0x0000fffffffff000ul);
      }
    }
  }
}

static void at_level(const char *name, u64 first, u64 second, u64 third, u64 fourth) {
  const u64 address = 1ul << 39;
  level0[1] = first;
  spare[0][0] = second;
  spare[1][0] = third;
  spare[2][0] = fourth;
  TLBI(vmalle1);
  int taken = guarded(load_word, address, 0);
  result(name, taken);
  line(" par", translate(0, address));
  if (taken) result(" execute", guarded(jump, address, 0));
  level0[1] = 0;
}

void faults(void) {
  print("\n# faults by level, 44-bit physical addresses\n");
  WRITE(tcr_el1, (tcr & ~(7ul << 32)) | (4ul << 32));
  u64 a = (u64)spare[0] | TABLE, b = (u64)spare[1] | TABLE, c = (u64)spare[2] | TABLE;
  at_level("level 0 invalid", 0, 0, 0, 0);
  at_level("level 1 invalid", a, 0, 0, 0);
  at_level("level 2 invalid", a, b, 0, 0);
  at_level("level 3 invalid", a, b, c, 0);
  at_level("level 3 reserved", a, b, c, 0x40000000 | AF | BLOCK);
  at_level("level 1 access flag", a, 0x40000000 | BLOCK, 0, 0);
  at_level("level 2 access flag", a, b, 0x40000000 | BLOCK, 0);
  at_level("level 3 access flag", a, b, c, 0x40000000 | PAGE);
  at_level("level 1 block", a, 0x40000000 | AF | BLOCK, 0, 0);
  at_level("level 2 block", a, b, 0x40000000 | AF | BLOCK, 0);
  at_level("level 3 page", a, b, c, 0x40000000 | AF | PAGE);
  at_level("level 1 size", a, (1ul << 47) | AF | BLOCK, 0, 0);
  at_level("level 2 size", a, b, (1ul << 44) | AF | BLOCK, 0);
  at_level("level 3 size", a, b, c, (1ul << 45) | AF | PAGE);
  at_level("level 0 table size", (1ul << 45) | TABLE, 0, 0, 0);
  at_level("level 1 table size", a, (1ul << 45) | TABLE, 0, 0);
  at_level("read-only tables", a | (1ul << 62), b, 0x40000000 | AF | BLOCK, 0);
  at_level("no execution below", a | (1ul << 59), 0, 0, 0);
  WRITE(tcr_el1, tcr);
  TLBI(vmalle1);

  print("\n# addresses outside the halves, then with TBI0\n");
  static const u64 addresses[] = {
      1ul << 48, 1ul << 63, 0xfffful << 48, ~7ul, 0xff00000040080000, 0x0100000040080000,
      (1ul << 55) | 0x40080000,
  };
  for (int tagged = 0; tagged < 2; tagged++) {
    if (tagged) WRITE(tcr_el1, tcr | (1ul << 37));
    for (int i = 0; i < 7; i++) {
      // With tags the bytes at 0 are the board's business.
      if (tagged && i == 1) continue;
      hex(addresses[i]);
      int taken = guarded(load_word, addresses[i], 0);
      if (tagged && taken) line(" esr", record.esr);
      else result("", taken);
    }
  }
  WRITE(tcr_el1, tcr);

  print("\n# alignment, pages that are not there\n");
  pages[1] = (u64)data | NORMAL_PAGE;
  pages[2] = 0;
  TLBI(vmalle1);
  const u64 page = WINDOW + 0x1000;
  result("misaligned load", guarded(load, page + 1, 0));
  result("misaligned exclusive", guarded(load_exclusive, page + 1, 0));
  result("load across the end", guarded(load, page + 0xffc, 0));
  result("store across the end", guarded(store, page + 0xffc, 0));
  result("pair across the end", guarded(load_pair, page + 0xff8, 0));
  result("dc zva", guarded(zero_block, page + 0x40, 0));
  result("dc zva, invalid", guarded(zero_block, page + 0x1040, 0));
  result("swap, invalid", guarded(swap, page + 0x1008, 0));
  result("compare and swap, invalid", guarded(compare_swap, page + 0x1008, 0));
  WRITE(sctlr_el1, sctlr | 2);
  result("misaligned load, SCTLR.A", guarded(load, page + 1, 0));
  WRITE(sctlr_el1, sctlr);
  pages[1] = (u64)data | NORMAL_PAGE | READ_ONLY;
  TLBI(vmalle1);
  result("swap, read-only", guarded(swap, page + 8, 0));
  result("compare and swap, read-only", guarded(compare_swap, page + 8, 0));
  result("dc zva, read-only", guarded(zero_block, page, 0));
  result("load from nothing", guarded(load_word, 0x3f000000, 0));
  result("store to nothing", guarded(store, 0x3f000000, 0));
  result("jump to a misaligned address", guarded(jump, (u64)load + 2, 0));
}

// Walks of TTBR1_EL1 with every size of the address space, through AT.
void granules(void) {
  print("\n# 16 and 64 KiB granules\n");
  static const int sizes[] = {16, 17, 22, 25, 28, 33, 34, 39};
  for (int kind = 1; kind <= 3; kind += 2) {
    for (int i = 0; i < 8; i++) {
      int granule = kind == 1 ? 14 : 16, stride = granule - 3, bits = 64 - sizes[i];
      int start = 4 - (bits - granule + stride - 1) / stride;
      u64 address = (~0ul << bits) | (0x0000123456789abc & ((1ul << bits) - 1));
      for (int t = 0; t < 4; t++) {
        for (int n = 0; n < 8192; n++) spare[t][n] = 0;
      }
      u64 *last_block = 0;
      for (int level = start; level <= 3; level++) {
        int shift = granule + stride * (3 - level);
        int width = level == start ? bits - shift : stride;
        u64 *entry = &spare[level - start][(address >> shift) & ((1ul << width) - 1)];
        if (level == 2) last_block = entry;
        *entry = level == 3 ? 0x4000c0010000 | AF | PAGE : (u64)spare[level - start + 1] | TABLE;
      }
      WRITE(ttbr1_el1, (u64)spare[0]);
      WRITE(tcr_el1, (tcr & ~(3ul << 30) & ~(63ul << 16)) | ((u64)kind << 30) | ((u64)sizes[i] << 16));
      TLBI(vmalle1);
      print(kind == 1 ? "16K" : "64K");
      print(" size ");
      hex(bits);
      print(" page ");
      hex(translate(0, address));
      print(" neighbour ");
      hex(translate(0, address ^ (1ul << granule)));
      print(" outside ");
      hex(translate(0, address ^ (1ul << bits)));
      if (last_block) {
        *last_block = (0x400000000000 & ~((1ul << (granule + stride)) - 1)) | AF | BLOCK;
        TLBI(vmalle1);
        print(" block ");
        hex(translate(0, address));
      }
      print("\n");
    }
  }
  WRITE(tcr_el1, tcr);
  for (int n = 0; n < 8192; n++) spare[3][n] = 0;
  WRITE(ttbr1_el1, (u64)spare[3]);
  TLBI(vmalle1);
}

static u64 read(u64 address) { return *(volatile u64 *)address; }

void tlb(void) {
  print("\n# TLB maintenance\n");
  u64 *a = data, *b = data + 512, *c = data + 1024;
  const u64 own = WINDOW + 0x20000, global = own + 0x1000, function = own + 0x2000;
  *a = 0xa;
  *b = 0xb;
  *c = 0xc;
  pages[0x20] = (u64)a | NORMAL_PAGE | NOT_GLOBAL;
  pages[0x21] = (u64)a | NORMAL_PAGE;
  TLBI(vmalle1);
  WRITE(ttbr0_el1, (u64)level0 | (1ul << 48));
  line("ASID 1", read(own));
  line("global", read(global));
  pages[0x20] = (u64)b | NORMAL_PAGE | NOT_GLOBAL;
  BARRIER();
  WRITE(ttbr0_el1, (u64)level0 | (2ul << 48));
  line("ASID 2", read(own));
  pages[0x20] = (u64)c | NORMAL_PAGE | NOT_GLOBAL;
  TLBI_OPERAND(aside1, 2ul << 48);
  line("after ASIDE1", read(own));
  pages[0x21] = (u64)b | NORMAL_PAGE;
  TLBI_OPERAND(vaae1is, global >> 12);
  line("after VAAE1IS", read(global));
  pages[0x21] = (u64)c | NORMAL_PAGE;
  TLBI_OPERAND(vale1, (2ul << 48) | (global >> 12));
  line("after VALE1", read(global));

  // One TLBI drops a block as a whole.
  u64 *far = data + 1024, offset = (u64)data & 0x1fffff, block = WINDOW + 0x200000 + offset;
  u64 here = (u64)data & ~0x1ffffful, there = here + 0x200000;
  level2[1] = here | AF | SHARED | BLOCK;
  TLBI(vmalle1);
  line("block", read(block));
  line("block", read(block + 0x2000) == *far);
  *(volatile u64 *)(there + offset) = 0x77;
  *(volatile u64 *)(there + offset + 0x2000) = 0x78;
  level2[1] = there | AF | SHARED | BLOCK;
  TLBI_OPERAND(vae1, (WINDOW + 0x200000) >> 12);
  line("other block", read(block));
  line("other block", read(block + 0x2000));
  level2[1] = 0;
  TLBI(vmalle1);

  // Code in another page, then changed in place.
  code[0] = 0xd2800020;  // mov x0, #1
  code[1] = other_code[1] = 0xd65f03c0;
  other_code[0] = 0xd2800040;
  SYNC_CODE();
  u64 (*call)(void) = (u64(*)(void))function;
  pages[0x22] = (u64)code | NORMAL_PAGE;
  TLBI(vmalle1);
  line("code", call());
  pages[0x22] = (u64)other_code | NORMAL_PAGE;
  TLBI_OPERAND(vaae1, function >> 12);
  line("other code", call());
  other_code[0] = 0xd2800060;
  __asm__ volatile("dc cvau, %0\n dsb ish\n ic ivau, %0\n dsb ish\n isb" ::"r"(function) : "memory");
  line("changed code", call());
  WRITE(ttbr0_el1, (u64)level0);
}
