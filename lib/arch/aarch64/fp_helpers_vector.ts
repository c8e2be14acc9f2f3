/** Vector forms: each lane by the scalar helper, and what has no scalar form. */
import type { Helper, HelperCode } from "../../engine/arch.ts";
import { wasmHelper } from "../wasm_helper.ts";
import { lanesName, lanesOf, type Shape, widthOf } from "./fp_emit.ts";
import { eachLane, lanewise, zerosStand } from "./fp_helpers_lanes.ts";

const ARITHMETIC = ["add", "sub", "mul", "div"] as const;
const UNARY = ["sqrt", "recpe", "rsqrte"] as const;
const BINARY = [
  "mulX",
  "min",
  "max",
  "minNumber",
  "maxNumber",
  "abd",
  "equal",
  "greaterEqual",
  "greater",
  "absoluteGreaterEqual",
  "absoluteGreater",
  "recps",
  "rsqrts",
] as const;

/** Lanes that are zero for a good reason do not send the others the slow way. */
function arithmeticLanes(op: typeof ARITHMETIC[number], shape: Shape): Helper {
  return wasmHelper(`fp.${op}.${shape}`, ["v128", "v128"], "v128", (c) => {
    const r = c.local("v128");
    c.local_get(0).local_get(1)[`${lanesName(shape)}_${op}`]().local_set(r);
    // Sums that are zero are exact; products and quotients if an operand is zero.
    if (op === "add" || op === "sub") zerosStand(c, shape, r);
    else if (op === "mul") zerosStand(c, shape, r, 0, 1);
    else zerosStand(c, shape, r, 0, 0);
    c.if_().local_get(r).return_().end();
    eachLane(c, `fp.${op}.${widthOf(shape)}`, shape, 2);
  });
}

/** (vector, how) -> vector by `fp.rint`. */
function roundLanes(shape: Shape): Helper {
  const lanes = lanesName(shape);
  return wasmHelper(`fp.rint.${shape}`, ["v128", "i32"], "v128", (c) => {
    c.v128_const(0n, 0n);
    for (let lane = 0; lane < lanesOf(shape); lane++) {
      c.local_get(0)[`${lanes}_extract_lane`](lane).local_get(1);
      c.callHelper(`fp.rint.${widthOf(shape)}`);
      c[`${lanes}_replace_lane`](lane);
    }
  });
}

/** (vector, how) -> vector by `fp.toFixed`. */
function toFixedLanes(shape: Shape): Helper {
  const lanes = lanesName(shape);
  return wasmHelper(`fp.toFixed.${shape}`, ["v128", "i32"], "v128", (c) => {
    c.v128_const(0n, 0n);
    for (let lane = 0; lane < lanesOf(shape); lane++) {
      c.local_get(0)[`${lanes}_extract_lane`](lane).local_get(1);
      c.callHelper(`fp.toFixed.${widthOf(shape)}`);
      if (shape === "2d") c.i64x2_replace_lane(lane);
      else c.i32_wrap_i64().i32x4_replace_lane(lane);
    }
  });
}

/** (vector, how) -> vector by `fp.fromFixed`. */
function fromFixedLanes(shape: Shape): Helper {
  const lanes = lanesName(shape);
  return wasmHelper(`fp.fromFixed.${shape}`, ["v128", "i32"], "v128", (c) => {
    c.v128_const(0n, 0n);
    for (let lane = 0; lane < lanesOf(shape); lane++) {
      c.local_get(0);
      if (shape === "2d") c.i64x2_extract_lane(lane);
      else {
        // Extended according to the sign.
        c.i32x4_extract_lane(lane).i64_extend_i32_u();
        c.local_get(0).i32x4_extract_lane(lane).i64_extend_i32_s();
        c.local_get(1).i32_const(0x200).i32_and().select();
      }
      c.local_get(1);
      c.callHelper(`fp.fromFixed.${widthOf(shape)}`);
      c[`${lanes}_replace_lane`](lane);
    }
  });
}

