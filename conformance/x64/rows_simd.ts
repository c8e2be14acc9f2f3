/**
 * Encodings of MMX, SSE to SSE4.2, AES, PCLMULQDQ, SHA (SDM volume 1, 5.4 to 5.13), as rows.ts has
 * them.
 */

/** Integer operations of MMX registers, and with 66 of XMM registers: name, opcode after 0F. */
const BOTH: readonly string[] = [
  ...["PUNPCKLBW 60", "PUNPCKLWD 61", "PUNPCKLDQ 62", "PACKSSWB 63", "PCMPGTB 64", "PCMPGTW 65"],
  ...["PCMPGTD 66", "PACKUSWB 67", "PUNPCKHBW 68", "PUNPCKHWD 69", "PUNPCKHDQ 6a", "PACKSSDW 6b"],
  ...["PCMPEQB 74", "PCMPEQW 75", "PCMPEQD 76", "PSRLW d1", "PSRLD d2", "PSRLQ d3", "PADDQ d4"],
  ...["PMULLW d5", "PSUBUSB d8", "PSUBUSW d9", "PMINUB da", "PAND db", "PADDUSB dc", "PADDUSW dd"],
  ...["PMAXUB de", "PANDN df", "PAVGB e0", "PSRAW e1", "PSRAD e2", "PAVGW e3", "PMULHUW e4"],
  ...["PMULHW e5", "PSUBSB e8", "PSUBSW e9", "PMINSW ea", "POR eb", "PADDSB ec", "PADDSW ed"],
  ...["PMAXSW ee", "PXOR ef", "PSLLW f1", "PSLLD f2", "PSLLQ f3", "PMULUDQ f4", "PMADDWD f5"],
  ...["PSADBW f6", "PSUBB f8", "PSUBW f9", "PSUBD fa", "PSUBQ fb", "PADDB fc", "PADDW fd"],
  ...["PADDD fe", "PSHUFB 38 00", "PHADDW 38 01", "PHADDD 38 02", "PHADDSW 38 03"],
  ...["PMADDUBSW 38 04", "PHSUBW 38 05", "PHSUBD 38 06", "PHSUBSW 38 07", "PSIGNB 38 08"],
  ...["PSIGNW 38 09", "PSIGND 38 0a", "PMULHRSW 38 0b", "PABSB 38 1c", "PABSW 38 1d"],
  ...["PABSD 38 1e"],
];
/** Those of MMX that read 4 bytes of memory. */
const HALF = /^PUNPCKL/;

/** Shifts by an immediate: name, opcode after 0F with its ModRM.reg. */
const SHIFTS: readonly string[] = [
  ...["PSRLW 71 /2", "PSRAW 71 /4", "PSLLW 71 /6", "PSRLD 72 /2", "PSRAD 72 /4", "PSLLD 72 /6"],
  ...["PSRLQ 73 /2", "PSLLQ 73 /6"],
];

const split = (entry: string): [string, string] => {
  const at = entry.indexOf(" ");
  return [entry.slice(0, at), entry.slice(at + 1)];
};

const MMX: string = [
  ...BOTH.map((entry) => {
    const [name, code] = split(entry);
    return `${name} P,${HALF.test(name) ? "Q4" : "Q8"} : 0f ${code} /r`;
  }),
  ...SHIFTS.map((entry) => {
    const [name, code] = split(entry);
    return `${name} N,Ib : 0f ${code}`;
  }),
  `
  MOVD P,Ey : 0f 6e /r
  MOVD Ey,P : 0f 7e /r
  MOVQ P,Q8 : 0f 6f /r
  MOVQ Q8,P : 0f 7f /r
  MOVNTQ M8,P : 0f e7 /r
  MASKMOVQ P,N : 0f f7 /r : implicit partial
  PMOVMSKB Gd,N : 0f d7 /r
  PSHUFW P,Q8,Ib : 0f 70 /r
  PALIGNR P,Q8,Ib : 0f 3a 0f /r
  PINSRW P,Rd,Ib : 0f c4 /r
  PINSRW P,M2,Ib : 0f c4 /r
  PEXTRW Gd,N,Ib : 0f c5 /r
  EMMS : 0f 77
  CVTPI2PS V,Q8 : 0f 2a /r : partial
  CVTPS2PI P,W8 : 0f 2d /r : partial
  CVTTPS2PI P,W8 : 0f 2c /r : partial
  CVTPI2PD V,Q8 : 66 0f 2a /r : partial
  CVTPD2PI P,W16 : 66 0f 2d /r : partial
  CVTTPD2PI P,W16 : 66 0f 2c /r : partial
  MOVQ2DQ V,N : f3 0f d6 /r
  MOVDQ2Q P,U : f2 0f d6 /r`,
].join("\n");

