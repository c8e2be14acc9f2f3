// Every floating-point instruction of ARMv8.0-A in each arrangement: V0 (or X0) is the destination,
// V1, V2, V3 and X1 are sources. The class tells what to put into the lanes:
// 0 singles, 1 doubles, 2 halves, 3 integers.

.macro I class, insn:vararg
  .pushsection .rodata.words, "a"
  \insn
  .popsection
  .pushsection .rodata.classes, "a"
  .byte \class
  .popsection
.endm

.pushsection .rodata.words, "a"
.balign 4
.global words
words:
.popsection
.pushsection .rodata.classes, "a"
.global classes
classes:
.popsection

// Scalars of both widths.
.irp op, fmul, fdiv, fadd, fsub, fmax, fmin, fmaxnm, fminnm, fnmul, fmulx, frecps, frsqrts, fabd, fcmeq, fcmge, fcmgt, facge, facgt
  I 0, \op s0, s1, s2
  I 1, \op d0, d1, d2
.endr
.irp op, fmov, fabs, fneg, fsqrt, frintn, frintp, frintm, frintz, frinta, frintx, frinti, frecpe, frsqrte, frecpx
  I 0, \op s0, s1
  I 1, \op d0, d1
.endr
.irp op, fmadd, fmsub, fnmadd, fnmsub
  I 0, \op s0, s1, s2, s3
  I 1, \op d0, d1, d2, d3
.endr
.irp op, fcmeq, fcmge, fcmgt, fcmle, fcmlt
  I 0, \op s0, s1, #0.0
  I 1, \op d0, d1, #0.0
.endr
I 0, fcmp s1, s2
I 0, fcmpe s1, s2
I 0, fcmp s1, #0.0
I 0, fcmpe s1, #0.0
I 1, fcmp d1, d2
I 1, fcmpe d1, d2
I 1, fcmp d1, #0.0
I 1, fcmpe d1, #0.0
.irp cond, eq, ne, cs, cc, mi, pl, vs, vc, hi, ls, ge, lt, gt, le, al
  I 0, fccmp s1, s2, #10, \cond
  I 1, fccmpe d1, d2, #5, \cond
  I 0, fcsel s0, s1, s2, \cond
  I 1, fcsel d0, d1, d2, \cond
.endr
I 0, fmov s0, #1.0
I 0, fmov s0, #-0.125
I 1, fmov d0, #31.0
I 1, fmov d0, #-2.5

// Formats.
I 0, fcvt d0, s1
I 1, fcvt s0, d1
I 0, fcvt h0, s1
I 1, fcvt h0, d1
I 2, fcvt s0, h1
I 2, fcvt d0, h1
I 2, fcvtl v0.4s, v1.4h
I 2, fcvtl2 v0.4s, v1.8h
I 0, fcvtl v0.2d, v1.2s
I 0, fcvtl2 v0.2d, v1.4s
I 0, fcvtn v0.4h, v1.4s
I 0, fcvtn2 v0.8h, v1.4s
I 1, fcvtn v0.2s, v1.2d
I 1, fcvtn2 v0.4s, v1.2d
I 1, fcvtxn s0, d1
I 1, fcvtxn v0.2s, v1.2d
I 1, fcvtxn2 v0.4s, v1.2d

// General registers.
.irp op, fcvtns, fcvtnu, fcvtas, fcvtau, fcvtps, fcvtpu, fcvtms, fcvtmu, fcvtzs, fcvtzu
  I 0, \op w0, s1
  I 0, \op x0, s1
  I 1, \op w0, d1
  I 1, \op x0, d1
  I 0, \op s0, s1
  I 1, \op d0, d1
  I 0, \op v0.4s, v1.4s
  I 0, \op v0.2s, v1.2s
  I 1, \op v0.2d, v1.2d
.endr
.irp op, scvtf, ucvtf
  I 3, \op s0, w1
  I 3, \op s0, x1
  I 3, \op d0, w1
  I 3, \op d0, x1
  I 3, \op s0, s1
  I 3, \op d0, d1
  I 3, \op v0.4s, v1.4s
  I 3, \op v0.2s, v1.2s
  I 3, \op v0.2d, v1.2d
  .irp bits, 1, 7, 31, 32
    I 3, \op s0, w1, #\bits
    I 3, \op s0, x1, #\bits
    I 3, \op d0, w1, #\bits
    I 3, \op d0, x1, #\bits
    I 3, \op s0, s1, #\bits
    I 3, \op v0.4s, v1.4s, #\bits
    I 3, \op v0.2s, v1.2s, #\bits
  .endr
  .irp bits, 1, 33, 64
    I 3, \op s0, x1, #\bits
    I 3, \op d0, x1, #\bits
    I 3, \op d0, d1, #\bits
    I 3, \op v0.2d, v1.2d, #\bits
  .endr
.endr
.irp op, fcvtzs, fcvtzu
  .irp bits, 1, 7, 31, 32
    I 0, \op w0, s1, #\bits
    I 0, \op x0, s1, #\bits
    I 1, \op w0, d1, #\bits
    I 1, \op x0, d1, #\bits
    I 0, \op s0, s1, #\bits
    I 0, \op v0.4s, v1.4s, #\bits
    I 0, \op v0.2s, v1.2s, #\bits
  .endr
  .irp bits, 1, 33, 64
    I 0, \op x0, s1, #\bits
    I 1, \op x0, d1, #\bits
    I 1, \op d0, d1, #\bits
    I 1, \op v0.2d, v1.2d, #\bits
  .endr
.endr
I 0, fmov w0, s1
I 1, fmov x0, d1
I 3, fmov s0, w1
I 3, fmov d0, x1
I 1, fmov x0, v1.d[1]
I 3, fmov v0.d[1], x1

// Vectors.
.irp op, fmla, fmls, fadd, fsub, fmul, fmulx, fdiv, fabd, fmax, fmin, fmaxnm, fminnm, faddp, fmaxp, fminp, fmaxnmp, fminnmp, frecps, frsqrts, fcmeq, fcmge, fcmgt, facge, facgt
  I 0, \op v0.4s, v1.4s, v2.4s
  I 0, \op v0.2s, v1.2s, v2.2s
  I 1, \op v0.2d, v1.2d, v2.2d
.endr
.irp op, fabs, fneg, fsqrt, frintn, frintp, frintm, frintz, frinta, frintx, frinti, frecpe, frsqrte
  I 0, \op v0.4s, v1.4s
  I 0, \op v0.2s, v1.2s
  I 1, \op v0.2d, v1.2d
.endr
.irp op, fcmeq, fcmge, fcmgt, fcmle, fcmlt
  I 0, \op v0.4s, v1.4s, #0.0
  I 0, \op v0.2s, v1.2s, #0.0
  I 1, \op v0.2d, v1.2d, #0.0
.endr
.irp op, urecpe, ursqrte
  I 3, \op v0.4s, v1.4s
  I 3, \op v0.2s, v1.2s
.endr
.irp op, fmaxv, fminv, fmaxnmv, fminnmv
  I 0, \op s0, v1.4s
.endr
.irp op, faddp, fmaxp, fminp, fmaxnmp, fminnmp
  I 0, \op s0, v1.2s
  I 1, \op d0, v1.2d
.endr
.irp op, fmla, fmls, fmul, fmulx
  .irp lane, 0, 1, 2, 3
    I 0, \op v0.4s, v1.4s, v2.s[\lane]
    I 0, \op v0.2s, v1.2s, v2.s[\lane]
    I 0, \op s0, s1, v2.s[\lane]
  .endr
  .irp lane, 0, 1
    I 1, \op v0.2d, v1.2d, v2.d[\lane]
    I 1, \op d0, d1, v2.d[\lane]
  .endr
.endr

.pushsection .rodata.words, "a"
.global words_end
words_end:
.popsection

// void execute(struct registers *r, const void *code)
.text
.global execute
execute:
  stp x29, x30, [sp, #-48]!
  stp x19, x20, [sp, #16]
  str d8, [sp, #32]
  mov x19, x0
  mov x20, x1
  ldp q0, q1, [x19]
  ldp q2, q3, [x19, #32]
  ldp w2, w3, [x19, #80]
  ldr w4, [x19, #88]
  msr fpcr, x2
  msr fpsr, x3
  msr nzcv, x4
  ldp x0, x1, [x19, #64]
  blr x20
  mrs x3, fpsr
  mrs x4, nzcv
  msr fpcr, xzr
  str q0, [x19]
  str x0, [x19, #64]
  stp w3, w4, [x19, #84]
  ldr d8, [sp, #32]
  ldp x19, x20, [sp, #16]
  ldp x29, x30, [sp], #48
  ret

.section .note.GNU-stack, "", %progbits
