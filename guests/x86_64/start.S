// Entry of the first CPU (PVH: 32 bits, flat segments, no paging, EBX has the start info) and of the others
// (a start-up IPI: 16 bits); both go to 64 bits with the first 4 GiB mapped one to one.
.equ STACK_SIZE, 16384
.equ CODE_32, 0x08
.equ CODE_64, 0x10
.equ DATA, 0x18
.equ CR0, 0x80010033          // PG, WP, NE, ET, MP, PE
.equ CR4, 0x620               // OSXMMEXCPT, OSFXSR, PAE
.equ MSR_EFER, 0xc0000080
.equ EFER, 0x900              // NXE, LME
.equ PRESENT_WRITABLE, 3
.equ LARGE_PAGE, 0x83

.section .note.Xen, "a", @note
  .long 4, 4, 18              // PHYS32_ENTRY
  .asciz "Xen"
  .long pvh_start

.section .head, "ax"
.code32
.globl pvh_start
pvh_start:
  cli
  cld
  mov   $page_directories, %edi
  mov   $LARGE_PAGE, %eax
1:
  mov   %eax, (%edi)
  add   $0x200000, %eax
  add   $8, %edi
  cmp   $page_directories + 4 * 4096, %edi
  jb    1b
  mov   $page_directories + PRESENT_WRITABLE, %eax
  mov   $page_directory_pointers, %edi
2:
  mov   %eax, (%edi)
  add   $4096, %eax
  add   $8, %edi
  cmp   $page_directory_pointers + 4 * 8, %edi
  jb    2b
  movl  $page_directory_pointers + PRESENT_WRITABLE, page_map
  mov   %ebx, %edi            // the start info stays the argument
  lgdt  descriptors_register
  mov   $first, %ebp
  jmp   to_64_bits

// Copied below 1 MiB for start-up IPIs, to a multiple of 4 KiB.
.code16
.globl secondary_start, secondary_start_end
secondary_start:
  cli
  cld
  lgdtl %cs:descriptors_register_copy - secondary_start
  mov   $0x11, %eax           // ET, PE
  mov   %eax, %cr0
  ljmpl $CODE_32, $secondary_32_bits
descriptors_register_copy:
  .word 0xff
  .long descriptors
secondary_start_end:

.code32
secondary_32_bits:
  mov   $DATA, %eax
  mov   %eax, %ds
  mov   %eax, %es
  mov   %eax, %ss
  mov   $secondary, %ebp

// Goes on at EBP.
to_64_bits:
  mov   $CR4, %eax
  mov   %eax, %cr4
  mov   $page_map, %eax
  mov   %eax, %cr3
  mov   $MSR_EFER, %ecx
  mov   $EFER, %eax
  xor   %edx, %edx
  wrmsr
  mov   $CR0, %eax
  mov   %eax, %cr0
  ljmp  $CODE_64, $in_64_bits

.code64
in_64_bits:
  mov   $DATA, %eax
  mov   %eax, %ds
  mov   %eax, %es
  mov   %eax, %ss
  xor   %eax, %eax
  mov   %eax, %fs
  mov   %eax, %gs
  mov   %ebp, %ebp
  jmp   *%rbp

first:
  mov   $stacks + STACK_SIZE, %rsp
  mov   %edi, %ebx
  xor   %edi, %edi
  call  descriptors_init
  mov   %rbx, %rdi
  call  run
3:
  hlt
  jmp   3b

// One CPU starts at a time; its index is in starting_cpu.
secondary:
  mov   starting_cpu, %edi
  lea   1(%rdi), %rsp
  imul  $STACK_SIZE, %rsp
  add   $stacks, %rsp
  mov   %edi, %ebx
  call  descriptors_init
  mov   %ebx, %edi
  call  run_secondary
4:
  hlt
  jmp   4b

.data
.balign 8
.globl descriptors_register
descriptors_register:
  .word 0xff
  .quad descriptors

.bss
.balign 4096
.globl page_map, page_directory_pointers, page_directories
page_map:
  .skip 4096
page_directory_pointers:
  .skip 4096
page_directories:
  .skip 4 * 4096
.balign 16
stacks:
  .skip 8 * STACK_SIZE
