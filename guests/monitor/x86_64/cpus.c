#include "../../common/print.h"
#include "../../x86_64/cpu.h"
#include "../../x86_64/x86_64.h"
#include "../monitor.h"

// A feature: CPUID leaf, register 0 to 3 (EAX, EBX, ECX, EDX), bit.
static const struct feature {
  const char *name;
  uint32_t leaf;
  unsigned reg, bit;
} features[] = {
    {"sse3", 1, 2, 0},    {"pclmul", 1, 2, 1},   {"ssse3", 1, 2, 9},   {"cx16", 1, 2, 13},  {"sse4.1", 1, 2, 19},
    {"sse4.2", 1, 2, 20}, {"x2apic", 1, 2, 21},  {"movbe", 1, 2, 22},  {"popcnt", 1, 2, 23}, {"deadline", 1, 2, 24},
    {"aes", 1, 2, 25},    {"xsave", 1, 2, 26},   {"rdrand", 1, 2, 30}, {"pcid", 1, 2, 17},
    {"fsgsbase", 7, 1, 0}, {"bmi1", 7, 1, 3},    {"smep", 7, 1, 7},    {"bmi2", 7, 1, 8},   {"invpcid", 7, 1, 10},
    {"rdseed", 7, 1, 18}, {"adx", 7, 1, 19},     {"smap", 7, 1, 20},   {"sha", 7, 1, 29},   {"umip", 7, 2, 2},
    {"syscall", 0x80000001, 3, 11}, {"nx", 0x80000001, 3, 20}, {"1gib", 0x80000001, 3, 26}, {"rdtscp", 0x80000001, 3, 27},
};
enum { FEATURES = sizeof features / sizeof *features, BRAND = 0x80000002 };

static bool has(const struct feature *feature) {
  if (cpuid(feature->leaf & 0x80000000, 0).eax < feature->leaf) return false;
  struct cpuid r = cpuid(feature->leaf, 0);
  const uint32_t registers[] = {r.eax, r.ebx, r.ecx, r.edx};
  return registers[feature->reg] >> feature->bit & 1;
}

static void print_brand(void) {
  struct cpuid parts[4] = {{0}};
  for (unsigned i = 0; i < 3; i++) parts[i] = cpuid(BRAND + i, 0);
  print("%s\n", (const char *)parts);
}

void show_cpus(int count, char **words) {
  (void)count, (void)words;
  for (unsigned i = 0; i < cpu_count; i++) {
    if (!cpus[i].running && cpu_start(i) != 0) {
      print("cpu %u  APIC %u does not start\n", i, cpus[i].apic_id);
      continue;
    }
    cpu_ping(i);
    print("cpu %u  APIC %u  answers interrupts\n", i, cpus[i].apic_id);
  }
  print_brand();
  uint32_t signature = cpuid(1, 0).eax, sizes = cpuid(0x80000008, 0).eax;
  print("signature 0x%08x, physical addresses of %u bits, linear ones of %u\nfeatures:", signature, sizes & 0xff,
        sizes >> 8 & 0xff);
  for (unsigned i = 0; i < FEATURES; i++) {
    if (has(&features[i])) print(" %s", features[i].name);
  }
  print("\n");
}
