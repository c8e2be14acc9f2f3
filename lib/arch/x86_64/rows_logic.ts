/** AND, OR, XOR, NOT, TEST (SDM volume 1, 5.1.4, 5.1.6). AF, which is undefined, is cleared. */
import { flagKind, Flags } from "./flags.ts";
import { group1 } from "./group1.ts";
import { atomicIf, modify } from "./read_modify_write.ts";
import { x86, type X86Row, type X86Semantics } from "./row.ts";
import { constant, local, op, widen } from "./sized.ts";

const logic = (name: "and" | "or" | "xor"): X86Semantics => (b, o) => {
  const { size } = o[0];
  const y = local(b, size);
  o[1].get(b);
  b.local_set(y);
  const operand = (): void => {
    b.local_get(y);
  };
  const combined = (old: number): void => {
    b.local_get(old).local_get(y);
    op(b, size, name);
  };
  combined(modify(b, o[0], combined, atomicIf(o, name, operand)));
  widen(b, size);
  b.setFlags(flagKind(Flags.logic, size));
};

const test: X86Semantics = (b, o) => {
  const { size } = o[0];
  o[0].get(b);
  o[1].get(b);
  op(b, size, "and");
  widen(b, size);
  b.setFlags(flagKind(Flags.logic, size));
};

/** No flags. */
const not: X86Semantics = (b, o) => {
  const { size } = o[0];
  const ones = (): void => constant(b, size, -1);
  modify(b, o[0], (old) => {
    b.local_get(old);
    ones();
    op(b, size, "xor");
  }, atomicIf(o, "xor", ones));
};

export const logicRows: readonly X86Row[] = [
  ...group1("OR", 1, logic("or")),
  ...group1("AND", 4, logic("and")),
  ...group1("XOR", 6, logic("xor")),
  x86("NOT Eb", "f6 /2", "base", not, { lock: true }),
  x86("NOT Ev", "f7 /2", "base", not, { lock: true }),
  x86("TEST Eb,Gb", "84 /r", "base", test),
  x86("TEST Ev,Gv", "85 /r", "base", test),
  x86("TEST AL,Ib", "a8", "base", test),
  x86("TEST rAX,Iz", "a9", "base", test),
  x86("TEST Eb,Ib", "f6 /0", "base", test),
  x86("TEST Ev,Iz", "f7 /0", "base", test),
  x86("TEST Eb,Ib", "f6 /1", "base", test),
  x86("TEST Ev,Iz", "f7 /1", "base", test),
];
