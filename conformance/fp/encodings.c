// Records which words of the encoding group "Data Processing -- Scalar Floating-Point and Advanced
// SIMD" are allocated, for lib/arch/aarch64/simd_encodings_test.ts:
//
// record.sh builds and runs it. One line per value of bits 31:28 and 24:21 with an allocated word:
// the word with the other bits zero, the number of allocated words, and a checksum over bits 20:10 of
// those, with Rn = 1, Rd = 0. `encodings WORD` (hexadecimal) lists them.
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <ucontext.h>

#define WORDS 2048

static volatile int illegal;

static void refused(int signal, siginfo_t *info, void *context) {
  ucontext_t *c = context;
  illegal = 1;
  c->uc_mcontext.pc = c->uc_mcontext.regs[30];
}

int main(int argc, char **argv) {
  struct sigaction action = {.sa_sigaction = refused, .sa_flags = SA_SIGINFO};
  sigaction(SIGILL, &action, 0);
  uint32_t only = argc > 1 ? strtoul(argv[1], 0, 16) : 0;
  uint32_t *code = mmap(0, WORDS * 8, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  for (uint32_t top = 0; top < 256; top++) {
    uint32_t base = (top >> 4) << 28 | 7 << 25 | (top & 15) << 21;
    if (only && only != base) continue;
    for (uint32_t i = 0; i < WORDS; i++) {
      code[2 * i] = base | i << 10 | 1 << 5;
      code[2 * i + 1] = 0xd65f03c0; // ret
    }
    __builtin___clear_cache((char *)code, (char *)(code + 2 * WORDS));
    uint32_t hash = 0x811c9dc5, count = 0;
    for (uint32_t i = 0; i < WORDS; i++) {
      illegal = 0;
      register void *function __asm__("x9") = code + 2 * i;
      __asm__ volatile("blr x9" : : "r"(function) : "x30", "x0", "x1", "v0", "v1", "v2", "memory", "cc");
      if (illegal) continue;
      hash = (hash ^ i) * 16777619u;
      hash ^= hash >> 15;
      count++;
      if (only) printf("%08x\n", code[2 * i]);
    }
    if (count && !only) printf("%08x %u %08x\n", base, count, hash);
  }
  return 0;
}
