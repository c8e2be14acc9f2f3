/** Bare-metal programs for tests: their source, and the words that GNU as makes of it. */

/** Bytes of a program from its words in hexadecimal. */
export function words(text: string): Uint8Array<ArrayBuffer> {
  const list = text.trim().split(/\s+/).map((word) => parseInt(word, 16));
  const bytes = new Uint8Array(list.length * 4);
  const view = new DataView(bytes.buffer);
  list.forEach((word, i) => view.setUint32(i * 4, word, true));
  return bytes;
}

/*
  mov x19, #0x09000000      // PL011
  adr x1, text
1: ldrb w2, [x1], #1
  cbz w2, 2f
  strb w2, [x19]
  b 1b
2: ldr w3, [x0]             // the device tree's magic number
  mov w4, #0x0dd0
  movk w4, #0xedfe, lsl #16
  cmp w3, w4
  mov w5, #'Y'
  mov w6, #'N'
  csel w5, w5, w6, eq
  strb w5, [x19]
  mov x0, #0x84000000       // PSCI SYSTEM_OFF
  add x0, x0, #8
  hvc #0
text: .asciz "hello "
*/
/** Prints "hello " and whether X0 points to a device tree, then powers off. */
export const helloProgram: Uint8Array<ArrayBuffer> = words(`
  d2a12013 10000201 38401422 34000062 39000262 17fffffd b9400003 5281ba04
  72bdbfc4 6b04007f 52800b25 528009c6 1a8600a5 39000265 d2b08000 91002000
  d4000002 6c6c6568 0000206f
`);

/*
  mov x19, #0x09000000      // PL011
  mov w1, #0x301            // UARTEN, TXE, RXE
  str w1, [x19, #0x30]
1: ldr w2, [x19, #0x18]     // FR
  tbnz w2, #4, 1b           // RXFE
  ldr w3, [x19]
  cmp w3, #'q'
  b.eq 2f
  add w3, w3, #1
  str w3, [x19]
  b 1b
2: mov x0, #0x84000000
  add x0, x0, #8
  hvc #0
*/
/** Sends back each character plus one, until "q". */
export const echoProgram: Uint8Array<ArrayBuffer> = words(`
  d2a12013 52806021 b9003261 b9401a62 3727ffe2 b9400263 7101c47f 54000080
  11000463 b9000263 17fffff9 d2b08000 91002000 d4000002
`);

/*
  mov x19, #0x09000000      // PL011
  mov x20, #0x40000000      // RAM that nothing else uses
  ldr w1, [x20]
  add w1, w1, #1
  str w1, [x20]
  add w2, w1, #'0'
  strb w2, [x19]
  mov x0, #0x84000000
  cmp w1, #3
  cinc x0, x0, lo           // SYSTEM_OFF, or SYSTEM_RESET the first two times
  add x0, x0, #8
  hvc #0
*/
/** Counts its starts in RAM and prints the count; resets twice, then powers off. */
export const resetProgram: Uint8Array<ArrayBuffer> = words(`
  d2a12013 d2a80014 b9400281 11000421 b9000281 1100c022 39000262 d2b08000
  71000c3f 9a802400 91002000 d4000002
`);

