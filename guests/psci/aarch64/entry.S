// Where the program has CPUs begin: they note what they find and do as they are told.

// x0: a struct visit.
.globl visit_entry
visit_entry:
  mrs   x1, currentel
  mrs   x2, daif
  mrs   x3, sctlr_el1
  mrs   x4, mpidr_el1
  mrs   x5, spsel
  stp   x1, x2, [x0]
  stp   x3, x4, [x0, #16]
  str   x5, [x0, #32]
  ldr   x6, [x0, #40]       // the call that ends the visit
  mov   x7, x0
  mov   x0, x6
  mov   x1, #0
  mov   x2, #0
  mov   x3, #1
  dsb   sy
  str   x3, [x7, #48]
  dsb   sy
  sev
  hvc   #0
1:
  wfi
  b     1b

// Power-down and back: x0 is what leave() had on its stack.
.globl resume_entry
resume_entry:
  ldp   x1, x2, [x0]
  ldp   x3, x4, [x0, #16]
  ldp   x5, x6, [x0, #32]
  ldr   x7, [x0, #48]
  msr   mair_el1, x1
  msr   tcr_el1, x2
  msr   ttbr0_el1, x3
  msr   vbar_el1, x4
  msr   tpidr_el1, x5
  msr   cpacr_el1, x6
  tlbi  vmalle1
  dsb   sy
  isb
  msr   sctlr_el1, x7
  isb
  ldp   x19, x20, [x0, #64]
  ldp   x21, x22, [x0, #80]
  ldp   x23, x24, [x0, #96]
  ldp   x25, x26, [x0, #112]
  ldp   x27, x28, [x0, #128]
  ldp   x29, x30, [x0, #144]
  add   sp, x0, #160
  mov   x0, #1000           // RESUMED
  ret

// int64_t leave(uint64_t function, uint64_t a, uint64_t b): see psci.h.
.globl leave
leave:
  sub   sp, sp, #160
  mrs   x3, mair_el1
  mrs   x4, tcr_el1
  stp   x3, x4, [sp]
  mrs   x3, ttbr0_el1
  mrs   x4, vbar_el1
  stp   x3, x4, [sp, #16]
  mrs   x3, tpidr_el1
  mrs   x4, cpacr_el1
  stp   x3, x4, [sp, #32]
  mrs   x3, sctlr_el1
  str   x3, [sp, #48]
  stp   x19, x20, [sp, #64]
  stp   x21, x22, [sp, #80]
  stp   x23, x24, [sp, #96]
  stp   x25, x26, [sp, #112]
  stp   x27, x28, [sp, #128]
  stp   x29, x30, [sp, #144]
  mov   x3, sp
  cbnz  x2, 1f
  mov   x2, sp
1:
  dsb   sy
  hvc   #0
  add   sp, sp, #160
  ret
