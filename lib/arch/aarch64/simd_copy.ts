/**
 * Advanced SIMD copy (Arm ARM, C4.1.96). imm5 holds the element size as its lowest set bit and the
 * index above it.
 */
import type { Builder } from "../../engine/builder.ts";
import { type Operand, type Row, row, type Semantics } from "../../engine/row.ts";
import { lanes } from "../simd/lanes.ts";
import { setQ } from "./simd_lanes.ts";

interface Imm5 {
  readonly rawImm5: number;
}

/** log2 of the element size that imm5 names; 4 if unallocated. */
export function imm5Size(f: Imm5): number {
  return f.rawImm5 & 1 ? 0 : f.rawImm5 & 2 ? 1 : f.rawImm5 & 4 ? 2 : f.rawImm5 & 8 ? 3 : 4;
}

/** Element index that imm5 names. */
export function imm5Index(f: Imm5): number {
  return f.rawImm5 >> (imm5Size(f) + 1);
}

const element = { size: imm5Size, index: imm5Index } as const;

/** Selectors that repeat one element, by size and index. */
const BROADCAST = [0, 1, 2, 3].map((size) =>
  Array.from({ length: 16 >> size }, (_, index) => lanes(size, () => index))
);

/** [v128] -> [v128] the element in every lane. */
export function broadcast(b: Builder, size: number, index: number): void {
  const value = b.temp("v128");
  b.local_tee(value).local_get(value).i8x16_shuffle(BROADCAST[size][index]);
}

const dupElement: Semantics<"Q" | "size" | "index" | "Vn" | "Vd"> = (b, f) => {
  b.getV(f.Vn);
  broadcast(b, f.size, f.index);
  setQ(b, f.Vd, f.Q);
};

/** [] -> [i32 or i64] a general register as a lane of that size. */
function getLane(b: Builder, r: Operand, size: number): void {
  if (size === 3) b.get(r);
  else b.get32(r);
}

const dupGeneral: Semantics<"Q" | "size" | "Rn" | "Vd"> = (b, f) => {
  getLane(b, f.Rn, f.size);
  if (f.size === 0) b.i8x16_splat();
  else if (f.size === 1) b.i16x8_splat();
  else if (f.size === 2) b.i32x4_splat();
  else b.i64x2_splat();
  setQ(b, f.Vd, f.Q);
};

/** [v128, i32 or i64] -> [v128] */
function replaceLane(b: Builder, size: number, index: number): void {
  if (size === 0) b.i8x16_replace_lane(index);
  else if (size === 1) b.i16x8_replace_lane(index);
  else if (size === 2) b.i32x4_replace_lane(index);
  else b.i64x2_replace_lane(index);
}

const insGeneral: Semantics<"size" | "index" | "Rn" | "Vd"> = (b, f) => {
  b.getV(f.Vd);
  getLane(b, f.Rn, f.size);
  replaceLane(b, f.size, f.index);
  b.setV(f.Vd);
};

const insElement: Semantics<"size" | "index" | "source" | "Vn" | "Vd"> = (b, f) => {
  b.getV(f.Vd);
  b.getV(f.Vn);
  b.i8x16_shuffle(INSERT[f.size][f.index][f.source]);
  b.setV(f.Vd);
};
/** Selectors that replace one element, by size, index and source index. */
const INSERT = [0, 1, 2, 3].map((size) => {
  const count = 16 >> size;
  return Array.from(
    { length: count },
    (_, index) =>
      Array.from(
        { length: count },
        (_, source) => lanes(size, (i) => i === index ? count + source : i),
      ),
  );
});

const umov: Semantics<"size" | "index" | "Vn" | "Rd"> = (b, f) => {
  b.getV(f.Vn);
  if (f.size === 3) {
    b.i64x2_extract_lane(f.index);
    b.set(f.Rd);
    return;
  }
  if (f.size === 0) b.i8x16_extract_lane_u(f.index);
  else if (f.size === 1) b.i16x8_extract_lane_u(f.index);
  else b.i32x4_extract_lane(f.index);
  b.set32(f.Rd);
};

const smov: Semantics<"Q" | "size" | "index" | "Vn" | "Rd"> = (b, f) => {
  b.getV(f.Vn);
  if (f.size === 0) b.i8x16_extract_lane_s(f.index);
  else if (f.size === 1) b.i16x8_extract_lane_s(f.index);
  else b.i32x4_extract_lane(f.index);
  if (f.Q === 1) {
    b.i64_extend_i32_s();
    b.set(f.Rd);
  } else {
    b.set32(f.Rd);
  }
};

const simd = "FEAT_AdvSIMD";

/** Advanced SIMD copy. The scalar DUP is in simd_scalar.ts. */
export const simdCopyRows: readonly Row[] = [
  row(
    "0 Q 0 01110000 rawImm5:5 0 0000 1 Vn:5 Vd:5",
    "DUP (element)",
    simd,
    dupElement,
    { when: (f) => imm5Size(f) < 3 + f.Q, derive: element, asm: "dup {Vd}, {Vn:element}" },
  ),
  row(
    "0 Q 0 01110000 rawImm5:5 0 0001 1 Rn:5 Vd:5",
    "DUP (general)",
    simd,
    dupGeneral,
    {
      when: (f) => imm5Size(f) < 3 + f.Q,
      derive: { size: imm5Size },
      asm: "dup {Vd}, {Rn:laneRegister}",
    },
  ),
  row(
    "0 1 0 01110000 rawImm5:5 0 0011 1 Rn:5 Vd:5",
    "INS (general)",
    simd,
    insGeneral,
    { when: (f) => imm5Size(f) < 4, derive: element, asm: "ins {Vd:element}, {Rn:laneRegister}" },
  ),
  row(
    "0 1 1 01110000 rawImm5:5 0 rawImm4:4 1 Vn:5 Vd:5",
    "INS (element)",
    simd,
    insElement,
    {
      when: (f) => imm5Size(f) < 4,
      derive: { ...element, source: (f) => f.rawImm4 >> imm5Size(f) },
      asm: "ins {Vd:element}, {Vn:source}",
    },
  ),
  row(
    "0 Q 0 01110000 rawImm5:5 0 0101 1 Vn:5 Rd:5",
    "SMOV",
    simd,
    smov,
    {
      when: (f) => imm5Size(f) < 2 + f.Q,
      derive: element,
      asm: "smov {Rd:signedLaneRegister}, {Vn:element}",
    },
  ),
  row(
    "0 0 0 01110000 rawImm5:5 0 0111 1 Vn:5 Rd:5",
    "UMOV",
    simd,
    umov,
    { when: (f) => imm5Size(f) < 3, derive: element, asm: "umov {Rd:laneRegister}, {Vn:element}" },
  ),
  row(
    "0 1 0 01110000 rawImm5:5 0 0111 1 Vn:5 Rd:5",
    "UMOV",
    simd,
    umov,
    {
      when: (f) => imm5Size(f) === 3,
      derive: element,
      asm: "umov {Rd:laneRegister}, {Vn:element}",
    },
  ),
];