/*
  mov x19, #0x08000000      // GICD
  mov w1, #0x12             // ARE, EnableGrp1
  str w1, [x19]
  add x20, x19, #0xa0000    // GICR
  ldr w1, [x20, #0x14]      // WAKER
  and w1, w1, #~2
  str w1, [x20, #0x14]
  add x20, x20, #0x10000    // SGI and PPI registers
  mov w1, #(1 << 27)        // virtual timer
  str w1, [x20, #0x80]      // IGROUPR0
  str w1, [x20, #0x100]     // ISENABLER0
  mov x1, #0xff
  msr S3_0_C4_C6_0, x1      // ICC_PMR_EL1
  mov x1, #1
  msr S3_0_C12_C12_7, x1    // ICC_IGRPEN1_EL1
  isb
  mov x21, #3               // ticks of one second
1: mrs x1, CNTFRQ_EL0
  msr CNTV_TVAL_EL0, x1
  mov x1, #1
  msr CNTV_CTL_EL0, x1
  wfi
  mrs x2, S3_0_C12_C12_0    // ICC_IAR1_EL1
  mov x1, #2
  msr CNTV_CTL_EL0, x1
  msr S3_0_C12_C12_1, x2    // ICC_EOIR1_EL1
  mov x19, #0x09000000
  add w2, w2, #('a' - 27)
  strb w2, [x19]            // "a" for interrupt 27
  subs x21, x21, #1
  b.ne 1b
  mov x0, #0x84000000
  add x0, x0, #8
  hvc #0
*/
/** Waits three times for one second of the virtual timer by WFI and GICv3, prints "a" each time. */
export const timerProgram: Uint8Array<ArrayBuffer> = words(`
  d2a10013 52800241 b9000261 91428274 b9401681 121e7821 b9001681 91404294
  52a10001 b9008281 b9010281 d2801fe1 d5184601 d2800021 d518cce1 d5033fdf
  d2800075 d53be001 d51be301 d2800021 d51be321 d503207f d538cc02 d2800041
  d51be321 d518cc22 d2a12013 11011842 39000262 f10006b5 54fffe61 d2b08000
  91002000 d4000002
`);

/*
  mov x19, #0x09000000
  mov w1, #'0'
  strb w1, [x19]
  mov x0, #0xc4000000       // CPU_ON
  add x0, x0, #3
  mov x1, #1
  adr x2, second
  mov x3, #'1'
  hvc #0
  add w1, w0, #'A'          // "A" for success
  strb w1, [x19]
1: wfe
  ldr w1, flag
  cbz w1, 1b
  mov w1, #'!'
  strb w1, [x19]
  mov x0, #0x84000000
  add x0, x0, #8
  hvc #0
second:
  mov x19, #0x09000000
  strb w0, [x19]            // the context: "1"
  mrs x1, MPIDR_EL1
  and w1, w1, #0xff
  add w1, w1, #'a'
  strb w1, [x19]            // "b" for affinity 1
  adr x2, flag
  mov w1, #1
  str w1, [x2]
  sev
  mov x0, #0x84000000       // CPU_OFF
  add x0, x0, #2
  hvc #0
flag: .word 0
*/
/** Turns vCPU 1 on, which prints its context and affinity and wakes vCPU 0 by SEV. */
export const smpProgram: Uint8Array<ArrayBuffer> = words(`
  d2a12013 52800601 39000261 d2b88000 91000c00 d2800021 100001a2 d2800623
  d4000002 11010401 39000261 d503205f 18000281 34ffffc1 52800421 39000261
  d2b08000 91002000 d4000002 d2a12013 39000260 d53800a1 12001c21 11018421
  39000261 100000e2 52800021 b9000041 d503209f d2b08000 91000800 d4000002
  00000000
`);

/*
  mov x19, #0x09000000      // PL011
  adr x1, text
1: ldrb w2, [x1], #1
  cbz w2, 2f
  strb w2, [x19]
  b 1b
2: ldrb w2, [x1]
  cbz w2, .
  mov x0, #0x84000000
  add x0, x0, x2
  hvc #0
text:
*/
const PRINT = words(`
  d2a12013 10000141 38401422 34000062 39000262 17fffffd 39400022 34000002 d2b08000 8b020000
  d4000002
`);

/** Prints a text, then calls a PSCI function of 32 bits by its number, 1..255, or spins if it is 0. */
export function printProgram(text: string, psci: number): Uint8Array<ArrayBuffer> {
  return new Uint8Array([...PRINT, ...new TextEncoder().encode(text), 0, psci, 0, 0, 0]);
}
