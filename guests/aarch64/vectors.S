// Exception vectors; every one goes to exception() with the registers on the stack, see exception.h.
.equ FRAME, 288

.text
.balign 2048
.globl vectors
vectors:
.irp vector, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
.balign 128
  sub   sp, sp, #FRAME
  stp   x0, x1, [sp]
  mov   x1, #\vector
  b     save
.endr

save:
  stp   x2, x3, [sp, #16]
  stp   x4, x5, [sp, #32]
  stp   x6, x7, [sp, #48]
  stp   x8, x9, [sp, #64]
  stp   x10, x11, [sp, #80]
  stp   x12, x13, [sp, #96]
  stp   x14, x15, [sp, #112]
  stp   x16, x17, [sp, #128]
  stp   x18, x19, [sp, #144]
  stp   x20, x21, [sp, #160]
  stp   x22, x23, [sp, #176]
  stp   x24, x25, [sp, #192]
  stp   x26, x27, [sp, #208]
  stp   x28, x29, [sp, #224]
  mrs   x2, elr_el1
  stp   x30, x2, [sp, #240]
  mrs   x2, spsr_el1
  mrs   x3, esr_el1
  stp   x2, x3, [sp, #256]
  mrs   x2, far_el1
  str   x2, [sp, #272]
  mov   x0, sp
  bl    exception
  ldr   x2, [sp, #256]
  msr   spsr_el1, x2
  ldp   x30, x2, [sp, #240]
  msr   elr_el1, x2
  ldp   x2, x3, [sp, #16]
  ldp   x4, x5, [sp, #32]
  ldp   x6, x7, [sp, #48]
  ldp   x8, x9, [sp, #64]
  ldp   x10, x11, [sp, #80]
  ldp   x12, x13, [sp, #96]
  ldp   x14, x15, [sp, #112]
  ldp   x16, x17, [sp, #128]
  ldp   x18, x19, [sp, #144]
  ldp   x20, x21, [sp, #160]
  ldp   x22, x23, [sp, #176]
  ldp   x24, x25, [sp, #192]
  ldp   x26, x27, [sp, #208]
  ldp   x28, x29, [sp, #224]
  ldp   x0, x1, [sp]
  add   sp, sp, #FRAME
  eret

// int save_context(struct context *context): 0, and then what restore_context was given.
.globl save_context
save_context:
  mov   x2, sp
  stp   x19, x20, [x0]
  stp   x21, x22, [x0, #16]
  stp   x23, x24, [x0, #32]
  stp   x25, x26, [x0, #48]
  stp   x27, x28, [x0, #64]
  stp   x29, x30, [x0, #80]
  str   x2, [x0, #96]
  mov   w0, #0
  ret

// void restore_context(struct context *context, int result)
.globl restore_context
restore_context:
  ldp   x19, x20, [x0]
  ldp   x21, x22, [x0, #16]
  ldp   x23, x24, [x0, #32]
  ldp   x25, x26, [x0, #48]
  ldp   x27, x28, [x0, #64]
  ldp   x29, x30, [x0, #80]
  ldr   x2, [x0, #96]
  mov   sp, x2
  mov   w0, w1
  ret
