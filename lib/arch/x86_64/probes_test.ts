/** Accesses that fault leave nothing behind: all rows, with what is structural about them. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { probeBreaches } from "../../engine/testing/probe_rules.ts";
import { X86Decoder } from "./decoder.ts";
import type { X86Handler } from "./handler.ts";
import { instructionRows } from "./instruction_rows.ts";
import { Mode } from "./mode.ts";
import { x86, type X86Row } from "./row.ts";

const CODE64 = Mode.code64 | Mode.protected;
const MODES = [CODE64, Mode.code32 | Mode.protected | Mode.stack32, Mode.code16];
const PREFIXES = [[], [0x66], [0xf2], [0xf3], [0xf0], [0x67], [0x48], [0x66, 0x48], [0xf3, 0x48]];
const MAPS = [[], [0x0f], [0x0f, 0x38], [0x0f, 0x3a]];
/** VEX, 128 bits, with XMM0 as its own operand: maps 1 to 3, and W, and the mandatory prefix. */
const VEX = [1, 2, 3].flatMap((map) =>
  [0x78, 0x79, 0x7a, 0x7b, 0xf8, 0xf9, 0xfa, 0xfb].map((last) => [0xc4, 0xe0 | map, last])
);
/** ModRM of memory with and without displacement, and of registers. */
const SOME = Array.from({ length: 8 }, (_, reg) => [0, 0x44, 0xc0, 0xc1].map((n) => n | (reg << 3)))
  .flat();
const ALL = Array.from({ length: 256 }, (_, n) => n);

/** Handlers of all rows with semantics, of several for most. */
function handlersOf(rows: readonly X86Row[]): X86Handler[] {
  const decoder = new X86Decoder(rows);
  const decodeAll = (mode: number, start: readonly number[], modRms: readonly number[]): void => {
    const code = new Uint8Array(start.length + 18).fill(0x10);
    code.set(start);
    for (let opcode = 0; opcode < 256; opcode++) {
      code[start.length] = opcode;
      for (const modRm of modRms) {
        code[start.length + 1] = modRm;
        decoder.decode(code, 0, code.length, mode);
      }
    }
  };
  for (const map of MAPS) {
    for (const mode of MODES) {
      for (const prefixes of PREFIXES) decodeAll(mode, [...prefixes, ...map], SOME);
    }
    for (const prefixes of [[], [0xf3]]) decodeAll(CODE64, [...prefixes, ...map], ALL);
  }
  for (const vex of VEX) decodeAll(CODE64, vex, SOME);
  return decoder.handlers.filter(({ row }) => row.semantics !== undefined);
}

/** Rows that break a rule: "title: which". */
function breachesOf(handlers: readonly X86Handler[]): string[] {
  const found = handlers.flatMap((handler) =>
    probeBreaches(handler).map((breach) => `${handler.row.title}: ${breach}`)
  );
  return [...new Set(found)].sort();
}

const handlers = handlersOf(instructionRows);

test("no row reads or writes by two probes, or changes anything before a probe", () => {
  const met = new Set(handlers.map(({ row }) => row));
  const missing = instructionRows.filter((row) => row.semantics !== undefined && !met.has(row));
  assert.deepEqual(missing.map(({ title, code }) => `${title} ${code}`), []);
  assert.deepEqual(breachesOf(handlers), [
    // The address may have RSP, and means what it is after the pop: RSP is back before the probe.
    "POP Ev: a probe after a change of state",
  ]);
});

test("rows that do so are found", () => {
  const rows = [
    x86("CMPS Xb,Yb", "NFx a6", "base", (b, o) => {
      o[0].get(b);
      o[1].get(b);
    }),
    x86("MOVS Yb,Xb", "NFx a4", "base", (b, o) => {
      o[0].probe(b, "w");
      o[1].get(b);
      o[0].set(b);
    }),
    x86("XADD Ev,Gv", "0f c1 /r", "base", (b, o) => {
      o[0].get(b);
      o[1].set(b);
      o[0].probe(b, "w");
      o[0].probe(b, "rw");
    }),
  ];
  assert.deepEqual(breachesOf(handlersOf(rows)), [
    "CMPS Xb,Yb: two probes that read",
    "MOVS Yb,Xb: a probe that reads after one that writes",
    "XADD Ev,Gv: a probe after a change of state",
    "XADD Ev,Gv: a probe that reads after one that writes",
    "XADD Ev,Gv: two probes that read",
    "XADD Ev,Gv: two probes that write",
  ]);
});
