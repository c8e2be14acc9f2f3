// Load- and store-exclusive on one CPU. A store-exclusive gives 0 if it stored.
#include "../../aarch64/aarch64.h"
#include "../../aarch64/exception.h"
#include "atomics.h"

static uint64_t cells[4] __attribute__((aligned(64)));

static uint64_t load_exclusive(uint64_t *address) {
  uint64_t value;
  __asm__ volatile("ldaxr %0, [%1]" : "=r"(value) : "r"(address) : "memory");
  return value;
}

static uint32_t store_exclusive(uint64_t *address, uint64_t value) {
  uint32_t failed;
  __asm__ volatile("stlxr %w0, %1, [%2]" : "=&r"(failed) : "r"(value), "r"(address) : "memory");
  return failed;
}

static uint32_t store_pair(uint64_t *address, uint64_t first, uint64_t second) {
  uint32_t failed;
  __asm__ volatile("stxp %w0, %1, %2, [%3]" : "=&r"(failed) : "r"(first), "r"(second), "r"(address) : "memory");
  return failed;
}

static void test_sizes(void) {
  uint64_t value;
  uint32_t failed;
  cells[0] = 0x1122334455667788;
  __asm__ volatile("ldxrb %w0, [%2]\n\tstxrb %w1, %w3, [%2]" : "=&r"(value), "=&r"(failed) : "r"(cells), "r"(0xaaaaaa01) : "memory");
  tap_ok(value == 0x88 && failed == 0 && cells[0] == 0x1122334455667701, "8 bits");
  __asm__ volatile("ldxrh %w0, [%2]\n\tstxrh %w1, %w3, [%2]" : "=&r"(value), "=&r"(failed) : "r"(cells), "r"(0xaaaa0203) : "memory");
  tap_ok(value == 0x7701 && failed == 0 && cells[0] == 0x1122334455660203, "16 bits");
  __asm__ volatile("ldxr %w0, [%2]\n\tstxr %w1, %w3, [%2]" : "=&r"(value), "=&r"(failed) : "r"(cells), "r"(0x04050607) : "memory");
  tap_ok(value == 0x55660203 && failed == 0 && cells[0] == 0x1122334404050607, "32 bits");
  tap_ok(load_exclusive(cells) == 0x1122334404050607 && store_exclusive(cells, 7) == 0 && cells[0] == 7, "64 bits, acquire and release");
  uint64_t first, second;
  cells[1] = 8;
  __asm__ volatile("ldxp %0, %1, [%2]" : "=r"(first), "=r"(second) : "r"(cells) : "memory");
  tap_ok(first == 7 && second == 8 && store_pair(cells, 9, 10) == 0 && cells[0] == 9 && cells[1] == 10, "a pair of 64 bits");
  __asm__ volatile("ldxp %w0, %w1, [%3]\n\tstxp %w2, %w4, %w5, [%3]"
                   : "=&r"(first), "=&r"(second), "=&r"(failed) : "r"(cells), "r"(1), "r"(2) : "memory");
  tap_ok(first == 9 && second == 0 && failed == 0 && cells[0] == 0x200000001, "a pair of 32 bits");
}

static void test_monitor(void) {
  cells[0] = 1;
  tap_equal(store_exclusive(cells, 2), 1, "a store without a load does not store");
  tap_equal(cells[0], 1, "and leaves memory alone");
  load_exclusive(cells);
  __asm__ volatile("clrex" ::: "memory");
  tap_equal(store_exclusive(cells, 3), 1, "CLREX ends it");
  load_exclusive(cells);
  tap_equal(store_exclusive(cells, 4), 0, "a load and a store");
  tap_equal(store_exclusive(cells, 5), 1, "a second store");
  load_exclusive(cells);
  load_exclusive(cells + 1);
  tap_equal(store_exclusive(cells, 6), 1, "a store to where the load before the last was");
  struct frame fault;
  expect_fault();
  load_exclusive(cells);
  __asm__ volatile("svc #0" ::: "memory");
  uint32_t failed = store_exclusive(cells, 7);
  bool taken = expected_fault(&fault);
  tap_ok(taken && failed == 1, "an exception return ends it");
  tap_equal(cells[0], 4, "the value that was stored last");
}

void test_exclusives(void) {
  tap_note("exclusives");
  test_sizes();
  test_monitor();
}
