// What CNTKCTL_EL1 lets EL0 do with each register.
#include "../../aarch64/aarch64.h"
#include "../../aarch64/accesses.h"
#include "../../aarch64/exception.h"
#include "../../aarch64/paging.h"
#include "../../common/tap.h"
#include "timer.h"

// The instruction was executed and SVC #0x77 behind it came; it is undefined; a register was trapped.
enum { DONE = 0x56000077, UNDEFINED = 0x02000000, TRAPPED = 0x18 };
enum { SVC_BEHIND = 0xd4000ee1, EL0 = 0xa0000000 };
// CNTKCTL_EL1.
enum { EL0PCTEN = 1 << 0, EL0VCTEN = 1 << 1, EL0VTEN = 1 << 8, EL0PTEN = 1 << 9 };
enum { NEVER = 0 };

static const struct {
  const char *name;
  uint32_t word;
  // Any of these bits of CNTKCTL_EL1 grants it.
  unsigned granted;
} accesses[] = {
    {"mrs cntfrq_el0", 0xd53be001, EL0PCTEN | EL0VCTEN},
    {"msr cntfrq_el0", 0xd51be001, NEVER},
    {"mrs cntpct_el0", 0xd53be021, EL0PCTEN},
    {"mrs cntvct_el0", 0xd53be041, EL0VCTEN},
    {"mrs cntp_tval_el0", 0xd53be201, EL0PTEN},
    {"mrs cntp_ctl_el0", 0xd53be221, EL0PTEN},
    {"mrs cntp_cval_el0", 0xd53be241, EL0PTEN},
    {"msr cntp_tval_el0", 0xd51be201, EL0PTEN},
    {"msr cntp_ctl_el0", 0xd51be221, EL0PTEN},
    {"msr cntp_cval_el0", 0xd51be241, EL0PTEN},
    {"mrs cntv_tval_el0", 0xd53be301, EL0VTEN},
    {"mrs cntv_ctl_el0", 0xd53be321, EL0VTEN},
    {"mrs cntv_cval_el0", 0xd53be341, EL0VTEN},
    {"msr cntv_tval_el0", 0xd51be301, EL0VTEN},
    {"msr cntv_ctl_el0", 0xd51be321, EL0VTEN},
    {"msr cntv_cval_el0", 0xd51be341, EL0VTEN},
    {"mrs cntkctl_el1", 0xd538e101, NEVER},
};

// ISS of a trapped MRS or MSR (D17.2.37): op0, op2, op1, CRn, Rt, CRm, direction.
static uint64_t trapped(uint32_t word) {
  uint64_t op0 = word >> 19 & 3, op1 = word >> 16 & 7, crn = word >> 12 & 15, crm = word >> 8 & 15;
  uint64_t op2 = word >> 5 & 7, rt = word & 31, read = word >> 21 & 1;
  return (uint64_t)TRAPPED << 26 | 1 << 25 | op0 << 20 | op2 << 17 | op1 << 14 | crn << 10 | rt << 5 | crm << 1 | read;
}

static void test_granted(unsigned granted) {
  write_register("cntkctl_el1", granted);
  for (unsigned i = 0; i < sizeof accesses / sizeof *accesses; i++) {
    uint32_t word = accesses[i].word;
    bool done = (accesses[i].granted & granted) != 0;
    uint64_t refused = accesses[i].granted == NEVER ? UNDEFINED : trapped(word);
    struct taken taken = {0};
    put_code(word, SVC_BEHIND);
    guarded(&taken, enter, USER_CODE, EL0, 0);
    tap_equal(taken.esr, done ? DONE : refused, "CNTKCTL_EL1 0x%x: %s %s", granted, accesses[i].name,
              done ? "is executed" : accesses[i].granted == NEVER ? "is undefined" : "is trapped");
  }
}

void test_el0(void) {
  tap_note("EL0");
  paging_init();
  map_user();
  static const unsigned settings[] = {0, EL0PCTEN, EL0VCTEN, EL0VTEN, EL0PTEN, EL0PCTEN | EL0VCTEN | EL0VTEN | EL0PTEN};
  for (unsigned i = 0; i < sizeof settings / sizeof *settings; i++) test_granted(settings[i]);
  write_register("cntkctl_el1", 0);
  write_register("cntv_ctl_el0", 0);
  write_register("cntp_ctl_el0", 0);
}
