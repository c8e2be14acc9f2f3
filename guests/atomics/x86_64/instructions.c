// What locked instructions leave in memory, registers and flags.
#include "atomics.h"

enum { CF = 1, PF = 4, AF = 16, ZF = 64, SF = 128, OF = 2048, FLAGS = CF | PF | AF | ZF | SF | OF };

struct result {
  uint64_t memory, reg, flags;
};

// One instruction with a 64-bit word in memory and a register; all flags are clear before.
#define RUN(instruction, memory_, register_) \
  ({ static uint64_t cell_; \
     struct result r_; \
     cell_ = (memory_); \
     uint64_t reg_ = (register_); \
     __asm__ volatile("xor %%eax, %%eax\n\tpush $2\n\tpopfq\n\t" instruction "\n\tpushfq\n\tpop %1" \
                      : "+&r"(reg_), "=&r"(r_.flags), "+m"(cell_)::"rax", "cc", "memory"); \
     r_.memory = cell_, r_.reg = reg_, r_.flags &= FLAGS; \
     r_; })

static void check(const char *name, struct result r, uint64_t memory, uint64_t reg, uint64_t flags) {
  bool good = r.memory == memory && r.reg == reg && r.flags == flags;
  tap_ok(good, "%s", name);
  if (!good) tap_note("memory 0x%lx, register 0x%lx, flags 0x%lx", r.memory, r.reg, r.flags);
}

#define TOP 0x8000000000000000

static void test_arithmetic(void) {
  tap_note("one CPU");
  check("LOCK ADD", RUN("lock addq %0, %2", 5, 7), 12, 7, PF);
  check("LOCK ADD, 32 bits", RUN("lock addl %k0, %2", 0x1ffffffff, 1), 0x100000000, 1, CF | PF | AF | ZF);
  check("LOCK ADD, 16 bits", RUN("lock addw %w0, %2", 0x17fff, 1), 0x18000, 1, PF | AF | SF | OF);
  check("LOCK ADD, 8 bits", RUN("lock addb %b0, %2", 0x1ff, 2), 0x101, 2, CF | AF);
  check("LOCK ADC", RUN("stc\n\tlock adcq %0, %2", 5, 7), 13, 7, 0);
  check("LOCK SUB", RUN("lock subq %0, %2", 5, 7), ~0ul - 1, 7, CF | AF | SF);
  check("LOCK SBB", RUN("stc\n\tlock sbbq %0, %2", 5, 4), 0, 4, PF | ZF);
  check("LOCK AND", RUN("lock andq %0, %2", 0xf0f0, 0xff), 0xf0, 0xff, PF);
  check("LOCK OR", RUN("lock orq %0, %2", TOP, 1), TOP + 1, 1, SF);
  check("LOCK XOR", RUN("lock xorq %0, %2", 0xff, 0xff), 0, 0xff, PF | ZF);
  check("LOCK INC", RUN("stc\n\tlock incq %2", ~0ul, 0), 0, 0, CF | PF | AF | ZF);
  check("LOCK DEC", RUN("lock decq %2", TOP, 0), TOP - 1, 0, PF | AF | OF);
  check("LOCK NEG", RUN("lock negq %2", 1, 0), ~0ul, 0, CF | PF | AF | SF);
  check("LOCK NOT", RUN("lock notq %2", 0xff, 0), ~0xfful, 0, 0);
  check("LOCK ADD of an immediate", RUN("lock addq $-1, %2", 1, 0), 0, 0, CF | PF | AF | ZF);
  check("XCHG", RUN("xchgq %0, %2", 1, 2), 2, 1, 0);
  check("XCHG, 32 bits, clears the upper half", RUN("xchgl %k0, %2", 0x1122334455667788, 0x99aabbccddeeff00), 0x11223344ddeeff00, 0x55667788, 0);
  check("XCHG, 8 bits", RUN("xchgb %b0, %2", 0x1234, 0x5678), 0x1278, 0x5634, 0);
  check("LOCK XADD", RUN("lock xaddq %0, %2", 3, 4), 7, 3, 0);
  check("LOCK XADD, 16 bits", RUN("lock xaddw %w0, %2", 0x1ffff, 0x10001), 0x10000, 0x1ffff, CF | PF | AF | ZF);
}