const INTEGER: string = [
  ...BOTH.map((entry) => {
    const [name, code] = split(entry);
    return `${name} V,W16 : 66 0f ${code} /r`;
  }),
  ...SHIFTS.map((entry) => {
    const [name, code] = split(entry);
    return `${name} U,Ib : 66 0f ${code}`;
  }),
  `
  PSRLDQ U,Ib : 66 0f 73 /3
  PSLLDQ U,Ib : 66 0f 73 /7
  PUNPCKLQDQ V,W16 : 66 0f 6c /r
  PUNPCKHQDQ V,W16 : 66 0f 6d /r
  MOVD V,Ey : 66 0f 6e /r
  MOVD Ey,V : 66 0f 7e /r
  MOVQ V,W8 : f3 0f 7e /r
  MOVQ W8,V : 66 0f d6 /r
  MOVDQA V,W16 : 66 0f 6f /r
  MOVDQA W16,V : 66 0f 7f /r
  MOVDQU V,W16 : f3 0f 6f /r
  MOVDQU W16,V : f3 0f 7f /r
  MOVNTDQ M16,V : 66 0f e7 /r
  MASKMOVDQU V,U : 66 0f f7 /r : implicit
  LDDQU V,M16 : f2 0f f0 /r
  PMOVMSKB Gd,U : 66 0f d7 /r
  PSHUFD V,W16,Ib : 66 0f 70 /r
  PSHUFHW V,W16,Ib : f3 0f 70 /r
  PSHUFLW V,W16,Ib : f2 0f 70 /r
  PALIGNR V,W16,Ib : 66 0f 3a 0f /r
  PINSRW V,Rd,Ib : 66 0f c4 /r
  PINSRW V,M2,Ib : 66 0f c4 /r
  PEXTRW Gd,U,Ib : 66 0f c5 /r
  PBLENDVB V,W16 : 66 0f 38 10 /r
  PTEST V,W16 : 66 0f 38 17 /r
  PMOVSXBW V,W8 : 66 0f 38 20 /r
  PMOVSXBD V,W4 : 66 0f 38 21 /r
  PMOVSXBQ V,W2 : 66 0f 38 22 /r
  PMOVSXWD V,W8 : 66 0f 38 23 /r
  PMOVSXWQ V,W4 : 66 0f 38 24 /r
  PMOVSXDQ V,W8 : 66 0f 38 25 /r
  PMULDQ V,W16 : 66 0f 38 28 /r
  PCMPEQQ V,W16 : 66 0f 38 29 /r
  MOVNTDQA V,M16 : 66 0f 38 2a /r
  PACKUSDW V,W16 : 66 0f 38 2b /r
  PMOVZXBW V,W8 : 66 0f 38 30 /r
  PMOVZXBD V,W4 : 66 0f 38 31 /r
  PMOVZXBQ V,W2 : 66 0f 38 32 /r
  PMOVZXWD V,W8 : 66 0f 38 33 /r
  PMOVZXWQ V,W4 : 66 0f 38 34 /r
  PMOVZXDQ V,W8 : 66 0f 38 35 /r
  PCMPGTQ V,W16 : 66 0f 38 37 /r
  PMINSB V,W16 : 66 0f 38 38 /r
  PMINSD V,W16 : 66 0f 38 39 /r
  PMINUW V,W16 : 66 0f 38 3a /r
  PMINUD V,W16 : 66 0f 38 3b /r
  PMAXSB V,W16 : 66 0f 38 3c /r
  PMAXSD V,W16 : 66 0f 38 3d /r
  PMAXUW V,W16 : 66 0f 38 3e /r
  PMAXUD V,W16 : 66 0f 38 3f /r
  PMULLD V,W16 : 66 0f 38 40 /r
  PHMINPOSUW V,W16 : 66 0f 38 41 /r
  PBLENDW V,W16,Ib : 66 0f 3a 0e /r
  PEXTRB Ry,V,Ib : 66 0f 3a 14 /r
  PEXTRB M1,V,Ib : 66 0f 3a 14 /r
  PEXTRW Ry,V,Ib : 66 0f 3a 15 /r
  PEXTRW M2,V,Ib : 66 0f 3a 15 /r
  PEXTRD Ey,V,Ib : 66 0f 3a 16 /r
  PINSRB V,Rd,Ib : 66 0f 3a 20 /r
  PINSRB V,M1,Ib : 66 0f 3a 20 /r
  PINSRD V,Ey,Ib : 66 0f 3a 22 /r
  MPSADBW V,W16,Ib : 66 0f 3a 42 /r
  PCMPESTRM V,W16,Ib,Xy : 66 0f 3a 60 /r : implicit
  PCMPESTRI V,W16,Ib,Xy : 66 0f 3a 61 /r : implicit
  PCMPISTRM V,W16,Ib : 66 0f 3a 62 /r : implicit
  PCMPISTRI V,W16,Ib : 66 0f 3a 63 /r : implicit`,
].join("\n");

