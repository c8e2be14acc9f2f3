// All CPUs work on the same memory.
#include "../../aarch64/cpu.h"
#include "atomics.h"

enum { ROUNDS = 500 };

static volatile uint64_t sum, plain, words[MAX_CPUS];
static uint64_t ticket[2] __attribute__((aligned(64))); // next, served
static volatile uint32_t arrived;

static void by_exclusives(void) {
  for (unsigned i = 0; i < ROUNDS; i++) {
    uint64_t value;
    uint32_t failed;
    do {
      __asm__ volatile("ldxr %0, [%2]\n\tadd %0, %0, #1\n\tstxr %w1, %0, [%2]" : "=&r"(value), "=&r"(failed) : "r"(&sum) : "memory");
    } while (failed);
  }
}

static void by_add(void) {
  for (unsigned i = 0; i < ROUNDS; i++) __asm__ volatile("stadd %0, [%1]" ::"r"(1ul), "r"(&sum) : "memory");
}

static void by_compare(void) {
  for (unsigned i = 0; i < ROUNDS; i++) {
    uint64_t was = sum, found;
    for (;; was = found) {
      found = was;
      __asm__ volatile("casal %0, %1, [%2]" : "+r"(found) : "r"(was + 1), "r"(&sum) : "memory");
      if (found == was) break;
    }
  }
}

// A ticket lock that waits in WFE: the exclusive load arms the event that the owner's store sends.
static void lock(void) {
  uint64_t mine = 1, served;
  __asm__ volatile("ldadda %0, %0, [%1]" : "+r"(mine) : "r"(ticket) : "memory");
  for (;;) {
    __asm__ volatile("ldaxr %0, [%1]" : "=r"(served) : "r"(ticket + 1) : "memory");
    if (served == mine) break;
    __asm__ volatile("wfe" ::: "memory");
  }
}

static void unlock(void) {
  __asm__ volatile("stlr %0, [%1]" ::"r"(ticket[1] + 1), "r"(ticket + 1) : "memory");
}

static void by_lock(void) {
  for (unsigned i = 0; i < ROUNDS / 5; i++) {
    lock();
    plain++;
    unlock();
  }
}

// Everybody waits for everybody, and then sees what all have written before.
static void by_barrier(void) {
  unsigned self = cpu_index();
  words[self] = self + 1;
  __asm__ volatile("staddl %w0, [%1]\n\tsev" ::"r"(1), "r"(&arrived) : "memory");
  for (;;) {
    uint32_t seen;
    __asm__ volatile("ldar %w0, [%1]" : "=r"(seen) : "r"(&arrived) : "memory");
    if (seen == cpu_count) break;
    __asm__ volatile("wfe" ::: "memory");
  }
  uint64_t seen = 0;
  for (unsigned i = 0; i < cpu_count; i++) seen += words[i];
  __asm__ volatile("stadd %0, [%1]" ::"r"(seen), "r"(&sum) : "memory");
}

// The CPU stores to the word that CPU 0 has loaded exclusively.
static void interfere(void) {
  sum = 0x77;
}

static void on_all(void (*function)(void)) {
  sum = 0;
  for (unsigned i = 1; i < cpu_count; i++) cpu_begin(i, function);
  function();
  for (unsigned i = 1; i < cpu_count; i++) cpu_wait(i);
}

static void test_interference(void) {
  uint64_t value;
  uint32_t failed;
  sum = 1;
  __asm__ volatile("ldxr %0, [%1]" : "=r"(value) : "r"(&sum) : "memory");
  // No exception return and no other exclusive access in between.
  cpu_begin(1, interfere);
  while (sum != 0x77) {}
  __asm__ volatile("stxr %w0, %1, [%2]" : "=&r"(failed) : "r"(2ul), "r"(&sum) : "memory");
  cpu_wait(1);
  tap_ok(failed == 1 && sum == 0x77, "a store of another CPU ends exclusive access");
}

void test_cpus(void) {
  tap_note("%u CPUs", cpu_count);
  for (unsigned i = 1; i < cpu_count; i++) {
    if (cpu_start(i) != 0) tap_bail_out("CPU %u does not start", i);
  }
  const uint64_t all = (uint64_t)cpu_count * ROUNDS;
  on_all(by_exclusives);
  tap_equal(sum, all, "no addition by LDXR and STXR is lost");
  on_all(by_add);
  tap_equal(sum, all, "none by STADD");
  on_all(by_compare);
  tap_equal(sum, all, "none by CASAL");
  on_all(by_lock);
  tap_equal(plain, all / 5, "none under a ticket lock");
  on_all(by_barrier);
  tap_equal(sum, (uint64_t)cpu_count * cpu_count * (cpu_count + 1) / 2, "behind a barrier all see what all have written");
  if (cpu_count > 1) test_interference();
}
