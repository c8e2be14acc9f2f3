/**
 * Random code, page tables and descriptor tables of x86-64, for fuzzing whole machines. Instructions come
 * from the rows, so that every one is met in every mode; branches are kept short, so that code goes on.
 */
import { X86Decoder } from "../../arch/x86_64/decoder.ts";
import { instructionRows } from "../../arch/x86_64/instruction_rows.ts";
import type { X86Row } from "../../arch/x86_64/row.ts";
import type { Random } from "./random_numbers.ts";

const decoder = new X86Decoder(instructionRows);
/** Rows that the host executes: system registers, descriptors, far transfers, ports, waits. */
const hostRows = instructionRows.filter(({ host }) => host !== undefined);
const memoryRows = instructionRows.filter(({ title }) => / [EMWQ]|,[EMWQ]|[XY][bvz]/.test(title));
const branchRows = instructionRows.filter(({ title }) => /^(J|CALL|LOOP|RET)/.test(title));

/** What code is made of. */
export type CodeKind = "mixed" | "memory" | "system" | "branches";

const rowsOf: Readonly<Record<CodeKind, readonly X86Row[]>> = {
  mixed: instructionRows,
  memory: memoryRows,
  system: hostRows,
  branches: branchRows,
};

const LONGEST = 15;
const LEGACY_PREFIXES = [0x66, 0x67, 0xf2, 0xf3, 0xf0, 0x2e, 0x36, 0x3e, 0x26, 0x64, 0x65] as const;
const MANDATORY: readonly string[] = ["66", "f2", "f3"];
/** Prefixes and maps of VEX as its bits encode them. */
const VEX_PREFIX: Readonly<Record<string, number>> = { NP: 0, "66": 1, F3: 2, F2: 3 };
const VEX_MAP: Readonly<Record<string, number>> = { "0F": 1, "0F38": 2, "0F3A": 3 };

/** The bytes of an instruction of a row up to ModRM, with prefixes. */
function opcode(random: Random, { code }: X86Row, code64: boolean): number[] {
  const bytes: number[] = [];
  if (random.oneIn(8)) bytes.push(random.pick(LEGACY_PREFIXES));
  const tokens = code.split(" ");
  while (tokens.length > 1 && MANDATORY.includes(tokens[0])) {
    bytes.push(parseInt(tokens.shift() as string, 16));
  }
  if (tokens.includes("REP")) bytes.push(random.pick([0xf2, 0xf3]));
  const wide = tokens.includes("W1");
  if (code64 && (wide || random.oneIn(2))) bytes.push(0x40 | random.below(16) | (wide ? 8 : 0));
  for (const token of tokens) {
    if (token.startsWith("VEX.")) {
      const [, prefix, map, w] = token.split(".");
      bytes.push(0xc4, (random.word() & 0xe0) | VEX_MAP[map]);
      const top = w === "W1" || (w === undefined && random.oneIn(2)) ? 0x80 : 0;
      bytes.push(top | ((random.oneIn(4) ? 15 : random.below(16)) << 3) | VEX_PREFIX[prefix]);
    } else if (/^[0-9a-f]{2}/.test(token)) {
      const low = token.includes("+cc") ? 16 : token.includes("+") ? 8 : 1;
      bytes.push(parseInt(token, 16) | random.below(low));
    } else if (token === "/r") bytes.push(random.below(256));
    else if (token.startsWith("/")) bytes.push((random.word() & 0xc7) | (Number(token[1]) << 3));
  }
  return bytes;
}

/** An instruction that the decoder knows, mostly. `mode`: one of arch/x86_64/mode.ts. */
export function randomInstruction(random: Random, kind: CodeKind, mode: number): Uint8Array {
  const bytes = new Uint8Array(LONGEST);
  const code64 = (mode & 8) !== 0;
  for (let attempt = 0; attempt < 4; attempt++) {
    const row = random.pick(random.oneIn(4) ? instructionRows : rowsOf[kind]);
    // Displacements and immediates are small, often.
    const sparse = random.oneIn(2);
    for (let n = 0; n < LONGEST; n++) {
      bytes[n] = sparse && !random.oneIn(4) ? 0 : random.below(256);
    }
    const start = opcode(random, row, code64);
    if (start.length > LONGEST) continue;
    bytes.set(start);
    const decoded = decoder.decode(bytes, 0, LONGEST, mode);
    if (decoded === undefined || decoded === "cut") continue;
    // Not far: the last byte of a distance of four is its sign.
    if (/ J[vz]/.test(row.title)) {
      bytes.fill(random.oneIn(2) ? 0 : 0xff, decoded.length - 3, decoded.length);
    }
    return bytes.slice(0, decoded.length);
  }
  return bytes.slice(0, 1 + random.below(4));
}

/** Fills bytes with code. */
export function fillCode(random: Random, into: Uint8Array, kind: CodeKind, mode: number): void {
  for (let at = 0; at < into.length;) {
    const bytes = randomInstruction(random, kind, mode);
    const length = Math.min(bytes.length, into.length - at);
    into.set(bytes.subarray(0, length), at);
    at += length;
  }
}

/**
 * Fills a page of paging structures: entries of four or eight bytes that lead to RAM, to devices, to
 * tables in `tables`, or anywhere.
 */
export function fillTable(
  random: Random,
  into: Uint32Array,
  wide: boolean,
  tables: readonly number[],
  targets: readonly number[],
): void {
  const step = wide ? 2 : 1;
  for (let i = 0; i < into.length; i += step) {
    const address = random.oneIn(16)
      ? random.word()
      : random.pick(random.oneIn(2) ? tables : targets);
    // Present, writable, user, mostly; large, global, accessed, dirty and the rest as they come.
    const flags = (random.word() & 0xff8) | (random.oneIn(6) ? random.below(8) : 7);
    const large = random.oneIn(4) ? 0x80 : 0;
    into[i] = ((address & -4096) | (flags & ~0x80) | large) >>> 0;
    if (wide) into[i + 1] = random.oneIn(6) ? random.word() & (random.oneIn(2) ? 2 ** 31 : ~0) : 0;
  }
}

/** Types of gates and system segments that mean something somewhere. */
const SYSTEM_TYPES = [1, 2, 3, 4, 5, 6, 7, 9, 11, 12, 14, 15] as const;

/** Fills 8-byte descriptors at random, often almost right: flat segments, and anything that `targets` names. */
export function fillDescriptors(
  random: Random,
  into: Uint32Array,
  targets: readonly number[],
): void {
  for (let i = 0; i < into.length; i += 2) {
    if (random.oneIn(4)) {
      into[i] = random.word();
      into[i + 1] = random.word();
      continue;
    }
    const dpl = random.pick([0, 0, 3, random.below(4)]) << 13;
    const present = random.oneIn(12) ? 0 : 0x8000;
    if (random.oneIn(2)) {
      // Code or data, 16, 32 or 64 bits.
      into[i] = random.oneIn(4) ? random.word() : 0xffff;
      into[i + 1] = (random.oneIn(4) ? random.word() & 0xff0f00ff : 0x000f0000) |
        random.pick([0x00c00000, 0x00a00000, 0x00800000, 0]) | present | dpl | 0x1000 |
        (random.below(16) << 8);
    } else {
      const base = random.pick(targets);
      into[i] = ((base & 0xffff) << 16) | (random.oneIn(2) ? 0xffff : random.below(256));
      into[i + 1] = (base & 0xff000000) | ((base >>> 16) & 0xff) | present | dpl |
        (random.pick(SYSTEM_TYPES) << 8);
    }
  }
}
