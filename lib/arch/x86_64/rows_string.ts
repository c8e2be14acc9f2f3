/**
 * String instructions (SDM volume 1, 5.1.8): one element each. With a repeat prefix MOVS and STOS are in
 * repeated_strings.ts, and the host executes the others: string_instructions.ts.
 */
import type { Builder } from "../../engine/builder.ts";
import { flagKind, Flags } from "./flags.ts";
import { getPart, RDI, RSI, setPart } from "./implicit_registers.ts";
import type { Operand, Operands } from "./operands.ts";
import type { Operand as Register } from "../../engine/instruction.ts";
import { field } from "./layout.ts";
import { repeatedMove, repeatedStore } from "./repeated_strings.ts";
import { x86, x86Host, type X86Row, type X86Semantics } from "./row.ts";
import { constant, local, op, widen } from "./sized.ts";

/** [] -> [] moves index registers by an element, down if DF is set. */
function step(b: Builder, o: Operands, size: number, ...registers: Register[]): void {
  const { addressSize } = o;
  const distance = local(b, addressSize);
  // size - 2 * size * DF
  constant(b, addressSize, size);
  b.getState(field("df"));
  if (addressSize < 8) b.i32_wrap_i64();
  constant(b, addressSize, Math.log2(2 * size));
  op(b, addressSize, "shl");
  op(b, addressSize, "sub");
  b.local_set(distance);
  for (const r of registers) {
    getPart(b, r, addressSize);
    b.local_get(distance);
    op(b, addressSize, "add");
    setPart(b, r, addressSize);
  }
}

const move: X86Semantics = (b, o) => {
  o[1].probe(b, "r");
  o[0].probe(b, "w");
  o[1].get(b);
  o[0].set(b);
  step(b, o, o[0].size, RSI, RDI);
};

/** [] -> [] flags of the difference of two operands. */
function compareOperands(b: Builder, first: Operand, second: Operand): void {
  for (const operand of [first, second]) {
    operand.get(b);
    widen(b, operand.size);
  }
  b.setFlags(flagKind(Flags.sub, first.size));
}

const store: X86Semantics = (b, o) => {
  o[0].probe(b, "w");
  o[1].get(b);
  o[0].set(b);
  step(b, o, o[0].size, RDI);
};

const load: X86Semantics = (b, o) => {
  o[1].get(b);
  o[0].set(b);
  step(b, o, o[0].size, RSI);
};

const scan: X86Semantics = (b, o) => {
  o[1].probe(b, "r");
  compareOperands(b, o[0], o[1]);
  step(b, o, o[0].size, RDI);
};

/** Both sizes, with and without prefix. The repeated form is semantics or the host's. */
function both(
  name: string,
  bytes: string,
  words: string,
  opcode: number,
  semantics: X86Semantics,
  repeated: X86Semantics | string,
): X86Row[] {
  return [[bytes, opcode], [words, opcode + 1]].flatMap(([operands, code]): X86Row[] => {
    const hex = (code as number).toString(16);
    const title = `REP ${name} ${operands}`;
    return [
      x86(`${name} ${operands}`, `NFx ${hex}`, "base", semantics),
      typeof repeated === "string"
        ? x86Host(title, `REP ${hex}`, "base", repeated)
        : x86(title, `REP ${hex}`, "base", repeated, { flow: "branch" }),
    ];
  });
}

export const stringRows: readonly X86Row[] = [
  ...both("MOVS", "Yb,Xb", "Yv,Xv", 0xa4, move, repeatedMove),
  // Two reads: without prefix the host's too.
  x86Host("CMPS Xb,Yb", "NFx a6", "base", "cmps"),
  x86Host("CMPS Xv,Yv", "NFx a7", "base", "cmps"),
  x86Host("REP CMPS Xb,Yb", "REP a6", "base", "cmps"),
  x86Host("REP CMPS Xv,Yv", "REP a7", "base", "cmps"),
  ...both("STOS", "Yb,AL", "Yv,rAX", 0xaa, store, repeatedStore),
  ...both("LODS", "AL,Xb", "rAX,Xv", 0xac, load, "rep lods"),
  ...both("SCAS", "AL,Yb", "rAX,Yv", 0xae, scan, "rep scas"),
];
