// Traps, exception returns, debug exceptions, interrupts.
#include "guest.h"

struct instruction {
  const char *name;
  u32 word;
};

// At EL0 with everything withheld, everything granted, and without floating point.
static const struct instruction at_el0[] = {
    {"mrs ctr_el0", 0xd53b0020},   {"mrs dczid_el0", 0xd53b00e0}, {"mrs daif", 0xd53b4220},
    {"msr daif", 0xd51b4220},      {"mrs midr_el1", 0xd5380000},  {"mrs sp_el0", 0xd5384100},
    {"mrs currentel", 0xd5384240}, {"msr pan, #1", 0xd500419f},   {"msr spsel, #1", 0xd50041bf},
    {"dc zva", 0xd50b7420},        {"dc cvau", 0xd50b7b20},       {"dc cvac", 0xd50b7a20},
    {"dc civac", 0xd50b7e20},      {"ic ivau", 0xd50b7520},       {"dc ivac", 0xd5087620},
    {"ic iallu", 0xd508751f},      {"tlbi vmalle1", 0xd508871f},  {"at s1e1r", 0xd5087800},
    {"wfi", 0xd503207f},           {"cntvct", 0xd53be040},        {"cntpct", 0xd53be020},
    {"cntfrq", 0xd53be000},        {"cntv_ctl", 0xd53be320},      {"msr cntv_ctl", 0xd51be320},
    {"msr cntfrq", 0xd51be000},    {"msr cntvct", 0xd51be040},    {"mrs tpidrro_el0", 0xd53bd060},
    {"msr tpidrro_el0", 0xd51bd060}, {"mrs tpidr_el0", 0xd53bd040}, {"mrs tpidr_el1", 0xd538d080},
    {"mrs ttbr0_el1", 0xd5382000}, {"mrs mdscr_el1", 0xd5300240}, {"svc", 0xd4024681},
    {"hvc", 0xd4000002},           {"smc", 0xd4000003},           {"brk", 0xd42000e0},
    {"hlt", 0xd4400000},           {"dcps1", 0xd4a00001},         {"eret", 0xd69f03e0},
    {"drps", 0xd6bf03e0},          {"udf", 0},                    {"sys, unknown", 0xd50bb020},
    {"sysl", 0xd52b7420},          {"mrs, unknown", 0xd53bb000},  {"mrs icc_pmr_el1", 0xd5384600},
    {"mrs nzcv", 0xd53b4200},      {"mrs fpcr", 0xd53b4400},      {"fadd", 0x1e622820},
    {"add v0.4s", 0x4ea08400},     {"isb", 0xd5033fdf},           {"yield", 0xd503203f},
};

// At EL1: unallocated and trapped ones, and those that must not be.
static const struct instruction at_el1[] = {
    {"svc", 0xd4024681},           {"brk", 0xd42000e0},           {"hlt", 0xd4400000},
    {"dcps1", 0xd4a00001},         {"drps", 0xd6bf03e0},          {"udf", 0},
    {"sys, unknown", 0xd50bb020},  {"mrs, unknown", 0xd53bb000},  {"mrs sp_el1", 0xd53c4100},
    {"msr midr_el1", 0xd5180000},  {"msr currentel", 0xd5184240}, {"mrs id, reserved", 0xd53807e0},
    {"mrs sctlr_el2", 0xd53c1000}, {"mrs sctlr_el3", 0xd53e1000}, {"tlbi alle2", 0xd50c871f},
    {"mrs fpcr", 0xd53b4400},      {"fadd", 0x1e622820},
};

static void put(u32 first, u32 second) {
  code[0] = first;
  code[1] = second;
  SYNC_CODE();
}

