// Instructions at EL0 with everything withheld, everything granted, and without floating point; at EL1 with
// and without floating point.
#include "../../aarch64/aarch64.h"
#include "../../aarch64/accesses.h"
#include "../../aarch64/paging.h"
#include "../../common/tap.h"
#include "exceptions.h"

// Syndromes: the instruction was executed and the SVC behind it came; it is undefined; CPACR_EL1.FPEN traps.
enum { NOTHING = 0, DONE = 0x56000077, UNDEFINED = 0x02000000, NO_FP = 0x1fe00000 };
enum { SVC_BEHIND = 0xd4000ee1, RET = 0xd65f03c0 };
// Nothing would end the wait; other machines show a different counter control.
enum { LEFT_OUT = 1 };
// SCTLR_EL1: UMA, DZE, UCT, nTWI, nTWE, UCI.
enum { GRANTS = 1 << 9 | 1 << 14 | 1 << 15 | 1 << 16 | 1 << 18 | 1 << 26 };

static const struct {
  const char *name;
  uint32_t word;
  uint32_t esr[3]; // with everything withheld, everything granted, without floating point
} at_el0[] = {
    {"mrs ctr_el0", 0xd53b0020, {0x6232c001, DONE, 0x6232c001}},
    {"mrs dczid_el0", 0xd53b00e0, {DONE, DONE, DONE}},
    {"mrs daif", 0xd53b4220, {0x6232d005, DONE, 0x6232d005}},
    {"msr daif", 0xd51b4220, {0x6232d004, DONE, 0x6232d004}},
    {"mrs midr_el1", 0xd5380000, {UNDEFINED, UNDEFINED, UNDEFINED}},
    {"mrs sp_el0", 0xd5384100, {UNDEFINED, UNDEFINED, UNDEFINED}},
    {"mrs currentel", 0xd5384240, {UNDEFINED, UNDEFINED, UNDEFINED}},
    {"msr pan, #1", 0xd500419f, {UNDEFINED, UNDEFINED, UNDEFINED}},
    {"msr spsel, #1", 0xd50041bf, {UNDEFINED, UNDEFINED, UNDEFINED}},
    {"dc zva", 0xd50b7420, {0x6212dc08, DONE, 0x6212dc08}},
    {"dc cvau", 0xd50b7b20, {0x6212dc16, DONE, 0x6212dc16}},
    {"dc cvac", 0xd50b7a20, {0x6212dc14, DONE, 0x6212dc14}},
    {"dc civac", 0xd50b7e20, {0x6212dc1c, DONE, 0x6212dc1c}},
    {"ic ivau", 0xd50b7520, {0x6212dc0a, DONE, 0x6212dc0a}},
    {"dc ivac", 0xd5087620, {UNDEFINED, UNDEFINED, UNDEFINED}},
    {"ic iallu", 0xd508751f, {UNDEFINED, UNDEFINED, UNDEFINED}},
    {"tlbi vmalle1", 0xd508871f, {UNDEFINED, UNDEFINED, UNDEFINED}},
    {"at s1e1r", 0xd5087800, {UNDEFINED, UNDEFINED, UNDEFINED}},
    {"wfi", 0xd503207f, {0x07e00000, LEFT_OUT, 0x07e00000}},
    {"cntvct", 0xd53be040, {0x6234f801, DONE, 0x6234f801}},
    {"cntpct", 0xd53be020, {0x6232f801, DONE, 0x6232f801}},
    {"cntfrq", 0xd53be000, {0x6230f801, DONE, 0x6230f801}},
    {"cntv_ctl", 0xd53be320, {0x6232f807, DONE, 0x6232f807}},
    {"msr cntv_ctl", 0xd51be320, {0x6232f806, LEFT_OUT, 0x6232f806}},
    {"msr cntfrq", 0xd51be000, {UNDEFINED, UNDEFINED, UNDEFINED}},
    {"msr cntvct", 0xd51be040, {UNDEFINED, UNDEFINED, UNDEFINED}},
    {"mrs tpidrro_el0", 0xd53bd060, {DONE, DONE, DONE}},
    {"msr tpidrro_el0", 0xd51bd060, {UNDEFINED, UNDEFINED, UNDEFINED}},
    {"mrs tpidr_el0", 0xd53bd040, {DONE, DONE, DONE}},
    {"mrs tpidr_el1", 0xd538d080, {UNDEFINED, UNDEFINED, UNDEFINED}},
    {"mrs ttbr0_el1", 0xd5382000, {UNDEFINED, UNDEFINED, UNDEFINED}},
    {"mrs mdscr_el1", 0xd5300240, {UNDEFINED, UNDEFINED, UNDEFINED}},
    {"svc", 0xd4024681, {0x56001234, 0x56001234, 0x56001234}},
    {"hvc", 0xd4000002, {UNDEFINED, UNDEFINED, UNDEFINED}},
    {"smc", 0xd4000003, {UNDEFINED, UNDEFINED, UNDEFINED}},
    {"brk", 0xd42000e0, {0xf2000007, 0xf2000007, 0xf2000007}},
    {"hlt", 0xd4400000, {UNDEFINED, UNDEFINED, UNDEFINED}},
    {"dcps1", 0xd4a00001, {UNDEFINED, UNDEFINED, UNDEFINED}},
    {"eret", 0xd69f03e0, {UNDEFINED, UNDEFINED, UNDEFINED}},
    {"drps", 0xd6bf03e0, {UNDEFINED, UNDEFINED, UNDEFINED}},
    {"udf", 0x00000000, {UNDEFINED, UNDEFINED, UNDEFINED}},
    {"sys, unknown", 0xd50bb020, {UNDEFINED, UNDEFINED, UNDEFINED}},
    {"sysl", 0xd52b7420, {UNDEFINED, UNDEFINED, UNDEFINED}},
    {"mrs, unknown", 0xd53bb000, {UNDEFINED, UNDEFINED, UNDEFINED}},
    {"mrs icc_pmr_el1", 0xd5384600, {UNDEFINED, UNDEFINED, UNDEFINED}},
    {"mrs nzcv", 0xd53b4200, {DONE, DONE, DONE}},
    {"mrs fpcr", 0xd53b4400, {DONE, DONE, NO_FP}},
    {"fadd", 0x1e622820, {DONE, DONE, NO_FP}},
    {"add v0.4s", 0x4ea08400, {DONE, DONE, NO_FP}},
    {"isb", 0xd5033fdf, {DONE, DONE, DONE}},
    {"yield", 0xd503203f, {DONE, DONE, DONE}},
};

