// Executes instruction sequences from given states on a real or emulated AArch64. It is its own
// debugger: each case is entered by a signal return and left by the signal of the UDF (a word of
// zeros) that follows it, so that all registers are there. When an instruction faults, the case runs
// again with UDF in its place: the state before it, whatever the executor had done of it already.
//
// Standard input: batches of
//   u32 count, count slots of 17 instruction words, u32 runs, runs of { u32 slot, u32 0, state, centre }
// Standard output: for each run { state, u32 n, u32 0, n of { u32 offset, u32 value } } with the words
// of the window that are not what they were. See cases.ts.
// aarch64-linux-gnu-gcc -O1 -static-pie -fPIE -fno-stack-protector -o record record.c
#define _GNU_SOURCE
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <ucontext.h>

#define WINDOW 0x50000000ul
#define WINDOW_SIZE 0x2000
#define CENTRE 0xe00
#define CENTRE_SIZE 0x400
#define CODE 0x50010000ul
#define CODE_SIZE 0x11000
#define SLOT 68

// TIMEOUT also for a fault whose state before it was not found.
enum { END, FAULT, ALIGNMENT, FETCH, UNDEFINED, TIMEOUT };

struct state {
  uint64_t x[32];
  uint32_t v[128];
  uint64_t tpidr;
  uint32_t nzcv, fpcr, fpsr, ending;
  uint64_t pc;
};
struct run {
  uint32_t slot, zero;
  struct state state;
  uint8_t centre[CENTRE_SIZE];
};

static uint8_t *code, *window;
static uint8_t initial[WINDOW_SIZE];
static uint32_t count, runs, current, again, first_ending;
static struct run *cases;
// General registers when an instruction faulted: others there now mean that a loop came to it before.
static uint64_t faulted[31];
static ucontext_t outside;
static int active;
static uint64_t own_tpidr;
static int last_tick;

static void die(const char *text) {
  fprintf(stderr, "%s\n", text);
  exit(1);
}

static void patch(uint64_t address, uint32_t word) {
  mprotect(code, CODE_SIZE, PROT_READ | PROT_WRITE);
  *(uint32_t *)address = word;
  mprotect(code, CODE_SIZE, PROT_READ | PROT_EXEC);
  __builtin___clear_cache((char *)address, (char *)address + 4);
}

static struct fpsimd_context *vectors(ucontext_t *uc) {
  struct fpsimd_context *fp = (void *)uc->uc_mcontext.__reserved;
  if (fp->head.magic != FPSIMD_MAGIC) die("no FPSIMD record");
  return fp;
}

static uint64_t enter(ucontext_t *uc) {
  struct run *c = &cases[current];
  memset(initial, 0, WINDOW_SIZE);
  memcpy(initial + CENTRE, c->centre, CENTRE_SIZE);
  memcpy(window, initial, WINDOW_SIZE);
  struct fpsimd_context *fp = vectors(uc);
  memcpy(uc->uc_mcontext.regs, c->state.x, 31 * 8);
  uc->uc_mcontext.sp = c->state.x[31];
  uc->uc_mcontext.pc = CODE + c->slot * SLOT;
  uc->uc_mcontext.pstate = (uc->uc_mcontext.pstate & 0x0fffffff) | c->state.nzcv << 28;
  memcpy(fp->vregs, c->state.v, 512);
  fp->fpcr = c->state.fpcr;
  fp->fpsr = c->state.fpsr;
  return c->state.tpidr;
}

static void leave(ucontext_t *uc, uint64_t tpidr, uint32_t ending) {
  struct state s;
  memset(&s, 0, sizeof s);
  struct fpsimd_context *fp = vectors(uc);
  memcpy(s.x, uc->uc_mcontext.regs, 31 * 8);
  s.x[31] = uc->uc_mcontext.sp;
  s.pc = uc->uc_mcontext.pc;
  s.nzcv = uc->uc_mcontext.pstate >> 28;
  memcpy(s.v, fp->vregs, 512);
  s.fpcr = fp->fpcr;
  s.fpsr = fp->fpsr;
  s.tpidr = tpidr;
  s.ending = ending;
  fwrite(&s, sizeof s, 1, stdout);
  uint32_t changes[2] = {0, 0};
  for (int i = 0; i < WINDOW_SIZE; i += 4) changes[0] += memcmp(window + i, initial + i, 4) != 0;
  fwrite(changes, sizeof changes, 1, stdout);
  for (int i = 0; i < WINDOW_SIZE; i += 4) {
    if (memcmp(window + i, initial + i, 4) == 0) continue;
    uint32_t change[2] = {i, *(uint32_t *)(window + i)};
    fwrite(change, sizeof change, 1, stdout);
  }
}

