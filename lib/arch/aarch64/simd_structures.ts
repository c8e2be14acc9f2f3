/**
 * Advanced SIMD loads and stores of structures (Arm ARM, C4.1.94): LD1-LD4, ST1-ST4 of multiple and
 * single structures, LD1R-LD4R, each also post-indexed. One probe covers all bytes of the access.
 */
import type { Builder, ProbeSize } from "../../engine/builder.ts";
import { type Operand, type Row, row, type Semantics } from "../../engine/row.ts";
import { clearHigh, evenLanes, lanes, oddLanes } from "../simd/lanes.ts";
import { base31, getBase } from "./simd_loads_stores.ts";

/** How the base register changes. */
type Index = "none" | "immediate" | "register";

/** [] -> [i64] the base register, checked and kept in `base` for {@linkcode writeBack}. */
function pushBase(
  b: Builder,
  f: { readonly base31: number; readonly Rn_sp: Operand },
  base: number,
): void {
  getBase(b, f.Rn_sp, f.base31);
  b.local_tee(base);
}

function writeBack(
  b: Builder,
  f: { readonly Rn_sp: Operand; readonly Rm?: Operand },
  base: number,
  bytes: number,
): void {
  b.local_get(base);
  if (f.Rm === undefined) b.i64_const32(bytes);
  else b.get(f.Rm);
  b.i64_add();
  b.set(f.Rn_sp);
}

// ---- multiple structures

type Multiple = "Q" | "load" | "size" | "count" | "registers" | "base31" | "Rn_sp" | "Vt";
interface MultipleFields {
  readonly Q: number;
  readonly load: number;
  /** log2 of the bytes of an element. */
  readonly size: number;
  /** Elements of a structure: 1 to 4. */
  readonly count: number;
  /** Registers moved; the same as `count` but for LD1 and ST1. */
  readonly registers: number;
  readonly base31: number;
  readonly Rn_sp: Operand;
  readonly Vt: Operand;
  readonly Rm?: Operand;
}

function multiple(index: Index): Semantics<Multiple> {
  return (b, f: MultipleFields) => {
    const bytes = f.registers * (f.Q ? 16 : 8);
    const base = b.temp("i64");
    const host = b.temp("i32");
    pushBase(b, f, base);
    if (f.load) {
      b.readAddress(bytes as ProbeSize);
      b.local_set(host);
      const parts: number[] = [];
      for (let i = 0; i < f.registers; i++) {
        const part = b.temp("v128");
        parts.push(part);
        b.local_get(host);
        if (f.Q) b.v128_load(i * 16);
        else b.v128_load64_zero(i * 8);
        b.local_set(part);
      }
      if (f.count > 1) deinterleave(b, f, parts);
      for (let i = 0; i < f.registers; i++) {
        b.local_get(parts[i]);
        b.setV(f.Vt, i);
      }
    } else {
      b.writeAddress(bytes as ProbeSize);
      b.local_set(host);
      const parts: number[] = [];
      for (let i = 0; i < f.registers; i++) {
        const part = b.temp("v128");
        parts.push(part);
        b.getV(f.Vt, i);
        b.local_set(part);
      }
      if (f.count > 1) interleave(b, f, parts);
      for (let i = 0; i < f.registers; i++) {
        b.local_get(host).local_get(parts[i]);
        if (f.Q) b.v128_store(i * 16);
        else b.v128_store64_lane(0, i * 8);
      }
    }
    if (index !== "none") writeBack(b, f, base, bytes);
  };
}

/** Locals `parts`: memory in order (16 or 8 bytes each) to one register for each element of the structure. */
function deinterleave(b: Builder, f: MultipleFields, parts: number[]): void {
  if (f.count === 3) {
    gather(b, f, parts, (register, element) => element * 3 + register);
    return;
  }
  if (!f.Q) {
    // 64-bit vectors: two to one 128-bit local first.
    for (let i = 0; i < f.count; i += 2) {
      b.local_get(parts[i]).local_get(parts[i + 1]);
      evenLanes(b, 3);
      b.local_set(parts[i / 2]);
    }
  }
  const swap = b.temp("v128");
  /** Even and odd elements of two locals, in place. */
  const split = (low: number, high: number): void => {
    b.local_get(low).local_get(high);
    oddLanes(b, f.size);
    b.local_set(swap).local_get(low).local_get(high);
    evenLanes(b, f.size);
    b.local_set(low).local_get(swap).local_set(high);
  };
  const [p0, p1, p2, p3] = parts;
  if (f.Q) {
    split(p0, p1);
    if (f.count === 2) return;
    // Now 0 has elements 0 and 2 of the first half of the structures, 1 has 1 and 3; so 2 and 3.
    split(p2, p3);
    split(p0, p2);
    split(p1, p3);
    // 0: element 0, 2: element 2, 1: element 1, 3: element 3.
    return;
  }
  // All elements in one (LD2) or two (LD4) locals: even and odd ones end up in the halves.
  const halves = (from: number, low: number, high: number): void => {
    b.local_get(from).local_get(from);
    oddLanes(b, f.size);
    clearHigh(b);
    b.local_set(high).local_get(from).local_get(from);
    evenLanes(b, f.size);
    clearHigh(b);
    b.local_set(low);
  };
  if (f.count === 2) {
    halves(p0, p0, p1);
    return;
  }
  split(p0, p1);
  // p0: elements 0, 2, 0, 2, ...; p1: elements 1, 3, ...
  halves(p1, p1, p3);
  halves(p0, p0, p2);
}

