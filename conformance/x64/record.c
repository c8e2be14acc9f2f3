// Executes x86-64 code from given states on the host CPU, in this process. It is its own debugger: the
// code is entered by a signal return, which loads every register, and left by the signal of the
// fault that ends it, which saves every register. A HLT, which faults outside of the kernel, ends what
// ran to its end.
//
//   record cases    standard input: batches of { u32 count, count slots of 64 bytes, u32 runs, runs of
//                   struct run }; output: for each run { struct state, u32 n, u32 0, n of { u32 offset,
//                   u32 value } }, the words of the window that are not what they were.
//   record lengths  input: { u32 states, u32 strings, states of struct run, strings of 16 bytes };
//                   output: for each string { u8 length, u8 vector, u16 error code, u32 address }.
//                   The string lies at a page's end with more and more of its bytes on the page:
//                   what needs bytes of the next page faults there. A single step ends it. String i
//                   starts from state i % states. A length of 16: more than 15.
//
// System calls of the code are caught by a seccomp filter (vector CALL). The layout of struct state is
// that of state.ts.
// cc -O1 -static-pie -fPIE -fno-stack-protector -mfsgsbase -mno-avx -o record record.c
#define _GNU_SOURCE
#include <errno.h>
#include <immintrin.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/time.h>
#include <ucontext.h>
#include <unistd.h>

#define WINDOW 0x50000000ul
#define WINDOW_SIZE 0x2000
#define READ_ONLY_SIZE 0x1000
#define CENTRE 0xe00
#define CENTRE_SIZE 0x400
#define CODE 0x50010000ul
#define CODE_SIZE 0x10000
#define SLOT 64
#define HLT 0xf4

// Vectors that are none of the CPU's: the code ran to its end, made a system call, still runs.
enum { END = 0x100, CALL = 0x101, TIMEOUT = 0x102 };
enum { DB = 1, GP = 13, PF = 14 };
#define PF_INSTRUCTION 16
#define TF 0x100
// Flags that code outside of the kernel can change: ID, AC, NT, OF, DF, TF, SF, ZF, AF, PF, CF.
#define FLAGS 0x244dd5ul

struct state {
  uint64_t gpr[16];
  uint64_t rflags, rip, fs_base, gs_base;
  uint16_t fcw, fsw, ftw, zero;
  uint32_t mxcsr, zero2;
  // R0..R7 in 16 bytes each: ST(i) is R[(TOP + i) % 8].
  uint8_t x87[8][16];
  uint8_t xmm[16][16];
  uint32_t vector, error;
  uint64_t address;
};
struct run {
  uint32_t slot, zero;
  struct state state;
  uint8_t centre[CENTRE_SIZE];
};

// FXSAVE64's area, with what XSAVE adds (SDM volume 1, 13.4).
struct area {
  uint16_t fcw, fsw;
  uint8_t ftw, reserved;
  uint16_t fop;
  uint64_t fip, fdp;
  uint32_t mxcsr, mxcsr_mask;
  uint8_t st[8][16];
  uint8_t xmm[16][16];
  uint8_t rest[96];
  uint64_t xstate_bv;
};

static const int gregs[16] = {REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP, REG_RSI, REG_RDI,
                              REG_R8,  REG_R9,  REG_R10, REG_R11, REG_R12, REG_R13, REG_R14, REG_R15};

static uint8_t *code, *window, *writable_code;
static uint8_t initial[WINDOW_SIZE];
static uint32_t count, runs, current;
static struct run *cases;
static ucontext_t outside;
static uint8_t outside_area[16384] __attribute__((aligned(64)));
static int active, stepping;
static uint64_t own_fs;
static uint32_t last_tick;
// Of the mode for lengths.
static uint8_t (*strings)[16];
static uint32_t states, available;

static void die(const char *text) {
  fprintf(stderr, "record: %s\n", text);
  _exit(1);
}

// Loads a state; gives the FS base, which is to be loaded last.
static uint64_t load(ucontext_t *uc, const struct run *r, uint64_t rip) {
  memset(initial, 0, WINDOW_SIZE);
  memcpy(initial + CENTRE, r->centre, CENTRE_SIZE);
  memcpy(window, initial, WINDOW_SIZE);
  const struct state *s = &r->state;
  greg_t *g = uc->uc_mcontext.gregs;
  for (int i = 0; i < 16; i++) g[gregs[i]] = s->gpr[i];
  g[REG_RIP] = rip;
  g[REG_EFL] = s->rflags | 0x202 | (stepping ? TF : 0);
  g[REG_CSGSFS] = outside.uc_mcontext.gregs[REG_CSGSFS];
  struct area *a = (void *)uc->uc_mcontext.fpregs;
  a->fcw = s->fcw;
  a->fsw = s->fsw;
  a->ftw = s->ftw;
  a->fop = 0;
  a->fip = a->fdp = 0;
  a->mxcsr = s->mxcsr;
  int top = s->fsw >> 11 & 7;
  for (int i = 0; i < 8; i++) memcpy(a->st[i], s->x87[(top + i) & 7], 16);
  memcpy(a->xmm, s->xmm, sizeof a->xmm);
  a->xstate_bv |= 3;
  _writegsbase_u64(s->gs_base);
  return s->fs_base;
}