static const struct {
  const char *name;
  uint32_t word;
  uint32_t esr[2]; // without and with floating point
} at_el1[] = {
    {"svc", 0xd4024681, {0x56001234, 0x56001234}},
    {"brk", 0xd42000e0, {0xf2000007, 0xf2000007}},
    {"hlt", 0xd4400000, {UNDEFINED, UNDEFINED}},
    {"dcps1", 0xd4a00001, {UNDEFINED, UNDEFINED}},
    {"drps", 0xd6bf03e0, {UNDEFINED, UNDEFINED}},
    {"udf", 0x00000000, {UNDEFINED, UNDEFINED}},
    {"sys, unknown", 0xd50bb020, {UNDEFINED, UNDEFINED}},
    {"mrs, unknown", 0xd53bb000, {UNDEFINED, UNDEFINED}},
    {"mrs sp_el1", 0xd53c4100, {UNDEFINED, UNDEFINED}},
    {"msr midr_el1", 0xd5180000, {UNDEFINED, UNDEFINED}},
    {"msr currentel", 0xd5184240, {UNDEFINED, UNDEFINED}},
    {"mrs id, reserved", 0xd53807e0, {NOTHING, NOTHING}},
    {"mrs sctlr_el2", 0xd53c1000, {UNDEFINED, UNDEFINED}},
    {"mrs sctlr_el3", 0xd53e1000, {UNDEFINED, UNDEFINED}},
    {"tlbi alle2", 0xd50c871f, {UNDEFINED, UNDEFINED}},
    {"mrs fpcr", 0xd53b4400, {NO_FP, NOTHING}},
    {"fadd", 0x1e622820, {NO_FP, NOTHING}},
};

// Behind the instruction if it was executed, or is one that causes exceptions; at it if it is trapped.
static uint64_t returns_to(uint32_t esr) {
  if (esr == DONE) return 8;
  return esr >> 26 == 0x15 ? 4 : 0;
}

static void test_el0(const char *name, uint64_t sctlr_bits, uint64_t cpacr, uint64_t cntkctl, unsigned column) {
  tap_note("EL0, %s", name);
  write_register("sctlr_el1", sctlr_bits);
  write_register("cpacr_el1", cpacr);
  write_register("cntkctl_el1", cntkctl);
  for (unsigned i = 0; i < sizeof at_el0 / sizeof *at_el0; i++) {
    uint32_t esr = at_el0[i].esr[column];
    if (esr == LEFT_OUT) continue;
    put_code(at_el0[i].word, SVC_BEHIND);
    check_user(at_el0[i].name, 0xa0000000, USER_DATA, esr, returns_to(esr));
  }
  write_register("sctlr_el1", sctlr);
  write_register("cpacr_el1", 3 << 20);
  write_register("cntkctl_el1", 0);
}

static void test_el1(const char *name, uint64_t cpacr, unsigned column) {
  tap_note("EL1, %s", name);
  pages[2] = (uintptr_t)code | NORMAL_PAGE;
  TLBI(vmalle1);
  for (unsigned i = 0; i < sizeof at_el1 / sizeof *at_el1; i++) {
    struct taken taken = {0};
    put_code(at_el1[i].word, RET);
    write_register("cpacr_el1", cpacr);
    bool ended = guarded(&taken, jump, WINDOW + 0x2000, 0, 0);
    write_register("cpacr_el1", 3 << 20);
    check(ended, &taken, 4, at_el1[i].esr[column], at_el1[i].name);
  }
}

void test_traps(void) {
  map_user();
  test_el0("everything withheld", sctlr, 3 << 20, 0, 0);
  test_el0("everything granted", sctlr | GRANTS, 3 << 20, 0x303, 1);
  test_el0("without floating point", sctlr, 1 << 20, 0, 2);
  test_el1("without floating point", 0, 0);
  test_el1("with floating point", 3 << 20, 1);
}