void traps(void) {
  static const char *const names[] = {"withheld", "granted", "without floating point"};
  map_user();
  user_x0 = USER_DATA;
  for (int round = 0; round < 3; round++) {
    print("\n# instructions at EL0, ");
    print(names[round]);
    print("\n");
    // UMA, DZE, UCT, nTWI, nTWE, UCI
    u64 grants = (1 << 9) | (1 << 14) | (1 << 15) | (1 << 16) | (1 << 18) | (1 << 26);
    WRITE(sctlr_el1, round == 1 ? sctlr | grants : sctlr);
    WRITE(cpacr_el1, round == 2 ? 1 << 20 : 3 << 20);
    WRITE(cntkctl_el1, round == 1 ? 0x303 : 0);
    for (unsigned i = 0; i < sizeof at_el0 / sizeof *at_el0; i++) {
      u32 word = at_el0[i].word;
      // Nothing would end the wait; other machines show a different counter control.
      if (round == 1 && (word == 0xd503207f || word == 0xd51be320)) continue;
      put(word, 0xd4000ee1);  // svc #0x77
      result(at_el0[i].name, guarded(enter, USER_CODE, 0xa0000000));
      line(" elr", record.elr - USER_CODE);
    }
  }
  WRITE(sctlr_el1, sctlr);
  WRITE(cntkctl_el1, 0);
  for (int enabled = 0; enabled < 2; enabled++) {
    print(enabled ? "\n# instructions at EL1\n" : "\n# instructions at EL1, without floating point\n");
    WRITE(cpacr_el1, enabled ? 3 << 20 : 0);
    pages[2] = (u64)code | NORMAL_PAGE;
    TLBI(vmalle1);
    for (unsigned i = 0; i < sizeof at_el1 / sizeof *at_el1; i++) {
      put(at_el1[i].word, 0xd65f03c0);
      result(at_el1[i].name, guarded(jump, WINDOW + 0x2000, 0));
    }
  }
}

void returns(void) {
  print("\n# exception returns by SPSR_EL1\n");
  static const u64 states[] = {0x1,   0x2,     0x9,      0xd,        0x13,       0x3c4,
                               0x3c5, 0x1003c5, 0x100000, 0xf0100000, 0x600003c5, 0x4003c5};
  pages[2] = (u64)code | NORMAL_PAGE;
  map_user();
  put(0xd40000a1, 0);  // svc #5
  for (unsigned i = 0; i < sizeof states / sizeof *states; i++) {
    hex(states[i]);
    u64 target = states[i] & 15 ? WINDOW + 0x2000 : USER_CODE;
    result("", guarded(enter, target, states[i]));
    line(" elr", record.elr - target);
    SET_PAN(0);
  }
  result("to a misaligned address", guarded(enter, USER_CODE + 2, 0));
  result("illegal, to a misaligned address", guarded(enter, USER_CODE + 2, 0x100000));
}

static void user(const char *name, u64 spsr) {
  int taken = guarded(enter, USER_CODE, spsr);
  result(name, taken);
  line(" elr", record.elr - USER_CODE);
}

