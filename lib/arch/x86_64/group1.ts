/** ADD, OR, ADC, SBB, AND, SUB, XOR and CMP have the same encodings (SDM volume 2, A.4, group 1). */
import { x86, type X86Row, type X86RowOptions, type X86Semantics } from "./row.ts";

/** The rows of the one with that number. */
export function group1(name: string, number: number, semantics: X86Semantics): X86Row[] {
  const opcode = (form: number): string => (8 * number + form).toString(16).padStart(2, "0");
  const row = (operands: string, code: string, options?: X86RowOptions): X86Row =>
    x86(`${name} ${operands}`, code, "base", semantics, options);
  const lock = name !== "CMP";
  return [
    row("Eb,Gb", `${opcode(0)} /r`, { lock }),
    row("Ev,Gv", `${opcode(1)} /r`, { lock }),
    row("Gb,Eb", `${opcode(2)} /r`),
    row("Gv,Ev", `${opcode(3)} /r`),
    row("AL,Ib", opcode(4)),
    row("rAX,Iz", opcode(5)),
    row("Eb,Ib", `80 /${number}`, { lock }),
    row("Ev,Iz", `81 /${number}`, { lock }),
    row("Eb,Ib", `82 /${number}`, { lock, i64: true }),
    row("Ev,Ib", `83 /${number}`, { lock }),
  ];
}