static void save(struct state *s, ucontext_t *uc, uint64_t fs, uint64_t gs) {
  greg_t *g = uc->uc_mcontext.gregs;
  memset(s, 0, sizeof *s);
  for (int i = 0; i < 16; i++) s->gpr[i] = g[gregs[i]];
  s->rflags = g[REG_EFL] & FLAGS;
  s->rip = g[REG_RIP];
  s->fs_base = fs;
  s->gs_base = gs;
  struct area *a = (void *)uc->uc_mcontext.fpregs;
  s->fcw = a->fcw;
  s->fsw = a->fsw;
  s->ftw = a->ftw;
  s->mxcsr = a->mxcsr;
  int top = s->fsw >> 11 & 7;
  for (int i = 0; i < 8; i++) memcpy(s->x87[(top + i) & 7], a->st[i], 10);
  memcpy(s->xmm, a->xmm, sizeof s->xmm);
}

// Why the code stopped.
static void reason(struct state *s, int signal, ucontext_t *uc) {
  greg_t *g = uc->uc_mcontext.gregs;
  s->vector = g[REG_TRAPNO];
  s->error = g[REG_ERR];
  s->address = 0;
  if (signal == SIGALRM) {
    s->vector = TIMEOUT;
    s->error = 0;
  } else if (signal == SIGSYS) {
    s->vector = CALL;
    s->error = 0;
  } else if (s->vector == PF) {
    s->address = g[REG_CR2];
    // What the process has mapped elsewhere, and the kernel, is nothing that the code could know of.
    int known = s->address >= WINDOW && s->address < CODE + CODE_SIZE;
    if (!known) s->error &= ~1u;
  } else if (!stepping && s->vector == GP && s->rip >= CODE && s->rip < CODE + CODE_SIZE &&
             *(uint8_t *)s->rip == HLT) {
    s->vector = END;
    s->error = 0;
  } else if (s->vector < 10 || s->vector > 14) {
    s->error = 0;
  }
}

static void write_run(const struct state *s) {
  fwrite(s, sizeof *s, 1, stdout);
  uint32_t changes[2] = {0, 0};
  for (int i = 0; i < WINDOW_SIZE; i += 4) changes[0] += memcmp(window + i, initial + i, 4) != 0;
  fwrite(changes, sizeof changes, 1, stdout);
  for (int i = 0; i < WINDOW_SIZE; i += 4) {
    if (memcmp(window + i, initial + i, 4) == 0) continue;
    uint32_t change[2] = {i, *(uint32_t *)(window + i)};
    fwrite(change, sizeof change, 1, stdout);
  }
}

// The next run of a string: `available` of its bytes lie before the end of the code.
static uint64_t load_string(ucontext_t *uc) {
  memcpy(writable_code + CODE_SIZE - available, strings[current], available);
  return load(uc, &cases[current % states], CODE + CODE_SIZE - available);
}

// Gives whether the string is done.
static int string_done(const struct state *s) {
  uint64_t end = CODE + CODE_SIZE;
  // MOV SS puts the single step off: then it is the fetch of what follows that faults.
  int fetch = s->vector == PF && s->address == end && (s->error & PF_INSTRUCTION) != 0;
  if (fetch && s->rip == end - available && available < 16) return 0;
  int stepped = s->vector == DB || (fetch && s->rip == end);
  uint8_t head[2] = {available, stepped ? 0xff : s->vector};
  if (s->vector == CALL) head[1] = 0xfe;
  if (s->vector == TIMEOUT) head[1] = 0xfd;
  uint16_t error = s->error;
  uint32_t address = s->address;
  fwrite(head, 2, 1, stdout);
  fwrite(&error, 2, 1, stdout);
  fwrite(&address, 4, 1, stdout);
  return 1;
}

