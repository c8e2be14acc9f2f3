/**
 * Loads and stores of one or two SIMD&FP registers (Arm ARM, C4.1.94): literal, pair, unscaled and
 * unsigned offset, pre- and post-indexed, register offset. `scale` is log2 of the bytes of one
 * register: 0..4 for B, H, S, D, Q. Structures are in simd_structures.ts.
 */
import type { Builder, ProbeSize } from "../../engine/builder.ts";
import { type Operand, type Row, row, type Semantics } from "../../engine/row.ts";
import { zero } from "../simd/lanes.ts";
import { checkStackAlignment } from "./stack_alignment.ts";

const BYTES: readonly ProbeSize[] = [1, 2, 4, 8, 16];
const PAIR_BYTES: readonly ProbeSize[] = [2, 4, 8, 16, 32];

/** [i32 host address] -> [v128] the rest of the register cleared. */
function load(b: Builder, scale: number, offset = 0): void {
  if (scale === 4) b.v128_load(offset);
  else if (scale === 3) b.v128_load64_zero(offset);
  else if (scale === 2) b.v128_load32_zero(offset);
  else {
    zero(b);
    if (scale === 1) b.v128_load16_lane(0, offset);
    else b.v128_load8_lane(0, offset);
  }
}

/** [i32 host address, v128] -> [] */
function store(b: Builder, scale: number, offset = 0): void {
  if (scale === 4) b.v128_store(offset);
  else if (scale === 3) b.v128_store64_lane(0, offset);
  else if (scale === 2) b.v128_store32_lane(0, offset);
  else if (scale === 1) b.v128_store16_lane(0, offset);
  else b.v128_store8_lane(0, offset);
}

/** [] -> [i64] the base register; SP is checked. */
export function getBase(b: Builder, base: Operand, base31: number): void {
  if (base31) checkStackAlignment(b, base);
  b.get(base);
}

/** Rn is the stack pointer. */
export const base31 = (f: { readonly Rn_sp: number }): number => f.Rn_sp === 31 ? 1 : 0;

/** [i64 va] -> [] moves one register between the file and memory. */
function transfer(
  b: Builder,
  f: { readonly scale: number; readonly load: number; readonly Vt: Operand },
): void {
  if (f.load) {
    b.readAddress(BYTES[f.scale]);
    load(b, f.scale);
    b.setV(f.Vt);
  } else {
    b.writeAddress(BYTES[f.scale]);
    b.getV(f.Vt);
    store(b, f.scale);
  }
}

type Offset = "scale" | "load" | "imm" | "base31" | "Rn_sp" | "Vt";

const offset: Semantics<Offset> = (b, f) => {
  getBase(b, f.Rn_sp, f.base31);
  b.imm(f.imm);
  b.i64_add();
  transfer(b, f);
};

const preIndex: Semantics<Offset> = (b, f) => {
  const address = b.temp("i64");
  getBase(b, f.Rn_sp, f.base31);
  b.imm(f.imm);
  b.i64_add().local_tee(address);
  transfer(b, f);
  b.local_get(address);
  b.set(f.Rn_sp);
};

const postIndex: Semantics<Offset> = (b, f) => {
  const address = b.temp("i64");
  getBase(b, f.Rn_sp, f.base31);
  b.local_tee(address);
  transfer(b, f);
  b.local_get(address);
  b.imm(f.imm);
  b.i64_add();
  b.set(f.Rn_sp);
};

const registerOffset: Semantics<
  "scale" | "load" | "option" | "S" | "Rm" | "base31" | "Rn_sp" | "Vt"
> = (b, f) => {
  getBase(b, f.Rn_sp, f.base31);
  if (f.option & 1) {
    b.get(f.Rm);
  } else {
    b.get32(f.Rm);
    if (f.option & 4) b.i64_extend_i32_s();
    else b.i64_extend_i32_u();
  }
  if (f.S && f.scale > 0) b.i64_const32(f.scale).i64_shl();
  b.i64_add();
  transfer(b, f);
};

const literal: Semantics<"scale" | "imm" | "Vt"> = (b, f) => {
  b.pcRelative(f.imm);
  b.readAddress(BYTES[f.scale]);
  load(b, f.scale);
  b.setV(f.Vt);
};

type Pair = "scale" | "load" | "imm" | "base31" | "Rn_sp" | "Vt" | "Vt2";
interface PairFields {
  readonly scale: number;
  readonly load: number;
  readonly Vt: Operand;
  readonly Vt2: Operand;
}

/** [i64 va] -> [] */
function transferPair(b: Builder, f: PairFields): void {
  const host = b.temp("i32");
  const second = 1 << f.scale;
  if (f.load) {
    b.readAddress(PAIR_BYTES[f.scale]);
    b.local_tee(host);
    load(b, f.scale);
    b.setV(f.Vt);
    b.local_get(host);
    load(b, f.scale, second);
    b.setV(f.Vt2);
  } else {
    b.writeAddress(PAIR_BYTES[f.scale]);
    b.local_tee(host);
    b.getV(f.Vt);
    store(b, f.scale);
    b.local_get(host);
    b.getV(f.Vt2);
    store(b, f.scale, second);
  }
}

const pairOffset: Semantics<Pair> = (b, f) => {
  getBase(b, f.Rn_sp, f.base31);
  b.imm(f.imm);
  b.i64_add();
  transferPair(b, f);
};

