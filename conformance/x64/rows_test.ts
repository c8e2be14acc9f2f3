/** The decoder knows every encoding that vectors are drawn from. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { X86Decoder } from "../../lib/arch/x86_64/decoder.ts";
import { instructionRows } from "../../lib/arch/x86_64/instruction_rows.ts";
import { Mode } from "../../lib/arch/x86_64/mode.ts";
import { encode, type Memory } from "./encode.ts";
import { type Row, rows } from "./rows.ts";

const decoder = new X86Decoder(instructionRows);
const MEMORY: Memory = { base: 3, index: undefined, scale: 0, displacement: 0x40, least: 0 };

/** An instruction of a row; of memory if it can be. */
function sample(row: Row, memory: boolean, prefixes: readonly number[] = []): number[] {
  const size = row.operands.some((operand) => /[vyz]$|^rAX$/.test(operand)) ? 32 : undefined;
  return encode(row, {
    size: row.attributes.has("d64") ? undefined : size,
    reg: 1,
    vvvv: row.operands.some((operand) => operand[0] === "B") ? 2 : 0,
    low: 0,
    rm: memory ? MEMORY : 1,
    immediate: [1, 0, 0, 0, 0, 0, 0, 0],
    prefixes,
    rex: undefined,
  });
}

const decodes = (bytes: readonly number[]): string | undefined => {
  const code = Uint8Array.from([...bytes, ...new Array(16).fill(0)]);
  const decoded = decoder.decode(code, 0, code.length, Mode.code64 | Mode.protected);
  return decoded === undefined || decoded === "cut" ? undefined : decoded.handler.row.title;
};

const hasMemory = ({ operands }: Row): boolean => operands.some((one) => /^[EMWQ]/.test(one));
const hasRegister = ({ operands }: Row): boolean => operands.every((one) => one[0] !== "M");
/** What 64-bit mode does not have. */
const ABSENT = /^(PUSH_|POP_|DAA|DAS|AAA|AAS|AAM|PUSHA|POPA|CALL_FAR|JMP_FAR|INTO|SALC)/;

test("every encoding has a row", () => {
  const missing = new Map<string, string[]>();
  for (const row of rows) {
    const forms = [hasMemory(row), ...(hasMemory(row) && hasRegister(row) ? [false] : [])];
    for (const memory of forms) {
      const found = decodes(sample(row, memory)) !== undefined;
      if (found === !ABSENT.test(row.mnemonic)) continue;
      missing.set(row.group, [...missing.get(row.group) ?? [], `${row.text} ${memory}`]);
    }
  }
  assert.deepEqual(Object.fromEntries(missing), {});
});

test("LOCK is taken by memory operands of those rows that say so", () => {
  const wrong: string[] = [];
  for (const row of rows.filter(hasMemory)) {
    const locked = decodes(sample(row, true, [0xf0])) !== undefined;
    if (locked !== row.attributes.has("lock")) wrong.push(row.text);
    if (hasRegister(row) && decodes(sample(row, false, [0xf0])) !== undefined) wrong.push(row.text);
  }
  assert.deepEqual(wrong, []);
});