/** The reverse of {@linkcode deinterleave}. */
function interleave(b: Builder, f: MultipleFields, parts: number[]): void {
  if (f.count === 3) {
    // Element k of memory is element floor(k / 3) of register k mod 3.
    const perPart = (f.Q ? 16 : 8) >> f.size;
    gather(b, f, parts, (part, at) => {
      const k = part * perPart + at;
      return (k % 3) * perPart + Math.floor(k / 3);
    });
    return;
  }
  const [p0, p1, p2, p3] = parts;
  const swap = b.temp("v128");
  const zip = (low: number, high: number): void => {
    b.local_get(low).local_get(high).i8x16_shuffle(ZIP[1][f.size]);
    b.local_set(swap).local_get(low).local_get(high).i8x16_shuffle(ZIP[0][f.size]);
    b.local_set(low).local_get(swap).local_set(high);
  };
  if (f.Q) {
    if (f.count === 4) {
      zip(p0, p2);
      zip(p1, p3);
      // p0, p2: elements 0 and 2 of the first and second half; p1, p3: elements 1 and 3.
      zip(p0, p1);
      zip(p2, p3);
      return;
    }
    zip(p0, p1);
    return;
  }
  /** Zips the low halves of two locals into all of the first. */
  const zipLow = (low: number, high: number): void => {
    b.local_get(low).local_get(high).i8x16_shuffle(ZIP[0][f.size]).local_set(low);
  };
  /** The high half of a local as the low half of another. */
  const highHalf = (from: number, to: number): void => {
    b.local_get(from).local_get(from);
    oddLanes(b, 3);
    b.local_set(to);
  };
  if (f.count === 2) {
    zipLow(p0, p1);
    highHalf(p0, p1);
    return;
  }
  zipLow(p0, p2);
  zipLow(p1, p3);
  zip(p0, p1);
  // p0: the first half of memory, p1: the second.
  highHalf(p1, p3);
  b.local_get(p1).local_set(p2);
  highHalf(p0, p1);
}

const ZIP = [0, 1].map((part) =>
  [0, 1, 2, 3].map((size) => {
    const count = 16 >> size;
    return lanes(size, (i) => (i & 1) * count + (i >> 1) + part * count / 2);
  })
);

/** Three locals to three: element `at` of new local `part` is element `source(part, at)` of the old ones together. */
function gather(
  b: Builder,
  f: { readonly Q: number; readonly size: number },
  parts: number[],
  source: (part: number, at: number) => number,
): void {
  const perPart = (f.Q ? 16 : 8) >> f.size;
  const [p0, p1, p2] = parts;
  const results: number[] = [];
  for (let part = 0; part < 3; part++) {
    // Byte numbers 0..47, 16 for each old local; 0x80 for nothing.
    const from = new Uint8Array(16).fill(0x80);
    for (let at = 0; at < perPart; at++) {
      const element = source(part, at);
      const byte = (element % perPart << f.size) + 16 * Math.floor(element / perPart);
      for (let i = 0; i < 1 << f.size; i++) from[(at << f.size) + i] = byte + i;
    }
    const result = b.temp("v128");
    results.push(result);
    // The third local fills the gaps of the first two. For 64-bit vectors the high half repeats byte 0.
    b.local_get(p0).local_get(p1).i8x16_shuffle(from.map((byte) => byte < 32 ? byte : 0));
    b.local_get(p2);
    b.i8x16_shuffle(from.map((byte, at) => byte >= 32 && byte < 48 ? byte - 16 : at));
    if (!f.Q) clearHigh(b);
    b.local_set(result);
  }
  for (let part = 0; part < 3; part++) b.local_get(results[part]).local_set(parts[part]);
}

// ---- single structures

