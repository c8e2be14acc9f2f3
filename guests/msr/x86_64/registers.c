#include "../../common/tap.h"
#include "../../x86_64/programs.h"
#include "../../x86_64/x86_64.h"
#include "msr.h"

enum { MTRR_CAP = 0xfe, MTRR_DEFAULT = 0x2ff, MICROCODE = 0x8b, MCG_CAP = 0x179, CPUID_MTRR = 1 << 12 };
#define ADDRESS_1 0xffff800012345678
#define ADDRESS_2 0x00007fffdeadbeef

// Registers that keep what is written: their bits.
static const struct {
  const char *name;
  uint32_t msr;
  uint64_t values[2];
} kept[] = {
    {"IA32_STAR", MSR_STAR, {0x0023001000000000, 0x1122334455667788}},
    {"IA32_LSTAR", MSR_LSTAR, {ADDRESS_1, ADDRESS_2}},
    {"IA32_CSTAR", MSR_CSTAR, {ADDRESS_1, ADDRESS_2}},
    {"IA32_FMASK", MSR_FMASK, {0x47700, 0}},
    {"IA32_FS_BASE", MSR_FS_BASE, {ADDRESS_1, ADDRESS_2}},
    {"IA32_GS_BASE", MSR_GS_BASE, {ADDRESS_1, ADDRESS_2}},
    {"IA32_KERNEL_GS_BASE", MSR_KERNEL_GS_BASE, {ADDRESS_1, ADDRESS_2}},
    {"IA32_SYSENTER_CS", MSR_SYSENTER_CS, {0x10, 0}},
    {"IA32_SYSENTER_ESP", MSR_SYSENTER_ESP, {ADDRESS_1, ADDRESS_2}},
    {"IA32_SYSENTER_EIP", MSR_SYSENTER_EIP, {ADDRESS_1, ADDRESS_2}},
    {"IA32_PAT", MSR_PAT, {0x0007040600070406, 0x0605040100070406}},
    {"IA32_TSC_AUX", MSR_TSC_AUX, {0x12345678, 0}},
};
enum { KEPT = sizeof kept / sizeof *kept };

static void check_kept(void) {
  for (unsigned i = 0; i < KEPT; i++) {
    uint64_t before = read_msr(kept[i].msr);
    bool good = true;
    for (unsigned k = 0; k < 2; k++) {
      write_msr(kept[i].msr, kept[i].values[k]);
      uint64_t found = read_msr(kept[i].msr);
      if (found == kept[i].values[k]) continue;
      tap_note("found 0x%lx, expected 0x%lx", found, kept[i].values[k]);
      good = false;
    }
    write_msr(kept[i].msr, before);
    tap_ok(good, "%s keeps what is written", kept[i].name);
  }
}

static void write(uint64_t msr, uint64_t value) {
  write_msr((uint32_t)msr, value);
}

static void check_refused(const char *name, uint32_t msr, uint64_t value) {
  struct taken taken = {0};
  uint64_t before = read_msr(msr);
  bool ended = guarded(&taken, write, msr, value, 0);
  bool good = ended && taken.frame.vector == PROTECTION && taken.frame.error == 0 && read_msr(msr) == before;
  write_msr(msr, before);
  tap_ok(good, "%s: #GP", name);
}

void test_registers(void) {
  tap_note("registers");
  check_kept();
  if (cpuid(1, 0).edx & CPUID_MTRR) {
    (void)read_msr(MTRR_DEFAULT);
    tap_ok(read_msr(MTRR_CAP) > 0, "MTRRs have a capability register");
  } else {
    tap_skip("there are none", "MTRRs have a capability register");
  }
  tap_ok(read_msr(MSR_MISC_ENABLE) & 1, "IA32_MISC_ENABLE: fast strings");
  (void)read_msr(MICROCODE);
  (void)read_msr(MCG_CAP);
  tap_ok(true, "registers that Linux reads are there");
  tap_equal(read_msr(MSR_EFER) & (EFER_LME | EFER_LMA | EFER_NXE), EFER_LME | EFER_LMA | EFER_NXE, "IA32_EFER: long mode, NX");
  uint64_t before = read_msr(MSR_TSC);
  write_msr(MSR_TSC, 0x1000000000000);
  uint64_t now = read_tsc();
  tap_ok(now >= 0x1000000000000 && now < 0x1001000000000, "the time stamp counter goes on from what is written");
  write_msr(MSR_TSC, before);
  check_refused("a base of FS that is not canonical", MSR_FS_BASE, 0x800000000000);
  check_refused("an IA32_SYSENTER_EIP that is not canonical", MSR_SYSENTER_EIP, 0x800000000000);
  check_refused("a reserved memory type in IA32_PAT", MSR_PAT, 0x0007040600070402);
  check_refused("a reserved bit of IA32_EFER", MSR_EFER, read_msr(MSR_EFER) | 1ul << 63);
  check_refused("an IA32_APIC_BASE that is too long", MSR_APIC_BASE, read_msr(MSR_APIC_BASE) | 1ul << 60);
}