void debug(void) {
  print("\n# debug exceptions\n");
  line("oslsr_el1", READ(oslsr_el1));
  WRITE(oslar_el1, 0);
  line("oslsr_el1", READ(oslsr_el1));
  map_user();
  user_x0 = USER_DATA;
  // nop; nop; ldr x1, [x0]; str x1, [x0]; ldxr x1, [x0]; svc #1
  static const u32 program[] = {0xd503201f, 0xd503201f, 0xf9400001,
                                0xf9000001, 0xc85f7c01, 0xd4000021};
  for (int i = 0; i < 6; i++) code[i] = program[i];
  SYNC_CODE();
  WRITE(mdscr_el1, 1);
  for (int i = 0; i < 6; i++) {
    print("step ");
    hex(i);
    result("", guarded(enter, USER_CODE + i * 4, 1 << 21));
    line(" elr", record.elr - USER_CODE);
  }
  user("step that is due", 0);
  user_x0 = WINDOW + 0x100000;
  result("step of a fault", guarded(enter, USER_CODE + 8, 1 << 21));
  user_x0 = USER_DATA;
  WRITE(mdscr_el1, 0);
  user("step without MDSCR.SS", 1 << 21);

  const u64 el0 = 1 | (2 << 1), el1 = 1 | (1 << 1), bytes = 0xff << 5;
  WRITE(mdscr_el1, 1 << 15);
  WRITE(dbgbvr0_el1, USER_CODE + 4);
  WRITE(dbgbcr0_el1, el0 | (15 << 5));
  user("breakpoint", 0);
  WRITE(dbgbcr0_el1, el1 | (15 << 5));
  user("breakpoint of EL1", 0);
  WRITE(contextidr_el1, 42);
  WRITE(dbgbvr5_el1, 42);
  WRITE(dbgbcr5_el1, el0 | (15 << 5) | (3 << 20));
  WRITE(dbgbcr0_el1, el0 | (15 << 5) | (5 << 16) | (1 << 20));
  user("linked breakpoint", 0);
  WRITE(contextidr_el1, 43);
  user("linked breakpoint, other context", 0);
  WRITE(dbgbcr0_el1, 0);
  WRITE(dbgbcr5_el1, 0);

  static const struct {
    const char *name;
    u64 offset, control;
  } watchpoints[] = {
      {"loads", 0, 1 | (2 << 1) | (1 << 3) | (0xff << 5)},
      {"stores", 0, 1 | (2 << 1) | (2 << 3) | (0xff << 5)},
      {"elsewhere", 8, 1 | (2 << 1) | (3 << 3) | (0xff << 5)},
      {"no bytes", 0, 1 | (2 << 1) | (3 << 3)},
      {"one page", 0, 1 | (2 << 1) | (3 << 3) | (0xff << 5) | (12ul << 24)},
      {"of EL1", 0, 1 | (1 << 1) | (3 << 3) | (0xff << 5)},
  };
  for (int i = 0; i < 6; i++) {
    print("watchpoint, ");
    WRITE(dbgwvr0_el1, USER_DATA + watchpoints[i].offset);
    WRITE(dbgwcr0_el1, watchpoints[i].control);
    user(watchpoints[i].name, 0);
  }
  WRITE(dbgwvr0_el1, (u64)data);
  WRITE(dbgwcr0_el1, el1 | (3 << 3) | bytes);
  WRITE(mdscr_el1, (1 << 15) | (1 << 13));
  result("watchpoint at EL1", guarded(load_debugged, (u64)data, 0));
  result("watchpoint at EL1, masked", guarded(load, (u64)data, 0));
  result("watchpoint at EL1, elsewhere", guarded(load_debugged, (u64)data + 8, 0));
  WRITE(dbgwcr0_el1, 0);
  WRITE(mdscr_el1, 0);
}

#define GICD ((volatile u32 *)0x08000000)
#define GICC ((volatile u32 *)0x08010000)

void interrupts(void) {
  print("\n# interrupts: the virtual timer through a GICv2\n");
  GICD[0] = 1;
  GICD[0x100 / 4] = 1 << 27;
  GICC[1] = 0xff;
  GICC[0] = 1;
  map_user();
  put(0xd503201f, 0xd4000ee1);
  line("isr_el1", READ(isr_el1));
  WRITE(cntv_cval_el0, 0);
  WRITE(cntv_ctl_el0, 1);
  line("isr_el1", READ(isr_el1));
  result("daifclr", guarded(unmask, 0, 0));
  line(" elr", record.elr - (u64)unmasked);
  result("msr daif", guarded(unmask_register, 0, 0));
  line(" elr", record.elr - (u64)unmasked_register);
  result("wfi", guarded(wait_then_unmask, 0, 0));
  line(" elr", record.elr - (u64)waited);
  user("masked at EL0", 0x80);
  user("at EL0", 0);
  line("acknowledged", GICC[3]);
  line("isr_el1", READ(isr_el1));
  WRITE(cntv_ctl_el0, 0);
  GICC[4] = 27;
  line("isr_el1", READ(isr_el1));
}
