// Loads the state, executes one instruction, stores the state. Copied to where the instruction has
// its fixed address; the last two words are filled in: addresses of the state and of host_sp.
	.section .rodata
	.balign 8
	.globl trampoline, trampoline_instruction, trampoline_end
trampoline:
	stp x29, x30, [sp, #-96]!
	stp x19, x20, [sp, #16]
	stp x21, x22, [sp, #32]
	stp x23, x24, [sp, #48]
	stp x25, x26, [sp, #64]
	stp x27, x28, [sp, #80]
	stp d8, d9, [sp, #-64]!
	stp d10, d11, [sp, #16]
	stp d12, d13, [sp, #32]
	stp d14, d15, [sp, #48]
	// The thread pointer serves as a scratch register: keep it.
	mrs x0, tpidr_el0
	str x0, [sp, #-16]!
	ldr x1, host_sp_pointer
	mov x0, sp
	str x0, [x1]
	msr fpcr, xzr
	msr fpsr, xzr
	ldr x30, state_pointer
	.irp n, 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30
	ldr q\n, [x30, #\n * 16]
	.endr
	.irp n, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31
	ldr q\n, [x30, #\n * 16]
	.endr
	ldr x0, [x30, #512 + 31 * 8]
	mov sp, x0
	.irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29
	ldr x\n, [x30, #512 + \n * 8]
	.endr
	ldr x30, [x30, #512 + 30 * 8]
trampoline_instruction:
	nop
	msr tpidr_el0, x30
	ldr x30, state_pointer
	.irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29
	str x\n, [x30, #512 + \n * 8]
	.endr
	mrs x0, tpidr_el0
	str x0, [x30, #512 + 30 * 8]
	mov x0, sp
	str x0, [x30, #512 + 31 * 8]
	mrs x0, fpsr
	str x0, [x30, #512 + 32 * 8]
	.irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
	str q\n, [x30, #\n * 16]
	.endr
	ldr x1, host_sp_pointer
	ldr x0, [x1]
	mov sp, x0
	ldr x0, [sp], #16
	msr tpidr_el0, x0
	ldp d10, d11, [sp, #16]
	ldp d12, d13, [sp, #32]
	ldp d14, d15, [sp, #48]
	ldp d8, d9, [sp], #64
	ldp x19, x20, [sp, #16]
	ldp x21, x22, [sp, #32]
	ldp x23, x24, [sp, #48]
	ldp x25, x26, [sp, #64]
	ldp x27, x28, [sp, #80]
	ldp x29, x30, [sp], #96
	ret
	.balign 8
state_pointer:
	.quad 0
host_sp_pointer:
	.quad 0
trampoline_end:
	.section .note.GNU-stack, "", %progbits
