import assert from "node:assert/strict";
import { test } from "node:test";
import { X86Decoder } from "./decoder.ts";
import { type Encoding, parseRow, Prefix } from "./encoding.ts";
import { hostInstructions } from "./host_instructions.ts";
import { instructionHelpers, instructionRows } from "./instruction_rows.ts";
import { Mode } from "./mode.ts";
import { x86 } from "./row.ts";

/** Prefixes 66, F2 and F3 that an encoding takes; `any` gets what the others leave. */
const PREFIXES: Readonly<Record<Prefix, readonly string[]>> = {
  [Prefix.any]: ["any"],
  [Prefix.none]: ["none"],
  [Prefix.data]: ["66"],
  [Prefix.f2]: ["f2"],
  [Prefix.f3]: ["f3"],
  [Prefix.repeat]: ["f2", "f3"],
  [Prefix.noRepeat]: ["none", "66"],
};

/** Whether two constraints can hold at once. */
const agree = <T>(a: T | undefined, b: T | undefined): boolean =>
  a === undefined || b === undefined || a === b;

/** Whether some bytes are of both. */
function overlap(a: Encoding, b: Encoding): boolean {
  if (a.map !== b.map) return false;
  if (a.opcode >= b.opcode + b.opcodes || b.opcode >= a.opcode + a.opcodes) return false;
  if ((a.row.i64 && b.row.o64) || (a.row.o64 && b.row.i64)) return false;
  if (!PREFIXES[a.prefix].some((prefix) => PREFIXES[b.prefix].includes(prefix))) return false;
  return agree(a.wide, b.wide) && agree(a.register, b.register) && agree(a.reg, b.reg) &&
    agree(a.rm, b.rm);
}

function overlaps(encodings: readonly Encoding[]): string[] {
  const byMap = Map.groupBy(encodings, ({ map, opcode }) => (map << 8) | (opcode & 0xf0));
  return [...byMap.values()].flatMap((list) =>
    list.flatMap((a, i) =>
      list.slice(i + 1).filter((b) => overlap(a, b))
        .map((b) => `${a.row.title} (${a.row.code}) and ${b.row.title} (${b.row.code})`)
    )
  );
}

test("no two rows overlap", () => {
  assert.deepEqual(overlaps(instructionRows.map(parseRow)), []);
  const twice = [x86("ADD Ev,Gv", "01 /r", "base", () => {}), ...instructionRows];
  assert.equal(overlaps(twice.map(parseRow)).length, 1);
});

test("all rows are of the notation, and the decoder takes them", () => {
  const decoder = new X86Decoder(instructionRows);
  assert.equal(decoder.encodings.length, instructionRows.length);
  const vex = [1, 2, 3].map((map) => [0xc4, 0xe0 | map, 0x78]);
  for (const before of [[], [0x0f], [0x0f, 0x38], [0x0f, 0x3a], ...vex]) {
    for (let opcode = 0; opcode < 256; opcode++) {
      const code = Uint8Array.from([...before, opcode, ...new Array(16).fill(0xc0)]);
      decoder.decode(code, 0, code.length, Mode.code64 | Mode.protected);
    }
  }
});

test("the host has every instruction that a row leaves to it, and no others", () => {
  const wanted = new Set(instructionRows.flatMap(({ host }) => host ?? []));
  assert.deepEqual([...wanted].filter((name) => !hostInstructions.has(name)), []);
});

test("helpers have names of their own", () => {
  const names = instructionHelpers.map(({ name }) => name);
  assert.equal(new Set(names).size, names.length);
});
