// Single instructions as functions: see accesses.h.
.arch_extension lse

.macro single name, instructions:vararg
.globl \name
\name:
  \instructions
  ret
.endm

.text
single load,           ldr  x0, [x0]
single load_word,      ldr  w0, [x0]
single load_pair,      ldp  x1, x2, [x0]
single load_exclusive, ldxr x0, [x0]
single load_user,      ldtr x0, [x0]
single store,          str  xzr, [x0]
single store_user,     sttr xzr, [x0]
single swap,           swp  x1, x2, [x0]
single compare_swap,   cas  x1, x2, [x0]
single zero_block,     dc   zva, x0
single jump,           br   x0

.globl load_debugged
load_debugged:
  msr   daifclr, #8
  isb
  ldr   x0, [x0]
  msr   daifset, #8
  ret

.globl unmask
.globl unmasked
unmask:
  msr   daifclr, #2
unmasked:
  msr   daifset, #2
  ret

.globl unmask_register
.globl unmasked_register
unmask_register:
  mov   x0, #0x340
  msr   daif, x0
unmasked_register:
  msr   daifset, #2
  ret

.globl wait_then_unmask
.globl waited
wait_then_unmask:
  wfi
  msr   daifclr, #2
waited:
  msr   daifset, #2
  ret

.globl enter
enter:
  msr   elr_el1, x0
  msr   spsr_el1, x1
  mov   x0, x2
  mov   x1, #0
  eret
