// Values that control registers refuse.
#include "../../common/tap.h"
#include "../../x86_64/programs.h"
#include "exceptions.h"

void test_control(void) {
  tap_note("control registers");
  check("CR8: 16", SUPERVISOR, PROGRAM("mov $16, %%eax\n77: mov %%rax, %%cr8"), PROTECTION, 0);
  check("RDMSR of one that is not there", SUPERVISOR, PROGRAM("mov $0x12345678, %%ecx\n77: rdmsr"), PROTECTION, 0);
  check("WRMSR of an LSTAR that is not canonical", SUPERVISOR, PROGRAM("mov $0xc0000082, %%ecx\n\tmov $0x8000, %%edx\n77: wrmsr"), PROTECTION, 0);
}

// What QEMU does not survive.
void test_control_extensions(void) {
  check("CR0: PG without PE", SUPERVISOR, PROGRAM("mov %%cr0, %%rax\n\tand $-2, %%rax\n77: mov %%rax, %%cr0"), PROTECTION, 0);
  check("CR0: NW without CD", SUPERVISOR, PROGRAM("mov %%cr0, %%rax\n\tor $0x20000000, %%rax\n77: mov %%rax, %%cr0"), PROTECTION, 0);
  check("CR0: bit 32", SUPERVISOR, PROGRAM("mov %%cr0, %%rax\n\tbts $32, %%rax\n77: mov %%rax, %%cr0"), PROTECTION, 0);
  check("CR4: PAE off in long mode", SUPERVISOR, PROGRAM("mov %%cr4, %%rax\n\tbtr $5, %%rax\n77: mov %%rax, %%cr4"), PROTECTION, 0);
  check("CR4: bit 31", SUPERVISOR, PROGRAM("mov %%cr4, %%rax\n\tbts $31, %%rax\n77: mov %%rax, %%cr4"), PROTECTION, 0);
  check("EFER: LME off in long mode", SUPERVISOR, PROGRAM("mov $0xc0000080, %%ecx\n\trdmsr\n\tand $-0x101, %%eax\n77: wrmsr"), PROTECTION, 0);
  check("LTR: null", SUPERVISOR, PROGRAM("77: ltr %%ax"), PROTECTION, 0);
}
