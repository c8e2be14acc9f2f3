// The parts of the program.
#pragma once
#include "../../aarch64/psci.h"
#include <stdbool.h>
#include <stdint.h>

// Functions, those with 64-bit arguments too.
enum {
  SMCCC_VERSION = 0x80000000u,
  SMCCC_ARCH_FEATURES = 0x80000001u,
  VERSION = 0x84000000u,
  CPU_SUSPEND_32 = 0x84000001u,
  CPU_OFF = 0x84000002u,
  CPU_ON_32 = 0x84000003u,
  AFFINITY_INFO_32 = 0x84000004u,
  MIGRATE_INFO_TYPE = 0x84000006u,
  SYSTEM_OFF = 0x84000008u,
  SYSTEM_RESET = 0x84000009u,
  FEATURES = 0x8400000au,
  CPU_FREEZE = 0x8400000bu,
  SET_SUSPEND_MODE = 0x8400000fu,
  MEM_PROTECT = 0x84000013u,
  TRNG_VERSION = 0x84000050u,
  TRNG_FEATURES = 0x84000051u,
  CPU_SUSPEND_64 = 0xc4000001u,
  CPU_ON_64 = 0xc4000003u,
  AFFINITY_INFO_64 = 0xc4000004u,
  CPU_DEFAULT_SUSPEND_64 = 0xc400000cu,
  NODE_HW_STATE_64 = 0xc400000du,
  SYSTEM_SUSPEND_64 = 0xc400000eu,
  STAT_RESIDENCY_64 = 0xc4000010u,
  STAT_COUNT_64 = 0xc4000011u,
  SYSTEM_RESET2_64 = 0xc4000012u,
  MEM_PROTECT_CHECK_RANGE_64 = 0xc4000014u,
  TRNG_RND_64 = 0xc4000053u,
  PV_TIME_FEATURES = 0xc5000020u,
  PV_TIME_ST = 0xc5000021u,
};
enum {
  SUCCESS = 0,
  NOT_SUPPORTED = -1,
  INVALID_PARAMETERS = -2,
  DENIED = -3,
  ALREADY_ON = -4,
  ON_PENDING = -5,
  INVALID_ADDRESS = -9,
};
// AFFINITY_INFO; NODE_HW_STATE has a third, too.
enum { ON, OFF, STANDBY };

// What a CPU finds when it begins, which call it makes then, and that it has come to that.
struct visit {
  uint64_t level, daif, sctlr, mpidr, sp;
  uint64_t call;
  volatile uint64_t done;
};
extern struct visit visit;
void visit_entry(void);

// Calls a function that loses the CPU's state, with resume_entry as entry and a context to come back:
// function(a, b, context), or function(a, context) if `b` is 0. Gives X0 of a call that returns, RESUMED
// after one that does not.
int64_t leave(uint64_t function, uint64_t a, uint64_t b);
void resume_entry(void);
enum { RESUMED = 1000 };

int64_t call(uint64_t function, uint64_t a, uint64_t b, uint64_t c);
// Turns a CPU on for a visit that ends with this call.
int64_t on(uint64_t target, uint64_t function);
void wait_until_off(uint64_t target);

// The virtual timer interrupts in so many ticks; whether it has; off again.
void set_alarm(uint64_t ticks);
bool alarmed(void);
void stop_alarm(void);

void test_extensions(void);
