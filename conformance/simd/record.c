// Executes instruction words read from stdin on a real or emulated AArch64 and prints, for each, a
// digest of registers and memory after ROUNDS rounds, or "undefined" if it traps. Inputs and digest
// are those of cases.ts. With an argument that is a number, prints the state after that round.
// aarch64-linux-gnu-gcc -O1 -static -o record record.c trampoline.S
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define MAPPED 0x50000000ul
// A page boundary is in the middle.
#define WINDOW 0x50000800ul
#define WINDOW_SIZE 0x1000
#define PC 0x50002400ul
#define ROUNDS 24

struct state {
  uint32_t v[128];
  uint64_t x[32];
  uint64_t fpsr;
} state;
uint64_t host_sp;

extern char trampoline[], trampoline_instruction[], trampoline_end[];

static uint32_t seed;
static uint32_t next(void) {
  seed ^= seed << 13;
  seed ^= seed >> 17;
  seed ^= seed << 5;
  return seed;
}

static const uint32_t EDGES[] = {0,          1,          -1,         0x7fffffff,
                                 0x80000000, 0x7ffffffe, 0x80000001, 2};

static void fill_vector(uint32_t *out) {
  uint8_t *bytes = (uint8_t *)out;
  int style = next() & 7;
  for (int i = 0; i < 4; i++) out[i] = next();
  if (style < 3) return;
  uint32_t choice = next();
  if (style == 3) {
    int size = 1 << (choice & 3);
    for (int i = 0; i < 16; i += size) {
      int count = (int)(next() % 140) - 70;
      for (int j = 0; j < size; j++) bytes[i + j] = j == 0 ? count : count >> 31;
    }
    return;
  }
  int size = style - 4;
  for (int i = 0; i < 16; i += 1 << size) {
    uint32_t edge = EDGES[next() & 7];
    uint8_t top = edge >> 24;
    for (int j = 0; j < 1 << size; j++) bytes[i + j] = edge >> 8;
    bytes[i] = edge;
    if (size == 0) bytes[i] = (top & 0x80) | (edge & 0x7f);
    else bytes[i + (1 << size) - 1] = top;
  }
}

static int is_load_store(uint32_t word) { return (word & 0x0a000000) == 0x08000000; }

static void prepare(uint32_t word, int round) {
  seed = word ^ (uint32_t)(round + 1) * 0x9e3779b1u;
  if (seed == 0) seed = 1;
  next();
  next();
  memset(&state, 0, sizeof state);
  for (int i = 0; i < 32; i++) fill_vector(state.v + i * 4);
  for (int i = 0; i < 31; i++) {
    uint64_t low = next();
    state.x[i] = (uint64_t)next() << 32 | low;
  }
  state.x[31] = WINDOW + 0x800;
  if (!is_load_store(word)) return;
  for (int i = 0; i < WINDOW_SIZE / 4; i++) ((uint32_t *)WINDOW)[i] = next();
  if ((word & 0x3b000000) == 0x18000000) return;
  int rn = word >> 5 & 31, rm = word >> 16 & 31;
  if ((word & 0x3b200c00) == 0x38200800 && rm != 31) {
    int64_t small = next() & 63;
    uint64_t high = state.x[rm] >> 32 << 32;
    int option = word >> 13 & 7;
    if (option == 2) state.x[rm] = high | small;
    else if (option == 6) state.x[rm] = high | (uint32_t)(small - 32);
    else state.x[rm] = small - 32;
  }
  if (rn != 31) state.x[rn] = WINDOW + 0x7e0 + (next() & 63);
}

static uint32_t mix(uint32_t hash, uint32_t word) {
  return ((hash << 5 | hash >> 27) ^ word) * 0x9e3779b1u;
}

static uint32_t digest(uint32_t word, uint32_t hash) {
  for (int i = 0; i < 128; i++) hash = mix(hash, state.v[i]);
  for (int i = 0; i < 32; i++) {
    hash = mix(hash, state.x[i]);
    hash = mix(hash, state.x[i] >> 32);
  }
  hash = mix(hash, state.fpsr & 1 << 27);
  if (!is_load_store(word)) return hash;
  for (int i = 0; i < WINDOW_SIZE / 4; i++) hash = mix(hash, ((uint32_t *)WINDOW)[i]);
  return hash;
}

static sigjmp_buf trapped;
static void on_trap(int signal) { siglongjmp(trapped, signal); }

int main(int argc, char **argv) {
  if (mmap((void *)MAPPED, 0x4000, PROT_READ | PROT_WRITE | PROT_EXEC,
           MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == MAP_FAILED)
    return 1;
  char *code = (char *)PC - (trampoline_instruction - trampoline);
  uint64_t *pointers = (uint64_t *)(code + (trampoline_end - trampoline)) - 2;
  stack_t stack = {.ss_sp = malloc(1 << 16), .ss_size = 1 << 16};
  sigaltstack(&stack, 0);
  struct sigaction action = {.sa_handler = on_trap, .sa_flags = SA_ONSTACK | SA_NODEFER};
  sigaction(SIGILL, &action, 0);
  sigaction(SIGSEGV, &action, 0);
  sigaction(SIGBUS, &action, 0);
  int only = argc > 1 ? atoi(argv[1]) : -1;
  uint32_t word;
  while (scanf("%x", &word) == 1) {
    volatile uint32_t hash = 0;
    // Anew for each word: a store may have hit it.
    memcpy(code, trampoline, trampoline_end - trampoline);
    pointers[0] = (uint64_t)&state;
    pointers[1] = (uint64_t)&host_sp;
    *(volatile uint32_t *)PC = word;
    __builtin___clear_cache(code, code + (trampoline_end - trampoline));
    int signal = sigsetjmp(trapped, 1);
    if (signal != 0) {
      printf("%08x %s\n", word, signal == SIGILL ? "undefined" : "fault");
      continue;
    }
    for (int round = 0; round < ROUNDS; round++) {
      prepare(word, round);
      ((void (*)(void))code)();
      hash = digest(word, hash);
      if (round == only) {
        for (int i = 0; i < 32; i++)
          printf("v%-2d %08x %08x %08x %08x\n", i, state.v[i * 4 + 3], state.v[i * 4 + 2],
                 state.v[i * 4 + 1], state.v[i * 4]);
        for (int i = 0; i < 32; i++) printf("x%-2d %016lx\n", i, state.x[i]);
        printf("fpsr %lx\n", state.fpsr);
      }
    }
    printf("%08x %08x\n", word, hash);
  }
}