/** Two levels of pairs over four singles. */
function reduction(op: string): Helper {
  return wasmHelper(`fp.reduce.${op}`, ["v128"], "f32", (c) => {
    for (const pair of [0, 2]) {
      c.local_get(0).f32x4_extract_lane(pair).local_get(0).f32x4_extract_lane(pair + 1);
      c.callHelper(`fp.${op}.32`);
    }
    c.callHelper(`fp.${op}.32`);
  });
}

function emitLanes(
  c: HelperCode,
  count: number,
  lane: (i: number) => void,
): void {
  c.v128_const(0n, 0n);
  for (let i = 0; i < count; i++) lane(i);
}

function formatHelpers(): Helper[] {
  return [
    // Two singles in the low half to doubles.
    wasmHelper("fp.widen", ["v128"], "v128", (c) => {
      emitLanes(c, 2, (lane) => {
        c.local_get(0).f32x4_extract_lane(lane);
        c.callHelper("fp.convert.32.64");
        c.f64x2_replace_lane(lane);
      });
    }),
    // Doubles to two singles in the low half.
    wasmHelper("fp.narrow", ["v128"], "v128", (c) => {
      emitLanes(c, 2, (lane) => {
        c.local_get(0).f64x2_extract_lane(lane);
        c.callHelper("fp.convert.64.32");
        c.f32x4_replace_lane(lane);
      });
    }),
    wasmHelper("fp.narrowOdd", ["v128"], "v128", (c) => {
      emitLanes(c, 2, (lane) => {
        c.local_get(0).f64x2_extract_lane(lane);
        c.callHelper("fp.convertOdd");
        c.f32x4_replace_lane(lane);
      });
    }),
    // Four halves in the low half to singles, and back.
    wasmHelper("fp.widenHalf", ["v128"], "v128", (c) => {
      const lanes = c.local("v128");
      c.local_get(0).i32x4_extend_low_i16x8_u().local_tee(lanes);
      c.i32_const(0x7c00).i32x4_splat().v128_and();
      c.i32_const(0x7c00).i32x4_splat().i32x4_ne().i32x4_all_true().if_();
      // No infinity or NaN: the fields moved, the bias made up for, the sign put back.
      c.local_get(lanes).i32_const(0x7fff).i32x4_splat().v128_and().i32_const(13).i32x4_shl();
      c.f32_const(2 ** 112).f32x4_splat().f32x4_mul();
      c.local_get(lanes).i32_const(0x8000).i32x4_splat().v128_and().i32_const(16).i32x4_shl();
      c.v128_or().return_().end();
      emitLanes(c, 4, (lane) => {
        c.local_get(0).i16x8_extract_lane_u(lane);
        c.callHelper("fp.convert.16.32");
        c.f32x4_replace_lane(lane);
      });
    }),
    wasmHelper("fp.narrowHalf", ["v128"], "v128", (c) => {
      emitLanes(c, 4, (lane) => {
        c.local_get(0).f32x4_extract_lane(lane);
        c.callHelper("fp.convert.32.16");
        c.i16x8_replace_lane(lane);
      });
    }),
    ...["urecpe", "ursqrte"].map((name) =>
      wasmHelper(`fp.${name}.4s`, ["v128"], "v128", (c) => {
        emitLanes(c, 4, (lane) => {
          c.local_get(0).i32x4_extract_lane(lane);
          c.callHelper(`fp.${name}`);
          c.i32x4_replace_lane(lane);
        });
      })
    ),
  ];
}

/** The helpers of this file, for all shapes. */
export function vectorHelpers(): Helper[] {
  const helpers: Helper[] = formatHelpers();
  for (const shape of ["4s", "2s", "2d"] as const) {
    const width = widthOf(shape);
    helpers.push(roundLanes(shape), toFixedLanes(shape), fromFixedLanes(shape));
    helpers.push(...ARITHMETIC.map((op) => arithmeticLanes(op, shape)));
    for (const [ops, count] of [[UNARY, 1], [BINARY, 2]] as const) {
      for (const op of ops) {
        helpers.push(lanewise(`fp.${op}.${shape}`, `fp.${op}.${width}`, shape, count));
      }
    }
  }
  for (const op of ["min", "max", "minNumber", "maxNumber"]) helpers.push(reduction(op));
  return helpers;
}