type Single = "load" | "size" | "lane" | "count" | "base31" | "Rn_sp" | "Vt";
interface SingleFields {
  readonly load: number;
  readonly size: number;
  readonly lane: number;
  readonly count: number;
  readonly base31: number;
  readonly Rn_sp: Operand;
  readonly Vt: Operand;
  readonly Rm?: Operand;
}

/** [i32 host address, v128] -> [v128] */
function loadLane(b: Builder, size: number, lane: number, offset: number): void {
  if (size === 0) b.v128_load8_lane(lane, offset);
  else if (size === 1) b.v128_load16_lane(lane, offset);
  else if (size === 2) b.v128_load32_lane(lane, offset);
  else b.v128_load64_lane(lane, offset);
}

/** [i32 host address, v128] -> [] */
function storeLane(b: Builder, size: number, lane: number, offset: number): void {
  if (size === 0) b.v128_store8_lane(lane, offset);
  else if (size === 1) b.v128_store16_lane(lane, offset);
  else if (size === 2) b.v128_store32_lane(lane, offset);
  else b.v128_store64_lane(lane, offset);
}

function singleStructure(index: Index): Semantics<Single> {
  return (b, f: SingleFields) => {
    const bytes = f.count << f.size;
    const base = b.temp("i64");
    const host = b.temp("i32");
    pushBase(b, f, base);
    if (f.load) b.readAddress(bytes as ProbeSize);
    else b.writeAddress(bytes as ProbeSize);
    b.local_set(host);
    for (let i = 0; i < f.count; i++) {
      b.local_get(host);
      b.getV(f.Vt, i);
      if (f.load) {
        loadLane(b, f.size, f.lane, i << f.size);
        b.setV(f.Vt, i);
      } else {
        storeLane(b, f.size, f.lane, i << f.size);
      }
    }
    if (index !== "none") writeBack(b, f, base, bytes);
  };
}

type Replicate = "Q" | "size" | "count" | "base31" | "Rn_sp" | "Vt";
interface ReplicateFields extends Omit<SingleFields, "load" | "lane"> {
  readonly Q: number;
}

function replicate(index: Index): Semantics<Replicate> {
  return (b, f: ReplicateFields) => {
    const bytes = f.count << f.size;
    const base = b.temp("i64");
    const host = b.temp("i32");
    pushBase(b, f, base);
    b.readAddress(bytes as ProbeSize);
    b.local_set(host);
    for (let i = 0; i < f.count; i++) {
      const offset = i << f.size;
      b.local_get(host);
      if (f.size === 0) b.v128_load8_splat(offset);
      else if (f.size === 1) b.v128_load16_splat(offset);
      else if (f.size === 2) b.v128_load32_splat(offset);
      else if (f.Q) b.v128_load64_splat(offset);
      else b.v128_load64_zero(offset);
      if (!f.Q && f.size < 3) clearHigh(b);
      b.setV(f.Vt, i);
    }
    if (index !== "none") writeBack(b, f, base, bytes);
  };
}

// ---- decoding

interface OpcodeFields {
  readonly rawOpcode: number;
}
interface MultipleRaw extends OpcodeFields {
  readonly Q: number;
  readonly rawSize: number;
}

/** Registers moved, by opcode; 0 if unallocated. */
const REGISTERS = [4, 0, 4, 0, 3, 0, 3, 1, 2, 0, 2, 0, 0, 0, 0, 0];
/** Elements of a structure, by opcode. */
const COUNT = [4, 0, 1, 0, 3, 0, 1, 1, 2, 0, 1, 0, 0, 0, 0, 0];

const multipleOptions = {
  // LD2-LD4 have no 1D form.
  when: (f: MultipleRaw): boolean =>
    REGISTERS[f.rawOpcode] > 0 && (COUNT[f.rawOpcode] === 1 || f.rawSize < 3 || f.Q === 1),
  derive: {
    count: (f: MultipleRaw): number => COUNT[f.rawOpcode],
    registers: (f: MultipleRaw): number => REGISTERS[f.rawOpcode],
    // LD1 and ST1 move bytes: the element size is of no concern.
    size: (f: MultipleRaw): number => COUNT[f.rawOpcode] === 1 ? 0 : f.rawSize,
    base31,
  },
} as const;

interface SingleRaw extends OpcodeFields {
  readonly rawQ: number;
  readonly rawR: number;
  readonly rawS: number;
  readonly rawSize: number;
}

const count = (f: OpcodeFields & { readonly rawR: number }): number =>
  (f.rawOpcode & 1) * 2 + f.rawR + 1;

function singleSize(f: SingleRaw): number {
  const scale = f.rawOpcode >> 1;
  return scale === 2 && f.rawSize === 1 ? 3 : scale;
}

