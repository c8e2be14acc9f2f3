#include "../monitor.h"
#include "../../aarch64/cpu.h"
#include "../../aarch64/psci.h"
#include "../../common/print.h"

static const char *part_name(uint64_t midr) {
  if (midr >> 24 != 0x41) return "";
  switch (midr >> 4 & 0xfff) {
    case 0xd03: return "Cortex-A53";
    case 0xd04: return "Cortex-A35";
    case 0xd05: return "Cortex-A55";
    case 0xd07: return "Cortex-A57";
    case 0xd08: return "Cortex-A72";
    case 0xd0b: return "Cortex-A76";
    case 0xd0c: return "Neoverse-N1";
    default: return "";
  }
}

// Field of an ID register, and the least value of it that means the feature.
struct feature {
  const char *name;
  unsigned shift, least;
};

static void print_features(uint64_t value, const struct feature *features, unsigned count) {
  for (unsigned i = 0; i < count; i++) {
    unsigned field = value >> features[i].shift & 15;
    // FP and AdvSIMD: 15 is none.
    if (field >= features[i].least && field != 15) print(" %s", features[i].name);
  }
}

static const struct feature pfr0[] = {{"fp", 16, 0}, {"asimd", 20, 0}, {"fp16", 16, 1}, {"sve", 32, 1}};
static const struct feature isar0[] = {{"aes", 4, 1},    {"pmull", 4, 2},  {"sha1", 8, 1}, {"sha256", 12, 1},
                                       {"sha512", 12, 2}, {"crc32", 16, 1}, {"lse", 20, 2}, {"rdm", 28, 1},
                                       {"dotprod", 44, 1}, {"flagm", 52, 1}, {"rng", 60, 1}};
static const struct feature isar1[] = {{"dcpop", 0, 1}, {"fcma", 16, 1}, {"jscvt", 12, 1}, {"lrcpc", 20, 1}};
static const struct feature mmfr1[] = {{"hafdbs", 0, 1}, {"vhe", 8, 1}, {"pan", 20, 1}};
#define PRINT(value, features) print_features(value, features, sizeof features / sizeof *features)

void show_cpus(int count, char **words) {
  (void)count, (void)words;
  static const uint8_t address_bits[] = {32, 36, 40, 42, 44, 48, 52};
  uint32_t version = psci_version();
  print("PSCI %u.%u, EL%lu\n", version >> 16, version & 0xffff, read_register("CurrentEL") >> 2);
  for (unsigned i = 0; i < cpu_count; i++) {
    struct cpu *cpu = &cpus[i];
    int error = cpu->running ? 0 : cpu_start(i);
    if (error != 0) {
      print("cpu %u  affinity 0x%lx does not start: PSCI error %d\n", i, cpu->affinity, error);
      continue;
    }
    cpu_ping(i);
    print("cpu %u  MPIDR 0x%010lx  MIDR 0x%08lx %s r%lup%lu  answers interrupts\n", i, cpu->mpidr, cpu->midr,
          part_name(cpu->midr), cpu->midr >> 20 & 15, cpu->midr & 15);
  }
  uint64_t mmfr0 = read_register("id_aa64mmfr0_el1");
  unsigned range = mmfr0 & 15;
  print("physical addresses of %u bits, ASIDs of %u, pages of", range < 7 ? address_bits[range] : 0,
        (mmfr0 >> 4 & 15) == 2 ? 16 : 8);
  if ((mmfr0 >> 28 & 15) != 15) print(" 4K");
  if ((mmfr0 >> 20 & 15) != 0) print(" 16K");
  if ((mmfr0 >> 24 & 15) != 15) print(" 64K");
  print("\nfeatures:");
  PRINT(read_register("id_aa64pfr0_el1"), pfr0);
  PRINT(read_register("id_aa64isar0_el1"), isar0);
  PRINT(read_register("id_aa64isar1_el1"), isar1);
  PRINT(read_register("id_aa64mmfr1_el1"), mmfr1);
  print("\n");
}
