// Access rights of a page: AP, PXN, UXN, PSTATE.PAN.
#include "../../aarch64/aarch64.h"
#include "../../aarch64/accesses.h"
#include "../../aarch64/paging.h"
#include "../../common/tap.h"
#include "mmu.h"

enum { DATA = 0x1008, CODE = 0x2000 };
// Permission fault at level 3, by class of exception.
enum { DATA_FAULT = 0x9600000f, WRITE = 0x40, CODE_FAULT = 0x8600000f, USER_CODE_FAULT = 0x8200000f };
enum { SVC = 0x56000000 };

struct rights {
  bool read, write, execute;
};

// Arm ARM D8.4.1: AP[2] is read-only, AP[1] is EL0; EL1 executes nothing that EL0 can write.
static struct rights rights_el1(unsigned ap, unsigned xn, bool pan) {
  bool withheld = pan && (ap & 1);
  return (struct rights){!withheld, !withheld && !(ap & 2), !(xn & 1) && ap != 1};
}

static struct rights rights_el0(unsigned ap, unsigned xn) {
  return (struct rights){ap & 1, ap == 1, !(xn & 2)};
}

static bool wrong(const char *what, bool ended, const struct taken *taken, bool allowed, uint64_t esr) {
  bool good = allowed ? !ended : ended && taken->esr == esr;
  if (!good) tap_note("%s: %s, ESR 0x%lx", what, ended ? "exception" : "done", ended ? taken->esr : 0);
  return !good;
}

static void test_page(unsigned ap, unsigned xn, bool pan) {
  struct taken taken;
  struct rights el1 = rights_el1(ap, xn, pan), el0 = rights_el0(ap, xn);
  unsigned faults = 0;
  if (pan) write_register(PAN, 1 << 22);
  faults += wrong("load", guarded(&taken, load, WINDOW + DATA, 0, 0), &taken, el1.read, DATA_FAULT);
  faults += wrong("store", guarded(&taken, store, WINDOW + DATA, 0, 0), &taken, el1.write, DATA_FAULT | WRITE);
  faults += wrong("ldtr", guarded(&taken, load_user, WINDOW + DATA, 0, 0), &taken, el0.read, DATA_FAULT);
  faults += wrong("sttr", guarded(&taken, store_user, WINDOW + DATA, 0, 0), &taken, el0.write, DATA_FAULT | WRITE);
  // The code is an SVC: it ends in an exception either way.
  guarded(&taken, jump, WINDOW + CODE, 0, 0);
  faults += wrong("execute", taken.esr != SVC, &taken, el1.execute, CODE_FAULT);
  write_register(PAN, 0);
  guarded(&taken, enter, WINDOW + CODE, 0, 0);
  faults += wrong("execute at EL0", taken.esr != SVC, &taken, el0.execute, USER_CODE_FAULT);
  tap_ok(faults == 0, "AP %u, XN %u, PAN %u: EL1 %c%c%c, EL0 %c%c%c", ap, xn, pan, el1.read ? 'r' : '-',
         el1.write ? 'w' : '-', el1.execute ? 'x' : '-', el0.read ? 'r' : '-', el0.write ? 'w' : '-',
         el0.execute ? 'x' : '-');
}

// AT does as an access without PAN would; it says nothing of execution.
static void test_translation(unsigned ap, unsigned xn) {
  struct rights el1 = rights_el1(ap, xn, false), el0 = rights_el0(ap, xn);
  bool allowed[] = {el1.read, el1.write, el0.read, el0.write};
  unsigned faults = 0;
  for (int operation = 0; operation < 4; operation++) {
    uint64_t par = translate(operation, WINDOW + DATA);
    // Normal write-back, inner shareable, non-secure; or a permission fault at level 3.
    uint64_t good = allowed[operation] ? 0xff00000000000b80 | ((uintptr_t)data & ~0xffful) : 0x81f;
    if (par == good) continue;
    tap_note("AT %d: PAR 0x%lx", operation, par);
    faults++;
  }
  tap_ok(faults == 0, "AP %u, XN %u: AT", ap, xn);
}

void test_permissions(void) {
  tap_note("access rights");
  put_code(0xd4000001, 0); // svc #0
  for (unsigned ap = 0; ap < 4; ap++) {
    for (unsigned xn = 0; xn < 4; xn++) {
      uint64_t attributes = NORMAL_PAGE | (uint64_t)ap << 6 | (uint64_t)xn << 53;
      pages[1] = (uintptr_t)data | attributes;
      pages[2] = (uintptr_t)code | attributes;
      TLBI(vmalle1);
      test_page(ap, xn, false);
      test_page(ap, xn, true);
      test_translation(ap, xn);
    }
  }
}