const singleOptions = {
  when: (f: SingleRaw): boolean => {
    switch (f.rawOpcode >> 1) {
      case 0:
        return true;
      case 1:
        return (f.rawSize & 1) === 0;
      case 2:
        return f.rawSize === 0 || (f.rawSize === 1 && f.rawS === 0);
      default:
        return false;
    }
  },
  derive: {
    size: singleSize,
    // Q:S:size is the index of a byte, Q alone that of a doubleword.
    lane: (f: SingleRaw): number =>
      singleSize(f) === 3 ? f.rawQ : (f.rawQ << 3 | f.rawS << 2 | f.rawSize) >> singleSize(f),
    count,
    base31,
  },
} as const;

const replicateDerive = { count, base31 } as const;
/** Rm 31 stands for the number of bytes moved. */
const byRegister = (f: { readonly Rm: number }): boolean => f.Rm !== 31;

const simd = "FEAT_AdvSIMD";

/** Loads and stores of structures. */
export const simdStructuresRows: readonly Row[] = [
  row(
    "0 Q 0011000 load 000000 rawOpcode:4 rawSize:2 Rn_sp:5 Vt:5",
    "LD1-LD4, ST1-ST4 (multiple structures)",
    simd,
    multiple("none"),
    { ...multipleOptions, asm: "{load}{count:number} {Vt:registers}, [{Rn_sp:xsp}]" },
  ),
  row(
    "0 Q 0011001 load 0 11111 rawOpcode:4 rawSize:2 Rn_sp:5 Vt:5",
    "LD1-LD4, ST1-ST4 (multiple structures), post-index, immediate",
    simd,
    multiple("immediate"),
    {
      ...multipleOptions,
      asm: "{load}{count:number} {Vt:registers}, [{Rn_sp:xsp}], {registersBytes}",
    },
  ),
  row(
    "0 Q 0011001 load 0 Rm:5 rawOpcode:4 rawSize:2 Rn_sp:5 Vt:5",
    "LD1-LD4, ST1-ST4 (multiple structures), post-index, register",
    simd,
    multiple("register"),
    {
      ...multipleOptions,
      when: (f) => byRegister(f) && multipleOptions.when(f),
      asm: "{load}{count:number} {Vt:registers}, [{Rn_sp:xsp}], {Rm:x}",
    },
  ),
  row(
    "0 rawQ 0011010 load rawR 00000 rawOpcode:3 rawS rawSize:2 Rn_sp:5 Vt:5",
    "LD1-LD4, ST1-ST4 (single structure)",
    simd,
    singleStructure("none"),
    { ...singleOptions, asm: "{load}{count:number} {Vt:lane}, [{Rn_sp:xsp}]" },
  ),
  row(
    "0 rawQ 0011011 load rawR 11111 rawOpcode:3 rawS rawSize:2 Rn_sp:5 Vt:5",
    "LD1-LD4, ST1-ST4 (single structure), post-index, immediate",
    simd,
    singleStructure("immediate"),
    { ...singleOptions, asm: "{load}{count:number} {Vt:lane}, [{Rn_sp:xsp}], {elementsBytes}" },
  ),
  row(
    "0 rawQ 0011011 load rawR Rm:5 rawOpcode:3 rawS rawSize:2 Rn_sp:5 Vt:5",
    "LD1-LD4, ST1-ST4 (single structure), post-index, register",
    simd,
    singleStructure("register"),
    {
      ...singleOptions,
      when: (f) => byRegister(f) && singleOptions.when(f),
      asm: "{load}{count:number} {Vt:lane}, [{Rn_sp:xsp}], {Rm:x}",
    },
  ),
  row(
    "0 Q 0011010 1 rawR 00000 11 rawOpcode 0 size:2 Rn_sp:5 Vt:5",
    "LD1R-LD4R",
    simd,
    replicate("none"),
    { derive: replicateDerive, asm: "ld{count:number}r {Vt:replicated}, [{Rn_sp:xsp}]" },
  ),
  row(
    "0 Q 0011011 1 rawR 11111 11 rawOpcode 0 size:2 Rn_sp:5 Vt:5",
    "LD1R-LD4R, post-index, immediate",
    simd,
    replicate("immediate"),
    {
      derive: replicateDerive,
      asm: "ld{count:number}r {Vt:replicated}, [{Rn_sp:xsp}], {elementsBytes}",
    },
  ),
  row(
    "0 Q 0011011 1 rawR Rm:5 11 rawOpcode 0 size:2 Rn_sp:5 Vt:5",
    "LD1R-LD4R, post-index, register",
    simd,
    replicate("register"),
    {
      when: byRegister,
      derive: replicateDerive,
      asm: "ld{count:number}r {Vt:replicated}, [{Rn_sp:xsp}], {Rm:x}",
    },
  ),
];
