// FXSAVE, XSAVE and what goes with them.
#include "../../common/tap.h"
#include "../../common/text.h"
#include "../../x86_64/exception.h"
#include "../../x86_64/x86_64.h"
#include "fp.h"

struct image {
  uint16_t control, status;
  uint8_t tags, reserved;
  uint16_t opcode;
  uint64_t instruction, operand;
  uint32_t mxcsr, mxcsr_mask;
  uint8_t st[8][16], xmm[16][16], rest[96];
  // XSAVE: header and what may follow.
  uint64_t present, compact, more[6];
  uint8_t extended[3072];
};
enum { X87 = 1, SSE = 2, ALL = X87 | SSE };

static struct image saved __attribute__((aligned(64))), other __attribute__((aligned(64)));
static const uint64_t low = 0x1122334455667788, high = 0x99aabbccddeeff00;

static void load_registers(void) {
  __asm__ volatile("fninit\n\tfld1\n\tfldpi\n\tfldz");
  __asm__ volatile("movq %0, %%xmm0\n\tmovq %1, %%xmm15\n\tpunpcklqdq %%xmm15, %%xmm0\n\tpunpcklqdq %%xmm0, %%xmm15" ::"m"(low), "m"(high));
}

static void spoil_registers(void) {
  __asm__ volatile("fninit\n\tpxor %xmm0, %xmm0\n\tpxor %xmm15, %xmm15");
  set_mxcsr(0x1fbf);
}

static bool registers_are_back(void) {
  uint64_t now[2];
  __asm__ volatile("movups %%xmm0, %0" : "=m"(now));
  return now[0] == low && now[1] == high;
}

static void test_fxsave(void) {
  tap_note("FXSAVE");
  load_registers();
  set_mxcsr(0x1f80);
  memset(&saved, 0x55, sizeof saved);
  __asm__ volatile("fxsave64 %0" : "+m"(saved));
  tap_equal(saved.control, 0x37f, "control word");
  tap_equal(saved.status, 5 << 11, "status word: the top");
  tap_equal(saved.tags, 0xe0, "tags: one bit for each register that is not empty");
  tap_equal(saved.mxcsr, 0x1f80, "MXCSR");
  tap_equal(saved.mxcsr_mask & 0xffff, 0xffff, "its mask: DAZ is there");
  tap_ok(*(uint64_t *)&saved.st[1][0] == 0xc90fdaa22168c235 && saved.st[1][8] == 0 && saved.st[1][9] == 0x40, "ST(1) is pi");
  tap_ok(*(uint64_t *)&saved.st[2][0] == 1ul << 63 && saved.st[2][9] == 0x3f, "ST(2) is 1");
  tap_ok(*(uint64_t *)&saved.xmm[0][0] == low && *(uint64_t *)&saved.xmm[0][8] == high, "XMM0");
  tap_ok(*(uint64_t *)&saved.xmm[15][0] == high && *(uint64_t *)&saved.xmm[15][8] == low, "XMM15");
  tap_equal(saved.rest[48], 0x55, "the last 48 bytes are not written");
  spoil_registers();
  __asm__ volatile("fxrstor64 %0" ::"m"(saved));
  tap_ok(registers_are_back() && get_mxcsr() == 0x1f80, "FXRSTOR brings it back");
  uint64_t number;
  __asm__ volatile("fstp %%st(0)\n\tfistpll %0" : "=m"(number));
  tap_equal(number, 3, "the stack too");
  struct taken taken = {0};
  other = saved;
  other.mxcsr = 0x10000;
  void restore_other(void);
  tap_ok(guarded(&taken, restore_other, 0, 0, 0) && taken.frame.vector == PROTECTION, "a reserved bit of MXCSR: #GP");
}

void restore_other(void) {
  __asm__ volatile("fxrstor64 %0" ::"m"(other));
}

static uint64_t read_xcr0(void) {
  uint32_t a, d;
  __asm__ volatile("xgetbv" : "=a"(a), "=d"(d) : "c"(0));
  return (uint64_t)d << 32 | a;
}

static void write_xcr0(uint64_t value) {
  __asm__ volatile("xsetbv" ::"c"(0), "a"((uint32_t)value), "d"((uint32_t)(value >> 32)));
}

