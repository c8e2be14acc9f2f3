#include "../common/cpu.h"
#include "../common/print.h"
#include "../common/text.h"
#include "monitor.h"

extern char image_start[], image_end[];

enum { STEP = 1 << 20, PATTERN_WORDS = 8192 };

static void show_range(const char *name, uint64_t start, uint64_t size) {
  print("%-12s 0x%010lx..0x%010lx  %lu %s\n", name, start, start + size - 1,
        size >= 1 << 20 ? size >> 20 : (size + 1023) >> 10, size >= 1 << 20 ? "MiB" : "KiB");
}

static bool overlaps(uint64_t address, uint64_t start, uint64_t end) {
  return address + 8 > start && address < end;
}

// Whether the monitor or what describes the machine is there.
static bool taken(uint64_t address) {
  uint64_t start, size;
  if (overlaps(address, (uintptr_t)image_start, (uintptr_t)image_end)) return true;
  return description_place(&start, &size) && overlaps(address, start, start + size);
}

// Every MiB holds its own address, and then the complement: finds memory that is there twice or not at all.
static unsigned test_addresses(void) {
  unsigned bad = 0;
  for (unsigned complement = 0; complement < 2; complement++) {
    uint64_t flip = complement ? ~0ul : 0;
    for (uint64_t at = ram_base; at < ram_base + ram_size; at += STEP) {
      if (!taken(at)) *(volatile uint64_t *)at = at ^ flip;
    }
    for (uint64_t at = ram_base; at < ram_base + ram_size; at += STEP) {
      if (!taken(at) && *(volatile uint64_t *)at != (at ^ flip)) bad++;
    }
  }
  return bad;
}

// Patterns through a few pages, by accesses of each size.
static unsigned test_patterns(void) {
  static volatile uint64_t block[PATTERN_WORDS];
  unsigned bad = 0;
  for (unsigned bit = 0; bit < 64; bit += 7) {
    for (unsigned i = 0; i < PATTERN_WORDS; i++) block[i] = 1ul << bit ^ i * 0x9e3779b97f4a7c15;
    for (unsigned i = 0; i < PATTERN_WORDS; i++) {
      uint64_t expected = 1ul << bit ^ i * 0x9e3779b97f4a7c15;
      volatile uint32_t *words = (volatile uint32_t *)&block[i];
      volatile uint16_t *halves = (volatile uint16_t *)&block[i];
      volatile uint8_t *bytes = (volatile uint8_t *)&block[i];
      if (block[i] != expected || words[1] != expected >> 32 || halves[1] != (expected >> 16 & 0xffff) ||
          bytes[7] != expected >> 56) {
        bad++;
      }
    }
  }
  return bad;
}

void show_memory(int count, char **words) {
  (void)count, (void)words;
  uint64_t image = (uintptr_t)image_start, start, size;
  show_range("RAM", ram_base, ram_size);
  show_range("monitor", image, (uintptr_t)image_end - image);
  if (description_place(&start, &size)) show_range(description, start, size);
  print("test of addresses, every MiB: ");
  unsigned bad = test_addresses();
  if (bad == 0) print("good\n");
  else print("%u words are wrong\n", bad);
  print("test of patterns, 64 KiB: ");
  bad = test_patterns();
  if (bad == 0) print("good\n");
  else print("%u words are wrong\n", bad);
}

static bool read_address(const char *word, uint64_t *address) {
  if (text_number(word, address) && *address % 4 == 0) return true;
  print("\"%s\" is no address of a 32-bit word.\n", word);
  return false;
}

void peek(int count, char **words) {
  uint64_t address, number = 1;
  if (count < 2) {
    print("Which address? peek ADDR [COUNT]\n");
    return;
  }
  if (!read_address(words[1], &address)) return;
  if (count > 2 && (!text_number(words[2], &number) || number == 0 || number > 1024)) {
    print("The count is 1 to 1024.\n");
    return;
  }
  for (uint64_t i = 0; i < number && !interrupted(); i++) {
    uint32_t value;
    if (!try_read(address + i * 4, &value)) {
      if (i % 4 != 0) print("\n");
      print_fault();
      return;
    }
    if (i % 4 == 0) print("0x%08lx:", address + i * 4);
    print(" %08x%s", value, i % 4 == 3 || i == number - 1 ? "\n" : "");
  }
}

void poke(int count, char **words) {
  uint64_t address, value;
  if (count < 3) {
    print("Which address and value? poke ADDR VALUE\n");
    return;
  }
  if (!read_address(words[1], &address)) return;
  if (!text_number(words[2], &value) || value > UINT32_MAX) {
    print("\"%s\" is no 32-bit value.\n", words[2]);
    return;
  }
  if (!try_write(address, (uint32_t)value)) print_fault();
}