/** The four operations with one opcode and the prefixes none, 66, F3, F2. */
const four = (name: string, code: string): string => `
  ${name}PS V,W16 : 0f ${code} /r
  ${name}PD V,W16 : 66 0f ${code} /r
  ${name}SS V,W4 : f3 0f ${code} /r
  ${name}SD V,W8 : f2 0f ${code} /r`;

const FLOATING: string = [
  ...[["ADD", "58"], ["MUL", "59"], ["SUB", "5c"], ["MIN", "5d"], ["DIV", "5e"], ["MAX", "5f"]],
  ...[["SQRT", "51"]],
].map(([name, code]) => four(name, code)).join("") + `
  CMPPS V,W16,Ic : 0f c2 /r
  CMPPD V,W16,Ic : 66 0f c2 /r
  CMPSS V,W4,Ic : f3 0f c2 /r
  CMPSD V,W8,Ic : f2 0f c2 /r
  RSQRTPS V,W16 : 0f 52 /r : estimate
  RSQRTSS V,W4 : f3 0f 52 /r : estimate
  RCPPS V,W16 : 0f 53 /r : estimate
  RCPSS V,W4 : f3 0f 53 /r : estimate
  UCOMISS V,W4 : 0f 2e /r
  UCOMISD V,W8 : 66 0f 2e /r
  COMISS V,W4 : 0f 2f /r
  COMISD V,W8 : 66 0f 2f /r
  ADDSUBPD V,W16 : 66 0f d0 /r
  ADDSUBPS V,W16 : f2 0f d0 /r
  HADDPD V,W16 : 66 0f 7c /r
  HADDPS V,W16 : f2 0f 7c /r
  HSUBPD V,W16 : 66 0f 7d /r
  HSUBPS V,W16 : f2 0f 7d /r
  CVTSI2SS V,Ey : f3 0f 2a /r
  CVTSI2SD V,Ey : f2 0f 2a /r
  CVTSS2SI Gy,W4 : f3 0f 2d /r
  CVTSD2SI Gy,W8 : f2 0f 2d /r
  CVTTSS2SI Gy,W4 : f3 0f 2c /r
  CVTTSD2SI Gy,W8 : f2 0f 2c /r
  CVTPS2PD V,W8 : 0f 5a /r
  CVTPD2PS V,W16 : 66 0f 5a /r
  CVTSS2SD V,W4 : f3 0f 5a /r
  CVTSD2SS V,W8 : f2 0f 5a /r
  CVTDQ2PS V,W16 : 0f 5b /r
  CVTPS2DQ V,W16 : 66 0f 5b /r
  CVTTPS2DQ V,W16 : f3 0f 5b /r
  CVTDQ2PD V,W8 : f3 0f e6 /r
  CVTPD2DQ V,W16 : f2 0f e6 /r
  CVTTPD2DQ V,W16 : 66 0f e6 /r
  ROUNDPS V,W16,Ib : 66 0f 3a 08 /r
  ROUNDPD V,W16,Ib : 66 0f 3a 09 /r
  ROUNDSS V,W4,Ib : 66 0f 3a 0a /r
  ROUNDSD V,W8,Ib : 66 0f 3a 0b /r
  DPPS V,W16,Ib : 66 0f 3a 40 /r
  DPPD V,W16,Ib : 66 0f 3a 41 /r`;

