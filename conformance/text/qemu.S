// Runs one text test under QEMU: begins at EL2, copies the test's RAM into place, loads the registers,
// goes to EL1 or EL0; the HVC at the test's end comes back, registers are stored, the machine is
// switched off. At PARAMETERS: x0-x30, SP_EL0, SP_EL1, pc, PSTATE, system registers, v0-v31.
.arch armv8-a
.equ PARAMETERS, 0x43000000
.equ RESULTS, 0x43100000
.equ IMAGE, 0x44000000
.equ RAM, 0x40000000


  ldr x0, =IMAGE
  ldr x1, =RAM
  mov x2, #0x100000
1:ldp x3, x4, [x0], #16
  stp x3, x4, [x1], #16
  subs x2, x2, #16
  b.ne 1b
  ldr x0, =0x33ff
  msr cptr_el2, x0
  mov x0, #0x80000000                       // RW: EL1 is AArch64
  msr hcr_el2, x0
  adr x0, vectors
  msr vbar_el2, x0
  mov x0, #0
  msr mdcr_el2, x0
  isb
  ldr x30, =PARAMETERS
  add x29, x30, #31 * 8
  ldp x0, x1, [x29]
  msr sp_el0, x0
  msr sp_el1, x1
  ldp x0, x1, [x29, #16]
  msr elr_el2, x0
  msr spsr_el2, x1
  ldp x0, x1, [x29, #32]
  msr vbar_el1, x0
  msr tcr_el1, x1
  ldp x0, x1, [x29, #48]
  msr mair_el1, x0
  msr ttbr0_el1, x1
  ldp x0, x1, [x29, #64]
  msr ttbr1_el1, x0
  msr sctlr_el1, x1
  ldr x0, [x29, #80]
  msr cpacr_el1, x0
  add x0, x30, #(31 + 11) * 8 + 8
  ldp q0, q1, [x0], #32
  ldp q2, q3, [x0], #32
  ldp q4, q5, [x0], #32
  ldp q6, q7, [x0], #32
  tlbi alle1
  dsb ish
  ic iallu
  dsb ish
  isb
  ldp x0, x1, [x30]
  ldp x2, x3, [x30, #16]
  ldp x4, x5, [x30, #32]
  ldp x6, x7, [x30, #48]
  ldp x8, x9, [x30, #64]
  ldp x10, x11, [x30, #80]
  ldp x12, x13, [x30, #96]
  ldp x14, x15, [x30, #112]
  ldp x16, x17, [x30, #128]
  ldp x18, x19, [x30, #144]
  ldp x20, x21, [x30, #160]
  ldp x22, x23, [x30, #176]
  ldp x24, x25, [x30, #192]
  ldp x26, x27, [x30, #208]
  ldp x28, x29, [x30, #224]
  ldr x30, [x30, #240]
  eret

.balign 2048
vectors:
.rept 16
  msr tpidr_el2, x0
  b done
.balign 128
.endr

done:
  ldr x0, =RESULTS + 8
  stp x1, x2, [x0]
  stp x3, x4, [x0, #16]
  stp x5, x6, [x0, #32]
  stp x7, x8, [x0, #48]
  stp x9, x10, [x0, #64]
  stp x11, x12, [x0, #80]
  stp x13, x14, [x0, #96]
  stp x15, x16, [x0, #112]
  stp x17, x18, [x0, #128]
  stp x19, x20, [x0, #144]
  stp x21, x22, [x0, #160]
  stp x23, x24, [x0, #176]
  stp x25, x26, [x0, #192]
  stp x27, x28, [x0, #208]
  stp x29, x30, [x0, #224]
  sub x0, x0, #8
  mrs x1, tpidr_el2
  str x1, [x0]
  add x0, x0, #31 * 8
  mrs x1, sp_el0
  mrs x2, sp_el1
  stp x1, x2, [x0]
  mrs x1, elr_el2
  mrs x2, spsr_el2
  stp x1, x2, [x0, #16]
  mrs x1, esr_el1
  mrs x2, far_el1
  stp x1, x2, [x0, #32]
  mrs x1, elr_el1
  mrs x2, spsr_el1
  stp x1, x2, [x0, #48]
  mrs x1, esr_el2
  str x1, [x0, #64]
  add x0, x0, #88
  stp q0, q1, [x0], #32
  stp q2, q3, [x0], #32
  stp q4, q5, [x0], #32
  stp q6, q7, [x0], #32
  dsb sy
  ldr x0, =0x84000008                       // PSCI SYSTEM_OFF
  smc #0
  b .