static uint32_t ending_of(int signal, uint64_t pc) {
  int inside = pc >= CODE && pc < CODE + CODE_SIZE && pc % 4 == 0;
  if (signal == SIGALRM) return TIMEOUT;
  if (signal == SIGILL) return *(uint32_t *)pc == 0 ? END : UNDEFINED;
  if (!inside) return FETCH;
  return signal == SIGBUS ? ALIGNMENT : FAULT;
}

static void on_signal(int signal, siginfo_t *info, void *context) {
  uint64_t tpidr;
  asm volatile("mrs %0, tpidr_el0" : "=r"(tpidr));
  asm volatile("msr tpidr_el0, %0" ::"r"(own_tpidr) : "memory");
  ucontext_t *uc = context;
  uint64_t pc = uc->uc_mcontext.pc;
  if (signal == SIGALRM && (!active || last_tick != (int)current)) {
    last_tick = active ? (int)current : -1;
    asm volatile("msr tpidr_el0, %0" ::"r"(tpidr) : "memory");
    return;
  }
  if (!active) {
    if (signal != SIGILL) die("fault in the recorder");
    outside = *uc;
    active = 1;
    current = 0;
    again = 0;
  } else {
    uint32_t ending = ending_of(signal, pc);
    if (again != 0) {
      int same = ending == END && memcmp(uc->uc_mcontext.regs, faulted, sizeof faulted) == 0;
      leave(uc, tpidr, same ? first_ending : TIMEOUT);
      patch(pc, again);
      again = 0;
      current++;
    } else if (ending == FAULT || ending == ALIGNMENT || ending == UNDEFINED) {
      first_ending = ending;
      again = *(uint32_t *)pc;
      patch(pc, 0);
      memcpy(faulted, uc->uc_mcontext.regs, sizeof faulted);
    } else {
      leave(uc, tpidr, ending);
      current++;
    }
  }
  if (current == runs) {
    *uc = outside;
    uc->uc_mcontext.pc += 4;
    active = 0;
    return;
  }
  tpidr = enter(uc);
  asm volatile("msr tpidr_el0, %0" ::"r"(tpidr) : "memory");
}

int main(void) {
  asm volatile("mrs %0, tpidr_el0" : "=r"(own_tpidr));
  window = mmap((void *)WINDOW, WINDOW_SIZE, PROT_READ | PROT_WRITE,
                MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
  code = mmap((void *)CODE, CODE_SIZE, PROT_READ | PROT_WRITE,
              MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
  if (window == MAP_FAILED || code == MAP_FAILED) die("mmap");
  stack_t stack = {.ss_sp = malloc(1 << 18), .ss_size = 1 << 18};
  sigaltstack(&stack, 0);
  struct sigaction action = {.sa_sigaction = on_signal,
                             .sa_flags = SA_ONSTACK | SA_SIGINFO | SA_RESTART};
  sigfillset(&action.sa_mask);
  sigaction(SIGILL, &action, 0);
  sigaction(SIGSEGV, &action, 0);
  sigaction(SIGBUS, &action, 0);
  sigaction(SIGALRM, &action, 0);
  struct itimerval tick = {{2, 0}, {2, 0}};
  setitimer(ITIMER_REAL, &tick, 0);
  while (fread(&count, 4, 1, stdin) == 1) {
    mprotect(code, CODE_SIZE, PROT_READ | PROT_WRITE);
    memset(code, 0, CODE_SIZE);
    if (fread(code, SLOT, count, stdin) != count) die("input ends in code");
    mprotect(code, CODE_SIZE, PROT_READ | PROT_EXEC);
    __builtin___clear_cache((char *)code, (char *)code + CODE_SIZE);
    if (fread(&runs, 4, 1, stdin) != 1) die("input ends");
    cases = malloc(sizeof *cases * runs);
    if (fread(cases, sizeof *cases, runs, stdin) != runs) die("input ends in runs");
    if (runs > 0) asm volatile(".word 0" ::: "memory");
    free(cases);
  }
  return 0;
}
