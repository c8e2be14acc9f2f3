/**
 * BMI1, BMI2 and ADX (SDM volume 1, 5.1.16) but the shifts, RORX and MULX, which are with the others
 * of their kind. AF and PF, which are undefined, are clear and that of the result.
 */
import type { Builder } from "../../engine/builder.ts";
import { Carries, Condition, flagKind, Flags } from "./flags.ts";
import { setResultFlags } from "./rows_bit.ts";
import { x86, type X86Row, type X86Semantics } from "./row.ts";
import { constant, fromI32, local, op, toI32, widen } from "./sized.ts";
import type { IntegerOp } from "../integer_op.ts";

const setLogicFlags = (b: Builder, size: number, result: number): void => {
  b.local_get(result);
  widen(b, size);
  b.setFlags(flagKind(Flags.logic, size));
};

const andNot: X86Semantics = (b, o) => {
  const { size } = o;
  const result = local(b, size);
  o[2].get(b);
  o[1].get(b);
  constant(b, size, -1);
  op(b, size, "xor");
  op(b, size, "and");
  b.local_tee(result);
  o[0].set(b);
  setLogicFlags(b, size, result);
};

/** The source, combined with itself less one or its negation; CF: the source is zero, or is not. */
const lowestBit =
  (other: "less one" | "negated", name: IntegerOp, carry: "zero" | "not zero"): X86Semantics =>
  (b, o) => {
    const { size } = o;
    const [source, result] = [local(b, size), local(b, size)];
    o[1].get(b);
    b.local_set(source).local_get(source);
    if (other === "less one") {
      b.local_get(source);
      constant(b, size, 1);
    } else {
      constant(b, size, 0);
      b.local_get(source);
    }
    op(b, size, "sub");
    op(b, size, name);
    b.local_tee(result);
    o[0].set(b);
    b.local_get(source);
    op(b, size, "eqz");
    if (carry === "not zero") b.i32_eqz();
    setResultFlags(b, size, result);
  };

/** [value, i32 count up to 255] -> [value] its low bits, so many. */
function lowBits(b: Builder, size: number): void {
  const count = b.temp("i32");
  b.local_set(count);
  // As many ones; all of them from the operand's width on.
  constant(b, size, -1);
  constant(b, size, 0);
  b.local_get(count).i32_eqz().i32_eqz().select();
  constant(b, size, 8 * size);
  b.local_get(count);
  fromI32(b, size);
  op(b, size, "sub");
  op(b, size, "shr_u");
  constant(b, size, -1);
  b.local_get(count).i32_const(8 * size).i32_lt_u().select();
  op(b, size, "and");
}

/** [value] -> [i32] bits 7:0 */
function lowByte(b: Builder, size: number): void {
  toI32(b, size);
  b.i32_const(0xff).i32_and();
}

/** BZHI. CF: the number is not below the operand's width. */
const zeroHighBits: X86Semantics = (b, o) => {
  const { size } = o;
  const [result, count] = [local(b, size), b.temp("i32")];
  o[1].get(b);
  o[2].get(b);
  lowByte(b, size);
  b.local_tee(count);
  lowBits(b, size);
  b.local_tee(result);
  o[0].set(b);
  b.local_get(count).i32_const(8 * size).i32_ge_u();
  setResultFlags(b, size, result);
};

/** BEXTR: start in bits 7:0, length in bits 15:8. */
const extractBits: X86Semantics = (b, o) => {
  const { size } = o;
  const [control, result, start] = [local(b, size), local(b, size), b.temp("i32")];
  o[1].get(b);
  o[2].get(b);
  b.local_tee(control);
  lowByte(b, size);
  b.local_tee(start);
  fromI32(b, size);
  op(b, size, "shr_u");
  constant(b, size, 0);
  b.local_get(start).i32_const(8 * size).i32_lt_u().select();
  b.local_get(control);
  constant(b, size, 8);
  op(b, size, "shr_u");
  lowByte(b, size);
  lowBits(b, size);
  b.local_tee(result);
  o[0].set(b);
  setLogicFlags(b, size, result);
};

/** PDEP, PEXT: no flags. */
const bitwise = (helper: string): X86Semantics => (b, o) => {
  for (const operand of [o[1], o[2]]) {
    operand.get(b);
    widen(b, o.size);
  }
  b.callHelper(helper);
  if (o.size === 4) b.i32_wrap_i64();
  o[0].set(b);
};

/** ADCX, ADOX: one flag is the carry, the others stay. */
const addWithFlag = (flag: "CF" | "OF"): X86Semantics => (b, o) => {
  const { size } = o;
  const [x, y, result] = [local(b, size), local(b, size), local(b, size)];
  const carry = b.temp("i32");
  o[1].get(b);
  b.local_set(y);
  o[0].get(b);
  b.local_set(x);
  b.condition(flag === "CF" ? Condition.B : Condition.O);
  b.local_set(carry).local_get(x).local_get(y);
  op(b, size, "add");
  b.local_get(carry);
  fromI32(b, size);
  op(b, size, "add");
  b.local_tee(result);
  o[0].set(b);
  // It went below x, or all the way round; the flag changes if it was otherwise.
  b.local_get(result).local_get(x);
  op(b, size, "lt_u");
  b.local_get(result).local_get(x);
  op(b, size, "ne");
  b.i32_eqz().local_get(carry).i32_and().i32_or();
  b.local_get(carry).i32_xor().local_set(carry);
  b.restingFlags();
  b.i64_const_parts(0, flag === "CF" ? Carries.out | Carries.into : Carries.into);
  b.i64_const32(0).local_get(carry).select().i64_xor();
  b.setFlags(Flags.mixed);
};

const vex = { protectedOnly: true } as const;

export const bmiRows: readonly X86Row[] = [
  x86("ANDN Gy,By,Ey", "VEX.NP.0F38 f2 /r", "bmi1", andNot, vex),
  x86("BLSR By,Ey", "VEX.NP.0F38 f3 /1", "bmi1", lowestBit("less one", "and", "zero"), vex),
  x86("BLSMSK By,Ey", "VEX.NP.0F38 f3 /2", "bmi1", lowestBit("less one", "xor", "zero"), vex),
  x86("BLSI By,Ey", "VEX.NP.0F38 f3 /3", "bmi1", lowestBit("negated", "and", "not zero"), vex),
  x86("BEXTR Gy,Ey,By", "VEX.NP.0F38 f7 /r", "bmi1", extractBits, vex),
  x86("BZHI Gy,Ey,By", "VEX.NP.0F38 f5 /r", "bmi2", zeroHighBits, vex),
  x86("PDEP Gy,By,Ey", "VEX.F2.0F38 f5 /r", "bmi2", bitwise("depositBits"), vex),
  x86("PEXT Gy,By,Ey", "VEX.F3.0F38 f5 /r", "bmi2", bitwise("extractBits"), vex),
  x86("ADCX Gy,Ey", "66 0f 38 f6 /r", "adx", addWithFlag("CF")),
  x86("ADOX Gy,Ey", "f3 0f 38 f6 /r", "adx", addWithFlag("OF")),
];