static void save(uint64_t what) {
  __asm__ volatile("xsave64 %0" : "+m"(saved) : "a"((uint32_t)what), "d"(0) : "memory");
}

static void restore(uint64_t what) {
  __asm__ volatile("xrstor64 %0" ::"m"(saved), "a"((uint32_t)what), "d"(0) : "memory");
}

static bool refused(void (*function)(), uint64_t value) {
  struct taken taken = {0};
  return guarded(&taken, function, value, 0, 0) && taken.frame.vector == PROTECTION && taken.frame.error == 0;
}

static void test_xsave(void) {
  static const char *const names[] = {
      "CPUID says that it is on", "XCR0 is x87 after reset", "x87 and SSE", "SSE without x87: #GP", "no x87: #GP", "the area of both has 576 bytes",
      "XSAVE of all: both are there", "XMM0", "the header's other bytes are as before", "XRSTOR of all", "XSAVE of x87 leaves SSE",
      "XRSTOR of what is not there: initial state", "MXCSR comes from the area", "a reserved bit of the header: #GP", "an area that is not aligned: #GP", "XSAVEOPT",
  };
  unsigned next = 0;
  tap_note("XSAVE");
  if (!has_feature(1, 2, 26)) {
    for (unsigned i = 0; i < sizeof names / sizeof *names; i++) tap_skip("there is none", "%s", names[i]);
    return;
  }
  write_control("cr4", read_control("cr4") | CR4_OSXSAVE);
  tap_ok(has_feature(1, 2, 27), "%s", names[next++]);
  tap_equal(read_xcr0(), X87, "%s", names[next++]);
  write_xcr0(ALL);
  tap_equal(read_xcr0(), ALL, "%s", names[next++]);
  tap_ok(refused(write_xcr0, SSE), "%s", names[next++]);
  tap_ok(refused(write_xcr0, 0), "%s", names[next++]);
  tap_equal(cpuid(0xd, 0).ebx, 576, "%s", names[next++]);
  load_registers();
  set_mxcsr(0x1f80);
  memset(&saved, 0, sizeof saved);
  saved.present = 0;
  save(ALL);
  tap_equal(saved.present, ALL, "%s", names[next++]);
  tap_ok(*(uint64_t *)&saved.xmm[0][0] == low && *(uint64_t *)&saved.xmm[0][8] == high, "%s", names[next++]);
  tap_ok(saved.compact == 0 && saved.more[0] == 0, "%s", names[next++]);
  spoil_registers();
  restore(ALL);
  tap_ok(registers_are_back() && get_mxcsr() == 0x1f80, "%s", names[next++]);
  memset(&saved, 0, sizeof saved);
  save(X87);
  tap_ok(saved.present == X87 && *(uint64_t *)&saved.xmm[0][0] == 0 && saved.control == 0x37f, "%s", names[next++]);
  saved.mxcsr = 0x1fa0;
  restore(ALL);
  uint64_t now[2];
  __asm__ volatile("movups %%xmm0, %0" : "=m"(now));
  tap_ok(now[0] == 0 && now[1] == 0, "%s", names[next++]);
  tap_equal(get_mxcsr(), 0x1fa0, "%s", names[next++]);
  saved.compact = 1;
  tap_ok(refused(restore, ALL), "%s", names[next++]);
  saved.compact = 0;
  struct taken taken = {0};
  void restore_misaligned(void);
  tap_ok(guarded(&taken, restore_misaligned, 0, 0, 0) && taken.frame.vector == PROTECTION, "%s", names[next++]);
  if (cpuid(0xd, 1).eax & 1) {
    load_registers();
    memset(&saved, 0, sizeof saved);
    __asm__ volatile("xsaveopt64 %0" : "+m"(saved) : "a"(ALL), "d"(0) : "memory");
    spoil_registers();
    restore(ALL);
    tap_ok(registers_are_back(), "%s", names[next++]);
  } else {
    tap_skip("there is none", "%s", names[next++]);
  }
  set_mxcsr(0x1f80);
}

void restore_misaligned(void) {
  __asm__ volatile("xrstor64 16(%0)" ::"r"(&saved), "a"(ALL), "d"(0) : "memory");
}

void test_state(void) {
  test_fxsave();
  test_xsave();
}
