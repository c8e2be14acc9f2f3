// Header of an arm64 Linux Image, entry of the first CPU and of the others, MMU.
// The image runs wherever it was loaded: it is linked at 0 and relocates itself.
.equ STACK_SIZE, 16384

.section .head, "ax"
.globl image_start
image_start:
  b     start
  .word 0
  .quad 0                   // text_offset: the 2 MiB boundary itself
  .quad image_size          // with BSS; by image.ld
  .quad 0b1010              // little-endian, 4 KiB pages, anywhere in memory
  .quad 0, 0, 0
  .ascii "ARM\x64"
  .word 0

// x0: physical address of the device tree.
start:
  msr   daifset, #15
  mov   x19, x0
  adrp  x0, bss_start
  add   x0, x0, :lo12:bss_start
  adrp  x1, bss_end
1:
  stp   xzr, xzr, [x0], #16
  cmp   x0, x1
  b.lo  1b

  // R_AARCH64_RELATIVE is the only relocation there is.
  adr   x2, image_start
  adrp  x0, rela_start
  add   x0, x0, :lo12:rela_start
  adrp  x1, rela_end
  add   x1, x1, :lo12:rela_end
2:
  cmp   x0, x1
  b.hs  3f
  ldp   x3, x4, [x0]        // offset, type
  ldr   x4, [x0, #16]       // addend
  add   x4, x4, x2
  str   x4, [x2, x3]
  add   x0, x0, #24
  b     2b
3:
  // Identity map of 1 GiB blocks: devices in the first, RAM in the second; mmu.c adds more.
  adrp  x0, translation_table
  mov   x1, #0x401          // block, access flag, MAIR index 0
  movk  x1, #0x0060, lsl #48 // never executable
  str   x1, [x0]
  mov   x1, #0x705          // block, access flag, inner shareable, MAIR index 1
  movk  x1, #0x4000, lsl #16
  str   x1, [x0, #8]
  mov   x0, #0
  bl    enter
  mov   x0, x19
  bl    run
4:
  wfi
  b     4b

// Where PSCI CPU_ON starts a CPU. x0: its index.
.globl secondary_start
secondary_start:
  msr   daifset, #15
  mov   x19, x0
  bl    enter
  mov   x0, x19
  bl    run_secondary
5:
  wfi
  b     5b

// Stack, vectors, FP and MMU of the CPU with index x0.
enter:
  msr   tpidr_el1, x0
  adrp  x1, stacks
  add   x1, x1, :lo12:stacks
  mov   x2, #STACK_SIZE
  madd  x1, x0, x2, x1
  add   sp, x1, x2
  adrp  x1, vectors
  add   x1, x1, :lo12:vectors
  msr   vbar_el1, x1
  mov   x1, #3 << 20        // CPACR_EL1.FPEN
  msr   cpacr_el1, x1
  ldr   x1, =0xff04         // attribute 0: Device-nGnRE, 1: Normal, write-back
  msr   mair_el1, x1
  ldr   x1, =0x200803519    // TCR_EL1: 39 bits, 4 KiB, write-back, inner shareable, no TTBR1, 40 bits PA
  msr   tcr_el1, x1
  adrp  x1, translation_table
  msr   ttbr0_el1, x1
  dsb   sy
  tlbi  vmalle1
  ic    iallu
  dsb   sy
  isb
  ldr   x1, =0x30d0180d     // SCTLR_EL1: MMU, caches, stack alignment, and the bits that are 1
  msr   sctlr_el1, x1
  isb
  ret
.ltorg

.bss
.balign 4096
.globl translation_table
translation_table:
  .skip 4096
.balign 16
stacks:
  .skip 8 * STACK_SIZE
