// All CPUs work on the same memory.
#include "atomics.h"

enum { ROUNDS = 500 };

static volatile uint64_t sum, plain, words[MAX_CPUS];
static volatile uint64_t pair[2] __attribute__((aligned(16)));
static volatile uint32_t next_ticket, served, arrived, bits[ROUNDS / 32 + 1];
static volatile uint64_t found;

static void by_add(void) {
  for (unsigned i = 0; i < ROUNDS; i++) __asm__ volatile("lock addq $1, %0" : "+m"(sum)::"cc", "memory");
}

static void by_increment(void) {
  for (unsigned i = 0; i < ROUNDS; i++) __asm__ volatile("lock incq %0" : "+m"(sum)::"cc", "memory");
}

static void by_exchange_add(void) {
  for (unsigned i = 0; i < ROUNDS; i++) {
    uint64_t one = 1;
    __asm__ volatile("lock xaddq %0, %1" : "+r"(one), "+m"(sum)::"cc", "memory");
  }
}

static void by_compare(void) {
  for (unsigned i = 0; i < ROUNDS; i++) {
    uint64_t was = sum;
    bool equal;
    do __asm__ volatile("lock cmpxchgq %3, %1" : "+a"(was), "+m"(sum), "=@ccz"(equal) : "r"(was + 1) : "memory");
    while (!equal);
  }
}

static void by_pair(void) {
  for (unsigned i = 0; i < ROUNDS; i++) {
    uint64_t low = pair[0], high = pair[1];
    bool equal;
    do __asm__ volatile("lock cmpxchg16b %0" : "+m"(pair), "=@ccz"(equal), "+a"(low), "+d"(high) : "b"(low + 1), "c"(high - 1) : "memory");
    while (!equal);
  }
}

// Over the boundary of two cache lines.
static uint8_t split[128] __attribute__((aligned(64)));

static void by_split(void) {
  for (unsigned i = 0; i < ROUNDS; i++) __asm__ volatile("lock addq $1, %0" : "+m"(*(uint64_t *)(split + 60))::"cc", "memory");
}

static void lock(void) {
  uint32_t mine = 1;
  __asm__ volatile("lock xaddl %0, %1" : "+r"(mine), "+m"(next_ticket)::"cc", "memory");
  while (served != mine) pause();
}

static void unlock(void) {
  __asm__ volatile("" ::: "memory");
  served++;
}

static void by_lock(void) {
  for (unsigned i = 0; i < ROUNDS / 5; i++) {
    lock();
    plain++;
    unlock();
  }
}

// Each bit is set by one CPU only.
static void by_bits(void) {
  uint64_t mine = 0;
  for (unsigned i = 0; i < ROUNDS; i++) {
    bool set;
    __asm__ volatile("lock btsl %2, %0" : "+m"(bits), "=@ccc"(set) : "r"(i) : "memory");
    mine += !set;
  }
  __asm__ volatile("lock addq %1, %0" : "+m"(found) : "r"(mine) : "cc", "memory");
}

// Everybody waits for everybody, and then sees what all have written before.
static void by_barrier(void) {
  unsigned self = cpu_index();
  words[self] = self + 1;
  __asm__ volatile("lock incl %0" : "+m"(arrived)::"cc", "memory");
  while (arrived != cpu_count) pause();
  uint64_t seen = 0;
  for (unsigned i = 0; i < cpu_count; i++) seen += words[i];
  __asm__ volatile("lock addq %1, %0" : "+m"(sum) : "r"(seen) : "cc", "memory");
}

static void on_all(void (*function)(void)) {
  sum = 0;
  for (unsigned i = 1; i < cpu_count; i++) cpu_begin(i, function);
  function();
  for (unsigned i = 1; i < cpu_count; i++) cpu_wait(i);
}

void test_cpus(void) {
  tap_note("%u CPUs", cpu_count);
  for (unsigned i = 1; i < cpu_count; i++) {
    if (cpu_start(i) != 0) tap_bail_out("CPU %u does not start", i);
  }
  const uint64_t all = (uint64_t)cpu_count * ROUNDS;
  on_all(by_add);
  tap_equal(sum, all, "no addition by LOCK ADD is lost");
  on_all(by_increment);
  tap_equal(sum, all, "none by LOCK INC");
  on_all(by_exchange_add);
  tap_equal(sum, all, "none by LOCK XADD");
  on_all(by_compare);
  tap_equal(sum, all, "none by LOCK CMPXCHG");
  on_all(by_pair);
  tap_ok(pair[0] == all && pair[1] == -all, "none by LOCK CMPXCHG16B");
  on_all(by_split);
  tap_equal(*(uint64_t *)(split + 60), all, "none over two cache lines");
  on_all(by_lock);
  tap_equal(plain, all / 5, "none under a ticket lock");
  on_all(by_bits);
  tap_equal(found, ROUNDS, "each bit is set by one with LOCK BTS");
  on_all(by_barrier);
  tap_equal(sum, (uint64_t)cpu_count * cpu_count * (cpu_count + 1) / 2, "behind a barrier all see what all have written");
}