const MOVES = `
  MOVUPS V,W16 : 0f 10 /r
  MOVUPD V,W16 : 66 0f 10 /r
  MOVSS V,W4 : f3 0f 10 /r
  MOVSD V,W8 : f2 0f 10 /r
  MOVUPS W16,V : 0f 11 /r
  MOVUPD W16,V : 66 0f 11 /r
  MOVSS W4,V : f3 0f 11 /r
  MOVSD W8,V : f2 0f 11 /r
  MOVHLPS V,U : 0f 12 /r
  MOVLPS V,M8 : 0f 12 /r
  MOVLPD V,M8 : 66 0f 12 /r
  MOVSLDUP V,W16 : f3 0f 12 /r
  MOVDDUP V,W8 : f2 0f 12 /r
  MOVLPS M8,V : 0f 13 /r
  MOVLPD M8,V : 66 0f 13 /r
  UNPCKLPS V,W16 : 0f 14 /r
  UNPCKLPD V,W16 : 66 0f 14 /r
  UNPCKHPS V,W16 : 0f 15 /r
  UNPCKHPD V,W16 : 66 0f 15 /r
  MOVLHPS V,U : 0f 16 /r
  MOVHPS V,M8 : 0f 16 /r
  MOVHPD V,M8 : 66 0f 16 /r
  MOVSHDUP V,W16 : f3 0f 16 /r
  MOVHPS M8,V : 0f 17 /r
  MOVHPD M8,V : 66 0f 17 /r
  MOVAPS V,W16 : 0f 28 /r
  MOVAPD V,W16 : 66 0f 28 /r
  MOVAPS W16,V : 0f 29 /r
  MOVAPD W16,V : 66 0f 29 /r
  MOVNTPS M16,V : 0f 2b /r
  MOVNTPD M16,V : 66 0f 2b /r
  MOVMSKPS Gd,U : 0f 50 /r
  MOVMSKPD Gd,U : 66 0f 50 /r
  ANDPS V,W16 : 0f 54 /r
  ANDPD V,W16 : 66 0f 54 /r
  ANDNPS V,W16 : 0f 55 /r
  ANDNPD V,W16 : 66 0f 55 /r
  ORPS V,W16 : 0f 56 /r
  ORPD V,W16 : 66 0f 56 /r
  XORPS V,W16 : 0f 57 /r
  XORPD V,W16 : 66 0f 57 /r
  SHUFPS V,W16,Ib : 0f c6 /r
  SHUFPD V,W16,Ib : 66 0f c6 /r
  BLENDVPS V,W16 : 66 0f 38 14 /r
  BLENDVPD V,W16 : 66 0f 38 15 /r
  BLENDPS V,W16,Ib : 66 0f 3a 0c /r
  BLENDPD V,W16,Ib : 66 0f 3a 0d /r
  EXTRACTPS Ey,V,Ib : 66 0f 3a 17 /r
  INSERTPS V,W4,Ib : 66 0f 3a 21 /r
  LDMXCSR M4 : 0f ae /2 : mxcsr
  STMXCSR M4 : 0f ae /3`;

const CRYPTOGRAPHY = `
  AESIMC V,W16 : 66 0f 38 db /r
  AESENC V,W16 : 66 0f 38 dc /r
  AESENCLAST V,W16 : 66 0f 38 dd /r
  AESDEC V,W16 : 66 0f 38 de /r
  AESDECLAST V,W16 : 66 0f 38 df /r
  AESKEYGENASSIST V,W16,Ib : 66 0f 3a df /r
  PCLMULQDQ V,W16,Ib : 66 0f 3a 44 /r
  SHA1NEXTE V,W16 : 0f 38 c8 /r
  SHA1MSG1 V,W16 : 0f 38 c9 /r
  SHA1MSG2 V,W16 : 0f 38 ca /r
  SHA256RNDS2 V,W16 : 0f 38 cb /r
  SHA256MSG1 V,W16 : 0f 38 cc /r
  SHA256MSG2 V,W16 : 0f 38 cd /r
  SHA1RNDS4 V,W16,Ib : 0f 3a cc /r`;

/** Pairs of group, lines. */
export const simdRows: readonly (readonly [string, string])[] = [
  ["mmx", MMX],
  ["sse", MOVES],
  ["sse", INTEGER],
  ["sse", FLOATING],
  ["sse", CRYPTOGRAPHY],
];