const pairPreIndex: Semantics<Pair> = (b, f) => {
  const address = b.temp("i64");
  getBase(b, f.Rn_sp, f.base31);
  b.imm(f.imm);
  b.i64_add().local_tee(address);
  transferPair(b, f);
  b.local_get(address);
  b.set(f.Rn_sp);
};

const pairPostIndex: Semantics<Pair> = (b, f) => {
  const address = b.temp("i64");
  getBase(b, f.Rn_sp, f.base31);
  b.local_tee(address);
  transferPair(b, f);
  b.local_get(address);
  b.imm(f.imm);
  b.i64_add();
  b.set(f.Rn_sp);
};

interface SizeFields {
  readonly rawSize: number;
  readonly rawQ: number;
}
interface Imm9Fields extends SizeFields {
  readonly rawImm9: number;
  readonly Rn_sp: number;
}
interface Imm7Fields {
  readonly rawOpc: number;
  readonly rawImm7: number;
  readonly Rn_sp: number;
}

/** size:opc<1> names B, H, S, D, or Q when the size is that of B. */
const scale = (f: SizeFields): number => f.rawQ ? 4 : f.rawSize;
const allocated = (f: SizeFields): boolean => !f.rawQ || f.rawSize === 0;
const signed = (value: number, bits: number): number => value << (32 - bits) >> (32 - bits);

const single = {
  when: allocated,
  derive: {
    scale,
    imm: (f: Imm9Fields): number => signed(f.rawImm9, 9),
    base31,
  },
} as const;
const pairScale = (f: Imm7Fields): number => f.rawOpc + 2;
const pair = {
  when: (f: Imm7Fields): boolean => f.rawOpc !== 3,
  derive: {
    scale: pairScale,
    imm: (f: Imm7Fields): number => signed(f.rawImm7, 7) * 2 ** pairScale(f),
    base31,
  },
} as const;

const fp = "FEAT_FP";

/** Loads and stores of single SIMD&FP registers and pairs. */
export const simdLoadsStoresRows: readonly Row[] = [
  row(
    "rawOpc:2 011 1 00 rawImm19:19 Vt:5",
    "LDR (literal, SIMD&FP)",
    fp,
    literal,
    {
      when: (f) => f.rawOpc !== 3,
      derive: { scale: (f) => f.rawOpc + 2, imm: (f) => signed(f.rawImm19, 19) * 4 },
      asm: "ldr {Vt}, {imm:label}",
    },
  ),
  row(
    "rawOpc:2 101 1 000 load rawImm7:7 Vt2:5 Rn_sp:5 Vt:5",
    "STNP, LDNP (SIMD&FP)",
    fp,
    pairOffset,
    { ...pair, asm: "{load}np {Vt}, {Vt2}, {offset}" },
  ),
  row(
    "rawOpc:2 101 1 001 load rawImm7:7 Vt2:5 Rn_sp:5 Vt:5",
    "STP, LDP (SIMD&FP), post-index",
    fp,
    pairPostIndex,
    { ...pair, asm: "{load}p {Vt}, {Vt2}, {post}" },
  ),
  row(
    "rawOpc:2 101 1 010 load rawImm7:7 Vt2:5 Rn_sp:5 Vt:5",
    "STP, LDP (SIMD&FP), signed offset",
    fp,
    pairOffset,
    { ...pair, asm: "{load}p {Vt}, {Vt2}, {offset}" },
  ),
  row(
    "rawOpc:2 101 1 011 load rawImm7:7 Vt2:5 Rn_sp:5 Vt:5",
    "STP, LDP (SIMD&FP), pre-index",
    fp,
    pairPreIndex,
    { ...pair, asm: "{load}p {Vt}, {Vt2}, {pre}" },
  ),
  row(
    "rawSize:2 111 1 00 rawQ load 0 rawImm9:9 00 Rn_sp:5 Vt:5",
    "STUR, LDUR (SIMD&FP)",
    fp,
    offset,
    { ...single, asm: "{load}ur {Vt}, {offset}" },
  ),
  row(
    "rawSize:2 111 1 00 rawQ load 0 rawImm9:9 01 Rn_sp:5 Vt:5",
    "STR, LDR (immediate, SIMD&FP), post-index",
    fp,
    postIndex,
    { ...single, asm: "{load}r {Vt}, {post}" },
  ),
  row(
    "rawSize:2 111 1 00 rawQ load 0 rawImm9:9 11 Rn_sp:5 Vt:5",
    "STR, LDR (immediate, SIMD&FP), pre-index",
    fp,
    preIndex,
    { ...single, asm: "{load}r {Vt}, {pre}" },
  ),
  row(
    "rawSize:2 111 1 01 rawQ load rawImm12:12 Rn_sp:5 Vt:5",
    "STR, LDR (immediate, SIMD&FP), unsigned offset",
    fp,
    offset,
    {
      when: allocated,
      derive: { scale, imm: (f) => f.rawImm12 * 2 ** scale(f), base31 },
      asm: "{load}r {Vt}, {offset}",
    },
  ),
  row(
    "rawSize:2 111 1 00 rawQ load 1 Rm:5 option:3 S 10 Rn_sp:5 Vt:5",
    "STR, LDR (register, SIMD&FP)",
    fp,
    registerOffset,
    {
      when: (f) => allocated(f) && (f.option & 2) !== 0,
      derive: { scale, base31 },
      asm: "{load}r {Vt}, {index}",
    },
  ),
];