static void on_signal(int signal, siginfo_t *info, void *context) {
  // NT, AC and ID of the code must not reach the next.
  asm volatile("pushq $0x202; popfq" ::: "cc", "memory");
  uint64_t fs = _readfsbase_u64(), gs = _readgsbase_u64();
  if (stepping) {
    asm volatile("movl %0, %%ds; movl %0, %%es; movl %0, %%fs; movl %0, %%gs" ::"r"(0) : "memory");
  }
  _writefsbase_u64(own_fs);
  ucontext_t *uc = context;
  if (signal == SIGALRM && (!active || last_tick != current)) {
    last_tick = active ? current : -1u;
    _writefsbase_u64(fs);
    _writegsbase_u64(gs);
    return;
  }
  if (!active) {
    if (signal != SIGILL) die("fault in the recorder");
    outside = *uc;
    memcpy(outside_area, uc->uc_mcontext.fpregs, sizeof(struct area));
    active = 1;
    current = 0;
    available = 1;
  } else {
    struct state s;
    save(&s, uc, fs, gs);
    reason(&s, signal, uc);
    if (!stepping) {
      write_run(&s);
      current++;
    } else if (string_done(&s)) {
      current++;
      available = 1;
    } else {
      available++;
    }
  }
  if (current == runs) {
    memcpy(uc->uc_mcontext.gregs, outside.uc_mcontext.gregs, sizeof outside.uc_mcontext.gregs);
    memcpy(uc->uc_mcontext.fpregs, outside_area, sizeof(struct area));
    ((struct area *)uc->uc_mcontext.fpregs)->xstate_bv |= 3;
    uc->uc_mcontext.gregs[REG_RIP] += 2;
    active = 0;
    return;
  }
  fs = stepping ? load_string(uc) : load(uc, &cases[current], CODE + cases[current].slot * SLOT);
  _writefsbase_u64(fs);
}

// System calls of the code, and those of other instructions than SYSCALL, become SIGSYS.
static void filter_calls(void) {
  struct sock_filter filter[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_X86_64, 0, 4),
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, instruction_pointer) + 4),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 1),
      BPF_JUMP(BPF_JMP | BPF_JA, 1, 0, 0),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRAP),
  };
  struct sock_fprog program = {sizeof filter / sizeof *filter, filter};
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) die("no_new_privs");
  if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0) die("seccomp");
}

static void map(void) {
  window = mmap((void *)WINDOW, WINDOW_SIZE, PROT_READ | PROT_WRITE,
                MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
  void *read_only = mmap((void *)(WINDOW + WINDOW_SIZE), READ_ONLY_SIZE, PROT_READ,
                         MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
  int memory = memfd_create("code", 0);
  if (memory < 0 || ftruncate(memory, CODE_SIZE) != 0) die("memfd");
  code = mmap((void *)CODE, CODE_SIZE, PROT_READ | PROT_EXEC, MAP_SHARED | MAP_FIXED, memory, 0);
  writable_code = mmap(0, CODE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, memory, 0);
  if (window == MAP_FAILED || read_only == MAP_FAILED || code == MAP_FAILED ||
      writable_code == MAP_FAILED) die("mmap");
  // Pages that are there from the first access on.
  volatile uint8_t sum = 0;
  for (int i = 0; i < CODE_SIZE; i += 4096) sum += code[i];
  for (int i = 0; i < READ_ONLY_SIZE; i += 4096) sum += ((uint8_t *)read_only)[i];
  memset(window, 0, WINDOW_SIZE);
}

static void read_all(void *to, size_t size, size_t n) {
  if (n > 0 && fread(to, size, n, stdin) != n) die("input ends");
}

int main(int argc, char **argv) {
  if (argc != 2) die("cases or lengths?");
  stepping = strcmp(argv[1], "lengths") == 0;
  if ((getauxval(AT_HWCAP2) & 2) == 0) die("RDFSBASE cannot be used here");
  own_fs = _readfsbase_u64();
  map();
  stack_t stack = {.ss_sp = malloc(1 << 18), .ss_size = 1 << 18};
  sigaltstack(&stack, 0);
  struct sigaction action = {.sa_sigaction = on_signal,
                             .sa_flags = SA_ONSTACK | SA_SIGINFO | SA_RESTART};
  sigfillset(&action.sa_mask);
  const int signals[] = {SIGILL, SIGSEGV, SIGBUS, SIGFPE, SIGTRAP, SIGSYS, SIGALRM};
  for (int i = 0; i < 7; i++) sigaction(signals[i], &action, 0);
  struct itimerval tick = {{2, 0}, {2, 0}};
  setitimer(ITIMER_REAL, &tick, 0);
  filter_calls();
  if (stepping) {
    memset(writable_code, HLT, CODE_SIZE);
    read_all(&states, 4, 1);
    read_all(&runs, 4, 1);
    cases = malloc(sizeof *cases * states);
    strings = malloc(16ul * runs);
    read_all(cases, sizeof *cases, states);
    read_all(strings, 16, runs);
    if (runs > 0) asm volatile("ud2" ::: "memory");
  } else {
    while (fread(&count, 4, 1, stdin) == 1) {
      if (count > CODE_SIZE / SLOT) die("too many slots");
      memset(writable_code, HLT, CODE_SIZE);
      read_all(writable_code, SLOT, count);
      read_all(&runs, 4, 1);
      cases = malloc(sizeof *cases * runs);
      read_all(cases, sizeof *cases, runs);
      if (runs > 0) asm volatile("ud2" ::: "memory");
      free(cases);
    }
  }
  fflush(stdout);
  return 0;
}
