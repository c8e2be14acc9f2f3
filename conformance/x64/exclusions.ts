/**
 * What of the recorded is not compared, and why. This is the only place that says so.
 *
 * Random code: the host has instructions that a virtual CPU of this library need not have, the result
 * is up to the operating system, or CPUs differ. Cases: the record is wrong.
 */

/** Recorded cases that are left out, by number. */
export const excludedCases: ReadonlyMap<number, string> = new Map([
  [174797, "copies the first byte of case 174205, which not everybody runs at the same time"],
]);

/** The parts of an instruction that decide. */
interface Start {
  /** Legacy prefixes that occur. */
  readonly prefixes: ReadonlySet<number>;
  /** 0 one byte, 1 0F, 2 0F 38, 3 0F 3A. */
  readonly map: number;
  readonly opcode: number;
  /** The bytes behind the opcode. */
  readonly rest: Uint8Array;
}

const LEGACY = new Set([0x66, 0xf2, 0xf3, 0x67, 0xf0, 0x2e, 0x36, 0x3e, 0x26, 0x64, 0x65]);

function startOf(bytes: Uint8Array): Start | undefined {
  const prefixes = new Set<number>();
  let at = 0;
  while (at < bytes.length && (LEGACY.has(bytes[at]) || (bytes[at] & 0xf0) === 0x40)) {
    if (LEGACY.has(bytes[at])) prefixes.add(bytes[at]);
    at++;
  }
  let map = 0;
  if (bytes[at] === 0x0f) {
    map = 1;
    at++;
    if (bytes[at] === 0x38 || bytes[at] === 0x3a) map = bytes[at++] === 0x38 ? 2 : 3;
  }
  if (at >= bytes.length) return undefined;
  return { prefixes, map, opcode: bytes[at], rest: bytes.subarray(at + 1) };
}

const regOf = ({ rest }: Start): number => ((rest[0] ?? 0) >> 3) & 7;
const isRegister = ({ rest }: Start): boolean => (rest[0] ?? 0) >= 0xc0;
const has = ({ prefixes }: Start, ...some: number[]): boolean =>
  some.some((prefix) => prefixes.has(prefix));

/** VEX with an opcode of BMI1 or BMI2, 128 bits. */
function isBmi({ prefixes, rest }: Start): boolean {
  if (has({ prefixes } as Start, 0x66, 0xf2, 0xf3, 0xf0)) return false;
  const [first, second, opcode] = rest;
  const map = first & 31;
  if ((second & 4) !== 0) return false;
  return (map === 2 && [0xf2, 0xf3, 0xf5, 0xf6, 0xf7].includes(opcode)) ||
    (map === 3 && opcode === 0xf0);
}

/** Near branches: JMP, Jcc, LOOP, CALL, RET. */
function isNearBranch(start: Start): boolean {
  const { map, opcode } = start;
  if (map === 1) return opcode >= 0x80 && opcode <= 0x8f;
  if (map !== 0) return false;
  if (opcode === 0xff) return regOf(start) === 2 || regOf(start) === 4;
  return (opcode >= 0x70 && opcode <= 0x7f) || [0xc2, 0xc3, 0xe8, 0xe9, 0xeb].includes(opcode) ||
    (opcode >= 0xe0 && opcode <= 0xe3);
}

/** 0F AE: what is neither FXSAVE, FXRSTOR, LDMXCSR, STMXCSR, CLFLUSH, a fence, nor of FSGSBASE. */
function isOtherAe(start: Start): boolean {
  const reg = regOf(start);
  if (has(start, 0xf3)) return !isRegister(start) || reg > 3;
  if (has(start, 0x66, 0xf2)) return true;
  return isRegister(start) ? reg < 5 : [4, 5, 6].includes(reg);
}

/** Instructions by the reason for which they are not compared. The first that matches counts. */
const TABLE: readonly (readonly [string, (start: Start) => boolean])[] = [
  [
    "AVX, AVX-512: the host has them",
    (start) =>
      start.map === 0 && ([0xc5, 0x62].includes(start.opcode) ||
        (start.opcode === 0xc4 && !isBmi(start))),
  ],
  [
    "8F but /0: XOP of AMD's CPUs, or how they find out that they do not have it",
    (start) => start.map === 0 && start.opcode === 0x8f && regOf(start) !== 0,
  ],
  [
    "66 with a near branch: AMD's CPUs make RIP 16 bits wide, Intel's ignore it",
    (start) => has(start, 0x66) && isNearBranch(start),
  ],
  [
    "loads of segment registers, far transfers, IRET: what the host's descriptor tables hold",
    (start) => {
      const { map, opcode } = start;
      if (map === 0 && opcode === 0xff) return regOf(start) === 3 || regOf(start) === 5;
      if (map === 0) return [0x8e, 0xca, 0xcb, 0xcf].includes(opcode);
      return map === 1 && [0x00, 0x02, 0x03, 0xa1, 0xa9, 0xb2, 0xb4, 0xb5].includes(opcode);
    },
  ],
  [
    "INT1, INT 4, INT 80: gates that the host's kernel opens",
    ({ map, opcode, rest }) =>
      map === 0 && (opcode === 0xf1 || (opcode === 0xcd && [4, 0x80].includes(rest[0] ?? 0))),
  ],
  [
    "SYSCALL, SYSENTER, SYSEXIT, SYSRET: the host's kernel, or #UD by AMD's CPUs",
    ({ map, opcode }) => map === 1 && [0x05, 0x07, 0x34, 0x35].includes(opcode),
  ],
  [
    "0F 01 but LGDT, LIDT, INVLPG: UMIP, virtualization, MONITORX, CLZERO, RDPRU, XGETBV",
    (start) =>
      start.map === 1 && start.opcode === 0x01 &&
      (isRegister(start) || ![2, 3, 7].includes(regOf(start))),
  ],
  [
    "moves to and from control and debug registers: which of two exceptions comes first",
    ({ map, opcode }) => map === 1 && opcode >= 0x20 && opcode <= 0x23,
  ],
  ["RDPMC: CR4.PCE of the host", ({ map, opcode }) => map === 1 && opcode === 0x33],
  [
    "SSE4A: AMD's CPUs have it",
    (start) =>
      start.map === 1 && ([0x78, 0x79].includes(start.opcode) ||
        (start.opcode === 0x2b && has(start, 0xf2, 0xf3))),
  ],
  [
    "XSAVE and the like, CLWB, CLFLUSHOPT: as large as what the host has",
    (start) => start.map === 1 && start.opcode === 0xae && isOtherAe(start),
  ],
  [
    "0F C7 but CMPXCHG8B, CMPXCHG16B, RDRAND, RDSEED: XSAVEC, RDPID",
    (start) => {
      if (start.map !== 1 || start.opcode !== 0xc7) return false;
      const reg = regOf(start);
      return isRegister(start) ? reg < 6 || has(start, 0xf2, 0xf3) : reg !== 1;
    },
  ],
  [
    "GFNI, shadow stacks, INVPCID: the host has them or not",
    ({ map, opcode }) =>
      (map === 2 && [0xcf, 0x82, 0xf5].includes(opcode)) ||
      (map === 3 && [0xce, 0xcf].includes(opcode)),
  ],
  ["0F 0E, 0F 0F: 3DNow!", ({ map, opcode }) => map === 1 && [0x0e, 0x0f].includes(opcode)],
];

/** Why a string is not compared; undefined if it is. */
export function exclusion(bytes: Uint8Array): string | undefined {
  const start = startOf(bytes);
  return start === undefined ? undefined : TABLE.find(([, matches]) => matches(start))?.[0];
}
