// Entry with the header of an arm64 Linux image, exception vectors, and the calls that may fault.
.arch armv8.1-a

.section .head, "ax"
.globl _start
_start:
  b     1f
  .word 0
  .quad 0x80000             // text_offset
  .quad 0x200000            // image_size
  .quad 2                   // little-endian, 4 KiB
  .quad 0, 0, 0
  .ascii "ARM\x64"
  .word 0
1:
  adrp  x0, stack_top
  add   x0, x0, :lo12:stack_top
  mov   sp, x0
  adrp  x0, vectors
  add   x0, x0, :lo12:vectors
  msr   vbar_el1, x0
  mov   x0, #3 << 20        // CPACR_EL1.FPEN
  msr   cpacr_el1, x0
  isb
  bl    main
  ldr   x0, =0x84000008     // PSCI SYSTEM_OFF
  hvc   #0
  b     .

.text
.balign 2048
vectors:
.irp number, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
.balign 128
  stp   x0, x1, [sp, #-16]!
  mov   x0, #\number
  b     taken
.endr

// Offsets in `record`, see guest.h.
.equ VECTOR, 0
.equ ESR, 8
.equ FAR, 16
.equ ELR, 24
.equ SPSR, 32
.equ DAIF, 40
.equ PAN, 48
.equ RESUME, 56
.equ STACK, 64
.equ SAVED_PAN, 72
.equ REGISTERS, 80

taken:
  adrp  x1, record
  add   x1, x1, :lo12:record
  str   x0, [x1, #VECTOR]
  mrs   x0, esr_el1
  str   x0, [x1, #ESR]
  mrs   x0, far_el1
  str   x0, [x1, #FAR]
  mrs   x0, elr_el1
  str   x0, [x1, #ELR]
  mrs   x0, spsr_el1
  str   x0, [x1, #SPSR]
  mrs   x0, daif
  str   x0, [x1, #DAIF]
  mrs   x0, pan
  str   x0, [x1, #PAN]
  // Not back to where it came from: out of the guarded call, with 1.
  ldr   x2, [x1, #STACK]
  mov   sp, x2
  ldr   x2, [x1, #SAVED_PAN]
  msr   pan, x2
  ldp   x19, x20, [x1, #REGISTERS]
  ldp   x21, x22, [x1, #REGISTERS + 16]
  ldp   x23, x24, [x1, #REGISTERS + 32]
  ldp   x25, x26, [x1, #REGISTERS + 48]
  ldp   x27, x28, [x1, #REGISTERS + 64]
  ldp   x29, x30, [x1, #REGISTERS + 80]
  mov   x0, #1
  ldr   x2, [x1, #RESUME]
  br    x2

// int guarded(void (*function)(), u64 argument, u64 second): 1 if it ended in an exception, else 0.
.globl guarded
guarded:
  adrp  x9, record
  add   x9, x9, :lo12:record
  stp   x19, x20, [x9, #REGISTERS]
  stp   x21, x22, [x9, #REGISTERS + 16]
  stp   x23, x24, [x9, #REGISTERS + 32]
  stp   x25, x26, [x9, #REGISTERS + 48]
  stp   x27, x28, [x9, #REGISTERS + 64]
  stp   x29, x30, [x9, #REGISTERS + 80]
  mov   x10, sp
  str   x10, [x9, #STACK]
  mrs   x10, pan
  str   x10, [x9, #SAVED_PAN]
  adr   x10, 1f
  str   x10, [x9, #RESUME]
  mov   x10, x0
  mov   x0, x1
  mov   x1, x2
  msr   nzcv, xzr
  blr   x10
  adrp  x9, record
  add   x9, x9, :lo12:record
  ldr   x30, [x9, #REGISTERS + 88]
  mov   x0, #0
1:
  msr   daifset, #15
  ret

.macro try name, instructions:vararg
.globl \name
\name:
  \instructions
  ret
.endm

try load,             ldr  x0, [x0]
try load_word,        ldr  w0, [x0]
try load_pair,        ldp  x1, x2, [x0]
try load_exclusive,   ldxr x0, [x0]
try load_user,        ldtr x0, [x0]
try store,            str  xzr, [x0]
try store_user,       sttr xzr, [x0]
try swap,             swp  x1, x2, [x0]
try compare_swap,     cas  x1, x2, [x0]
try zero_block,       dc   zva, x0
try jump,             br   x0

// Loads with debug exceptions unmasked.
.globl load_debugged
load_debugged:
  msr   daifclr, #8
  isb
  ldr   x0, [x0]
  msr   daifset, #8
  ret

// Unmasks interrupts; the one that is pending comes at `unmasked`.
.globl unmask
.globl unmasked
unmask:
  msr   daifclr, #2
unmasked:
  msr   daifset, #2
  ret

// The same by the register form.
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

// void enter(u64 pc, u64 spsr): exception return with `user_x0` in X0.
.globl enter
enter:
  msr   elr_el1, x0
  msr   spsr_el1, x1
  adrp  x0, user_x0
  ldr   x0, [x0, :lo12:user_x0]
  mov   x1, #0
  eret

.bss
.balign 16
.globl record
record:
  .skip 256
.globl user_x0
user_x0:
  .skip 16
.balign 16
stack:
  .skip 65536
stack_top:
