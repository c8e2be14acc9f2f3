/**
 * Bare-metal programs that try to keep the host to themselves: their source, and the words that GNU
 * as makes of it.
 */
import { words } from "./programs.ts";

/*
  mov x0, #0x20000000
  msr vbar_el1, x0
  svc #0
*/
/** The vectors lie where nothing is. */
const faults = words(`
  d2a40000 d518c000 d4000001
`);

/*
2: tlbi vmalle1
  ldr x2, [x0]
  b 2b
*/
const invalidations = words(`
  d508871f f9400002 17fffffe
`);

/*
2: sevl
  wfe
  b 2b
*/
const events = words(`
  d50320bf d503205f 17fffffe
`);

/*
  mov x1, #0x4000
1: bl code
  subs x1, x1, #1
  b.ne 1b
2: b 2b
  .balign 128
code:
  .rept 48
  cbz x9, . + 4
  .endr
  ret
*/
/** 48 branches to the next instruction, hot: the compiler must not write 2^48 ways. */
const chain = words(`
  d2880001 9400001f f1000421 54ffffc1 14000000 d503201f d503201f d503201f d503201f d503201f
  d503201f d503201f d503201f d503201f d503201f d503201f d503201f d503201f d503201f d503201f
  d503201f d503201f d503201f d503201f d503201f d503201f d503201f d503201f d503201f d503201f
  d503201f d503201f b4000029 b4000029 b4000029 b4000029 b4000029 b4000029 b4000029 b4000029
  b4000029 b4000029 b4000029 b4000029 b4000029 b4000029 b4000029 b4000029 b4000029 b4000029
  b4000029 b4000029 b4000029 b4000029 b4000029 b4000029 b4000029 b4000029 b4000029 b4000029
  b4000029 b4000029 b4000029 b4000029 b4000029 b4000029 b4000029 b4000029 b4000029 b4000029
  b4000029 b4000029 b4000029 b4000029 b4000029 b4000029 b4000029 b4000029 b4000029 b4000029
  d65f03c0
`);

/*
  adr x0, 3f
  ldr w3, [x0]
2: str w3, [x0]
3: nop
  b 2b
*/
const selfModifying = words(`
  10000060 b9400003 b9000003 d503201f 17fffffe
`);

/*
 mov x0, #0x84000000
 add x0,x0,#9
 hvc #0
*/
const resets = words(`
  d2b08000 91002400 d4000002
`);

/*
  mov x19, #0x0a000000
  mov x20, #0x3e00
  add x19, x19, x20
2: str wzr,[x19,#0x70]
  mov w1,#1
  str w1,[x19,#0x70]
  mov w1,#3
  str w1,[x19,#0x70]
  mov w1,#1
  str w1,[x19,#0x24]
  str w1,[x19,#0x20]
  mov w1,#0xb
  str w1,[x19,#0x70]
  str wzr,[x19,#0x30]
  mov w1,#8
  str w1,[x19,#0x38]
  mov w1,#0x40000000
  str w1,[x19,#0x80]
  str w1,[x19,#0x90]
  str w1,[x19,#0xa0]
  str wzr,[x19,#0x84]
  str wzr,[x19,#0x94]
  str wzr,[x19,#0xa4]
  mov w1,#1
  str w1,[x19,#0x44]
  mov w1,#0xf
  str w1,[x19,#0x70]
  mov w1,#0x40000000
  mov w2,#0x7777
  strh w2,[x1,#2]
  str wzr,[x19,#0x50]
  b 2b
*/
const failures = words(`
  d2a14013 d287c014 8b140273 b900727f 52800021 b9007261 52800061 b9007261 52800021 b9002661
  b9002261 52800161 b9007261 b900327f 52800101 b9003a61 52a80001 b9008261 b9009261 b900a261
  b900867f b900967f b900a67f 52800021 b9004661 528001e1 b9007261 52a80001 528eeee2 79000422
  b900527f 17ffffe4
`);

/*
  mov x1, #-1
  lsr x1, x1, #15
  msr CNTV_CVAL_EL0, x1
  mov x1, #1
  msr CNTV_CTL_EL0, x1
  mov x19, #0x08000000
  mov w1, #0x12
  str w1, [x19]
  add x20, x19, #0xa0000
  ldr w1, [x20, #0x14]
  and w1, w1, #~2
  str w1, [x20, #0x14]
  add x20, x20, #0x10000
  mov w1, #(1 << 27)
  str w1, [x20, #0x80]
  str w1, [x20, #0x100]
  mov x1, #0xff
  msr S3_0_C4_C6_0, x1
  mov x1, #1
  msr S3_0_C12_C12_7, x1
  isb
  wfi
1: b 1b
*/
const timer = words(`
  92800001 d34ffc21 d51be341 d2800021 d51be321 d2a10013 52800241 b9000261 91428274 b9401681
  121e7821 b9001681 91404294 52a10001 b9008281 b9010281 d2801fe1 d5184601 d2800021 d518cce1
  d5033fdf d503207f 14000000
`);

/** The programs by what they do. */
export const hostilePrograms: Readonly<Record<string, Uint8Array<ArrayBuffer>>> = {
  "exceptions without end": faults,
  "a TLB that is empty before each access": invalidations,
  "turns given back without end": events,
  "branches to the next instruction": chain,
  "code that is overwritten before each run": selfModifying,
  "resets without end": resets,
  "a driver that breaks the rules of its queue without end": failures,
  "a timer at the end of the clock's range, and WFI": timer,
};
