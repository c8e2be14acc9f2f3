// void legacy_access(struct legacy *legacy)
.equ CODE_32, 0x08
.equ CODE_64, 0x10
.equ MSR_EFER, 0xc0000080
.equ LME, 8
.equ PG, 31

.text
.globl legacy_access
legacy_access:
  push  %rbx
  push  %rbp
  mov   %rdi, %rbx
  mov   %rsp, saved_stack
  mov   %cr0, %rax
  mov   %eax, saved_cr0
  mov   %cr3, %rax
  mov   %eax, saved_cr3
  mov   %cr4, %rax
  mov   %eax, saved_cr4
  sidt  saved_table
  // The handler of page faults, as 32-bit code.
  mov   $handler, %eax
  mov   %ax, page_fault_gate
  shr   $16, %eax
  mov   %ax, page_fault_gate + 6
  ljmp  *to_32_bits

.code32
in_32_bits:
  mov   %cr0, %eax
  btr   $PG, %eax
  mov   %eax, %cr0
  mov   $MSR_EFER, %ecx
  rdmsr
  btr   $LME, %eax
  wrmsr
  lidt  legacy_table
  mov   $stack_end, %esp
  mov   (%ebx), %eax
  mov   %eax, %cr3
  mov   4(%ebx), %eax
  mov   %eax, %cr4
  mov   8(%ebx), %eax
  or    $0x80000001, %eax
  mov   %eax, %cr0
  movl  $-1, 24(%ebx)
  mov   12(%ebx), %esi
  mov   20(%ebx), %ecx
  cmpl  $0, 16(%ebx)
  je    1f
  mov   %ecx, (%esi)
  jmp   back
1:
  mov   (%esi), %ecx
  mov   %ecx, 20(%ebx)
  jmp   back

handler:
  pop   24(%ebx)
  mov   %cr2, %eax
  mov   %eax, 28(%ebx)

back:
  mov   %cr0, %eax
  btr   $PG, %eax
  mov   %eax, %cr0
  mov   saved_cr4, %eax
  mov   %eax, %cr4
  mov   saved_cr3, %eax
  mov   %eax, %cr3
  mov   $MSR_EFER, %ecx
  rdmsr
  bts   $LME, %eax
  wrmsr
  mov   saved_cr0, %eax
  mov   %eax, %cr0
  ljmp  $CODE_64, $in_64_bits

.code64
in_64_bits:
  mov   saved_stack, %rsp
  lidt  saved_table
  pop   %rbp
  pop   %rbx
  ret

.data
.balign 8
to_32_bits:
  .long in_32_bits
  .word CODE_32
.balign 8
legacy_gates:
  .fill 14 * 8, 1, 0
page_fault_gate:
  .word 0, CODE_32, 0x8e00, 0
legacy_table:
  .word 15 * 8 - 1
  .long legacy_gates

.bss
.balign 16
saved_stack:
  .skip 8
saved_cr0:
  .skip 4
saved_cr3:
  .skip 4
saved_cr4:
  .skip 4
saved_table:
  .skip 16
.balign 16
  .skip 256
stack_end:
