/** Advanced SIMD across lanes, and scalar pairwise, integer (Arm ARM, C4.1.96). */
import type { Builder } from "../../engine/builder.ts";
import { type Row, row, type Semantics } from "../../engine/row.ts";
import { withAsm } from "./asm.ts";
import {
  laneFromI32,
  laneFromI64,
  lanes,
  MAX_S,
  MAX_U,
  MIN_S,
  MIN_U,
  onlyLane0,
} from "../simd/lanes.ts";
import { addPairsLong } from "./simd_two_misc.ts";

type Across = Semantics<"Q" | "size" | "Vn" | "Vd">;
type Extremes = typeof MAX_S | typeof MAX_U | typeof MIN_S | typeof MIN_U;

/** Selectors that bring element i + distance (a power of two) to element i. */
const FOLD = [0, 1, 2].map((size) =>
  Array.from({ length: 9 }, (_, distance) => lanes(size, (i) => i + distance & (16 >> size) - 1))
);

const extreme = (op: Extremes): Across => (b, f) => {
  const x = b.temp("v128");
  b.getV(f.Vn);
  for (let distance = (f.Q ? 8 : 4) >> f.size; distance > 0; distance >>= 1) {
    b.local_tee(x).local_get(x).local_get(x).i8x16_shuffle(FOLD[f.size][distance]);
    b[op[f.size]]();
  }
  onlyLane0(b, f.size);
  b.setV(f.Vd);
};

/** Adds all elements: pairs first, each twice as long, until there are two of 64 bits. */
function sum(
  b: Builder,
  f: { readonly Q: number; readonly size: number },
  isSigned: boolean,
): void {
  const x = b.temp("v128");
  for (let size = f.size; size < 3; size++) addPairsLong(b, size, isSigned);
  if (f.Q === 0) {
    b.i64x2_extract_lane(0);
    return;
  }
  b.local_tee(x).i64x2_extract_lane(0).local_get(x).i64x2_extract_lane(1).i64_add();
}

const addLong = (isSigned: boolean): Across => (b, f) => {
  b.getV(f.Vn);
  sum(b, f, isSigned);
  laneFromI64(b);
  onlyLane0(b, f.size + 1);
  b.setV(f.Vd);
};

const add: Across = (b, f) => {
  b.getV(f.Vn);
  sum(b, f, false);
  b.i32_wrap_i64();
  laneFromI32(b);
  if (f.size < 2) onlyLane0(b, f.size);
  b.setV(f.Vd);
};

const addPair: Semantics<"Vn" | "Vd"> = (b, f) => {
  b.getV(f.Vn);
  b.i64x2_extract_lane(0);
  b.getV(f.Vn);
  b.i64x2_extract_lane(1).i64_add();
  laneFromI64(b);
  b.setV(f.Vd);
};

/** 32-bit elements need four of them. */
const across = {
  when: (f: { readonly Q: number; readonly size: number }): boolean =>
    f.size < 2 + f.Q && f.size < 3,
} as const;

const simd = "FEAT_AdvSIMD";

/** Operations over all elements of a vector. */
export const simdAcrossPairwiseRows: readonly Row[] = [
  ...withAsm("{Vd:scalarWide}, {Vn}", [
    row("0 Q 0 01110 size:2 11000 00011 10 Vn:5 Vd:5", "SADDLV", simd, addLong(true), across),
    row("0 Q 1 01110 size:2 11000 00011 10 Vn:5 Vd:5", "UADDLV", simd, addLong(false), across),
  ]),
  ...withAsm("{Vd:scalar}, {Vn}", [
    row("0 Q 0 01110 size:2 11000 01010 10 Vn:5 Vd:5", "SMAXV", simd, extreme(MAX_S), across),
    row("0 Q 1 01110 size:2 11000 01010 10 Vn:5 Vd:5", "UMAXV", simd, extreme(MAX_U), across),
    row("0 Q 0 01110 size:2 11000 11010 10 Vn:5 Vd:5", "SMINV", simd, extreme(MIN_S), across),
    row("0 Q 1 01110 size:2 11000 11010 10 Vn:5 Vd:5", "UMINV", simd, extreme(MIN_U), across),
    row("0 Q 0 01110 size:2 11000 11011 10 Vn:5 Vd:5", "ADDV", simd, add, across),
  ]),
  row("01 0 11110 11 11000 11011 10 Vn:5 Vd:5", "ADDP (scalar)", simd, addPair, {
    asm: "addp d{Vd:number}, v{Vn:number}.2d",
  }),
];