static void test_bits(void) {
  check("LOCK BTS", RUN("lock btsq $63, %2", 0, 0), TOP, 0, 0);
  check("of a bit that is set", RUN("lock btsq $3, %2", 8, 0), 8, 0, CF);
  check("LOCK BTR", RUN("lock btrq $3, %2", 9, 0), 1, 0, CF);
  check("LOCK BTC", RUN("lock btcl %k0, %2", 9, 3), 1, 3, CF);
  static uint32_t words[4];
  __asm__ volatile("lock btsl %1, %0" : "+m"(words[1]) : "r"(33) : "cc", "memory");
  __asm__ volatile("lock btsl %1, %0" : "+m"(words[1]) : "r"(-1) : "cc", "memory");
  tap_ok(words[2] == 2 && words[0] == 1u << 31 && words[1] == 0, "a bit number in a register reaches beyond the operand, both ways");
}

#define COMPARE(suffix, operand, memory_, accumulator, new_) \
  ({ static uint64_t cell_; \
     struct result r_; \
     cell_ = (memory_); \
     uint64_t a_ = (accumulator); \
     __asm__ volatile("push $2\n\tpopfq\n\tlock cmpxchg" suffix " " operand ", %2\n\tpushfq\n\tpop %1" \
                      : "+&a"(a_), "=&r"(r_.flags), "+m"(cell_) : "r"((uint64_t)(new_)) : "cc", "memory"); \
     r_.memory = cell_, r_.reg = a_, r_.flags &= FLAGS; \
     r_; })

static void test_compare(void) {
  check("LOCK CMPXCHG, equal", COMPARE("q", "%3", 5, 5, 9), 9, 5, PF | ZF);
  check("not equal", COMPARE("q", "%3", 5, 4, 9), 5, 5, CF | PF | AF | SF);
  check("32 bits, equal: RAX is as before", COMPARE("l", "%k3", 0x700000005, 0x900000005, 1), 0x700000001, 0x900000005, PF | ZF);
  check("not equal: its upper half is cleared", COMPARE("l", "%k3", 0x700000005, 0x900000006, 1), 0x700000005, 5, 0);
  check("8 bits", COMPARE("b", "%b3", 0x1122, 0x3322, 0x44), 0x1144, 0x3322, PF | ZF);
  static uint64_t pair[2] __attribute__((aligned(16)));
  uint64_t low = 1, high = 2;
  bool equal;
  pair[0] = 1, pair[1] = 2;
  __asm__ volatile("lock cmpxchg16b %0" : "+m"(pair), "=@ccz"(equal), "+a"(low), "+d"(high) : "b"(3ul), "c"(4ul) : "memory");
  tap_ok(equal && pair[0] == 3 && pair[1] == 4, "LOCK CMPXCHG16B, equal");
  __asm__ volatile("lock cmpxchg16b %0" : "+m"(pair), "=@ccz"(equal), "+a"(low), "+d"(high) : "b"(5ul), "c"(6ul) : "memory");
  tap_ok(!equal && pair[0] == 3 && pair[1] == 4 && low == 3 && high == 4, "not equal: it is loaded");
  static uint64_t both;
  both = 0x0000000200000001;
  uint32_t a = 1, d = 2;
  __asm__ volatile("lock cmpxchg8b %0" : "+m"(both), "=@ccz"(equal), "+a"(a), "+d"(d) : "b"(3), "c"(4) : "memory");
  tap_ok(equal && both == 0x0000000400000003, "LOCK CMPXCHG8B");
}

void test_instructions(void) {
  test_arithmetic();
  test_bits();
  test_compare();
}
