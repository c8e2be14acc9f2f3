#include "../../common/tap.h"
#include "../../x86_64/x86_64.h"
#include "msr.h"

static void check_features(const char *name, uint32_t found, uint32_t needed) {
  tap_equal(found & needed, needed, "%s", name);
}

void test_cpuid(void) {
  // What every 64-bit CPU has: FPU, PSE, TSC, MSR, PAE, CX8, APIC, PGE, CMOV, PAT, CLFSH, MMX, FXSR, SSE, SSE2.
  enum { LEAF_1_EDX = 1 << 0 | 1 << 3 | 1 << 4 | 1 << 5 | 1 << 6 | 1 << 8 | 1 << 9 | 1 << 13 | 1 << 15 | 1 << 16 | 1 << 19 | 1 << 23 | 1 << 24 | 1 << 25 | 1 << 26 };
  // x86-64-v2: SSE3, SSSE3, CMPXCHG16B, SSE4.1, SSE4.2, POPCNT; LAHF in 64-bit code.
  enum { LEAF_1_ECX = 1 << 0 | 1 << 9 | 1 << 13 | 1 << 19 | 1 << 20 | 1 << 23, LAHF = 1 << 0 };
  enum { SYSCALL = 1 << 11, NX = 1 << 20, LONG_MODE = 1 << 29, OSXSAVE = 1 << 27, HYPERVISOR = 1u << 31 };
  tap_note("CPUID");
  tap_ok(cpuid(0, 0).eax >= 1, "there are basic leaves");
  tap_ok(cpuid(0x80000000, 0).eax >= 0x80000008, "and extended ones up to address sizes");
  check_features("features of all 64-bit CPUs", cpuid(1, 0).edx, LEAF_1_EDX);
  check_features("SYSCALL, NX, long mode", cpuid(0x80000001, 0).edx, SYSCALL | NX | LONG_MODE);
  check_features("x86-64-v2", cpuid(1, 0).ecx, LEAF_1_ECX);
  check_features("LAHF in 64-bit code", cpuid(0x80000001, 0).ecx, LAHF);
  uint32_t sizes = cpuid(0x80000008, 0).eax;
  tap_ok((sizes & 0xff) >= 36 && (sizes & 0xff) <= 52, "36 to 52 bits of physical address");
  tap_equal(sizes >> 8 & 0xff, 48, "48 bits of linear address");
  write_control("cr4", read_control("cr4") & ~CR4_OSXSAVE);
  tap_equal(cpuid(1, 0).ecx & OSXSAVE, 0, "OSXSAVE is that of CR4: 0");
  if (cpuid(1, 0).ecx & 1 << 26) {
    write_control("cr4", read_control("cr4") | CR4_OSXSAVE);
    tap_ok(cpuid(1, 0).ecx & OSXSAVE, "1");
    write_control("cr4", read_control("cr4") & ~CR4_OSXSAVE);
  } else {
    tap_skip("there is no XSAVE", "1");
  }
  tap_ok(cpuid(1, 0).ecx & HYPERVISOR, "there is a hypervisor");
  tap_ok(cpuid(0x40000000, 0).eax >= 0x40000000, "it has leaves");
  struct cpuid a = cpuid(7, 0xff);
  tap_ok((a.eax | a.ebx | a.ecx | a.edx) == 0, "a leaf's part that there is not is 0");
}
