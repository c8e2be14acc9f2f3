// Entries of exceptions and interrupts; every one goes to exception() with the registers on the stack, see
// exception.h.
.text
.balign 16
.globl vector_entries
vector_entries:
.set vector, 0
.rept 256
.balign 16
  // Double fault, invalid TSS to page fault, alignment check, control protection have an error code.
  .if !(vector == 8 || (vector >= 10 && vector <= 14) || vector == 17 || vector == 21)
  push  $0
  .endif
  push  $vector
  jmp   save
.set vector, vector + 1
.endr

save:
  push  %rax
  push  %rcx
  push  %rdx
  push  %rbx
  push  %rbp
  push  %rsi
  push  %rdi
  push  %r8
  push  %r9
  push  %r10
  push  %r11
  push  %r12
  push  %r13
  push  %r14
  push  %r15
  mov   %rsp, %rdi
  mov   %rsp, %rbp
  and   $-16, %rsp
  cld
  call  exception
  mov   %rbp, %rdi

// void enter(const struct frame *frame): goes on as the frame says.
.globl enter
enter:
  mov   %rdi, %rsp
  pop   %r15
  pop   %r14
  pop   %r13
  pop   %r12
  pop   %r11
  pop   %r10
  pop   %r9
  pop   %r8
  pop   %rdi
  pop   %rsi
  pop   %rbp
  pop   %rbx
  pop   %rdx
  pop   %rcx
  pop   %rax
  add   $16, %rsp
  iretq

// int save_context(struct context *context): 0, and then what restore_context was given.
.globl save_context
save_context:
  mov   (%rsp), %rax
  lea   8(%rsp), %rdx
  mov   %rbx, (%rdi)
  mov   %rbp, 8(%rdi)
  mov   %r12, 16(%rdi)
  mov   %r13, 24(%rdi)
  mov   %r14, 32(%rdi)
  mov   %r15, 40(%rdi)
  mov   %rdx, 48(%rdi)
  mov   %rax, 56(%rdi)
  xor   %eax, %eax
  ret

// void restore_context(struct context *context, int result)
.globl restore_context
restore_context:
  mov   (%rdi), %rbx
  mov   8(%rdi), %rbp
  mov   16(%rdi), %r12
  mov   24(%rdi), %r13
  mov   32(%rdi), %r14
  mov   40(%rdi), %r15
  mov   48(%rdi), %rsp
  mov   %esi, %eax
  jmp   *56(%rdi)
