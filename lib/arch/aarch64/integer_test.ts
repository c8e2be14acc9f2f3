import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { type CompiledRow, InstructionTable } from "../../engine/table.ts";
import type { Row } from "../../engine/row.ts";
import { atomicRows } from "./atomics.ts";
import { branchRows } from "./branches.ts";
import { crc32Helpers } from "../crc32.ts";
import { dataProcessingImmediateRows } from "./data_processing_immediate.ts";
import { dataProcessingRegisterRows } from "./data_processing_register.ts";
import { dataProcessingSourcesRows } from "./data_processing_sources.ts";
import { a64Disassembler } from "./disassemble.ts";
import { exclusiveRows } from "./exclusives.ts";
import { Fault } from "./faults.ts";
import { instructionRows } from "./instruction_rows.ts";
import { loadStorePairRows } from "./load_store_pairs.ts";
import { loadStoreRows } from "./loads_stores.ts";
import { logicalImmediate } from "./logical_immediate.ts";
import { FlatMachine } from "./testing/flat_machine.ts";

const rows: readonly Row[] = [
  ...dataProcessingImmediateRows,
  ...dataProcessingRegisterRows,
  ...dataProcessingSourcesRows,
  ...branchRows,
  ...loadStoreRows,
  ...loadStorePairRows,
  ...exclusiveRows,
  ...atomicRows,
];
const table = new InstructionTable(rows);

/** Lines of a fixture, without comments. */
function lines(name: string): string[] {
  const text = readFileSync(new URL(`./testing/${name}`, import.meta.url), "utf8");
  return text.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
}

/** A reproducible sequence of unsigned 32-bit numbers (xorshift). */
function random(seed: number): () => number {
  return () => {
    seed ^= seed << 13;
    seed ^= seed >>> 17;
    seed ^= seed << 5;
    return seed >>> 0;
  };
}

const nameOf = (word: number): string | undefined => table.matches(word)[0]?.row.name;

test("no word matches two rows of the whole architecture", () => {
  const next = random(1);
  const seen = new Set<CompiledRow>();
  const whole = new InstructionTable(instructionRows);
  for (const row of whole.rows) {
    for (let i = 0; i < 300; i++) {
      const word = (row.value | (next() & ~row.mask)) >>> 0;
      const found = whole.matches(word);
      assert.ok(found.length <= 1, `${word.toString(16)}: ${found.map((m) => m.row.name)}`);
      found.forEach((match) => seen.add(match));
    }
  }
  assert.equal(seen.size, whole.rows.length, "every row matches some word");
});

test("words decode to the rows of the manual", () => {
  const expected: [number, string][] = [
    [0x91000421, "ADD (immediate)"],
    [0x10000000, "ADR"],
    [0xd2800020, "MOVZ"],
    [0x9ac10800, "UDIV"],
    [0x9ac14c00, "CRC32B, CRC32H, CRC32W, CRC32X"],
    [0x54000000, "B.cond"],
    [0xd65f03c0, "RET"],
    [0xf9400000, "LDR (immediate, unsigned offset, x)"],
    [0xf8400c00, "LDR (immediate, pre-index, x)"],
    [0xb8400800, "LDTR (w)"],
    [0xf9800000, "PRFM (immediate)"],
    [0xa9bf7bfd, "STP (pre-index, x)"],
    [0x69400000, "LDPSW (signed offset, x)"],
    [0xa8400000, "LDNP (x)"],
    [0xc85f7c20, "LDXR (x)"],
    [0xc8ffffff, "CAS (x)"],
    [0x48207c00, "CASP (x)"],
    [0xd5033f5f, "CLREX"],
    [0xb8200000, "LDADD (w)"],
  ];
  for (const [word, name] of expected) assert.equal(nameOf(word), name);
});

test("unallocated encodings match nothing", () => {
  const unallocated: [number, string][] = [
    [0x12400000, "AND (immediate) of 32 bits with N"],
    [0x1200fc00, "AND (immediate) with all ones in an element"],
    [0x52c00000, "MOVZ of 32 bits shifted by 32"],
    [0x53408000, "UBFM of 32 bits with N"],
    [0x13008000, "SBFM of 32 bits with imms of 32"],
    [0x13a00000, "EXTR with o0"],
    [0x0a008000, "AND of 32 bits shifted by 32"],
    [0x0bc00000, "ADD with ROR"],
    [0x0b201400, "ADD (extended register) shifted by 5"],
    [0x1ac04c00, "CRC32X with a W register"],
    [0x5ac00c00, "REV of 64 bits with W registers"],
    [0x54000010, "B.cond with o0 (FEAT_HBC)"],
    [0x38200800, "STRB (register) with option 000"],
    [0x68000000, "LDPSW without allocation"],
    [0x69000000, "STGP (FEAT_MTE)"],
    [0xb8c00c00 | (1 << 22), "LDRSW into a W register"],
    [0x48217c00, "CASP with an odd register"],
    [0x38bfc000, "LDAPRB (FEAT_LRCPC)"],
    [0x089f0000, "STLLRB (FEAT_LOR)"],
    [0x00000000, "UDF"],
  ];
  for (const [word, what] of unallocated) assert.equal(nameOf(word >>> 0), undefined, what);
});

test("logical immediates", () => {
  assert.equal(logicalImmediate(1, 1, 0, 0), 1);
  assert.equal(logicalImmediate(0, 0, 0, 0b111100), 0x55555555);
  assert.equal(logicalImmediate(1, 0, 1, 0b111100), BigInt.asIntN(64, 0xaaaaaaaaaaaaaaaan));
  assert.equal(logicalImmediate(1, 1, 63, 62), -2);
  assert.equal(logicalImmediate(1, 1, 0, 63), undefined);
  // 64-bit patterns: each element size gives size * (size - 1) of them.
  const all = new Set<number | bigint>();
  for (let n = 0; n < 2; n++) {
    for (let low = 0; low < 4096; low++) {
      const mask = logicalImmediate(1, n, low >> 6, low & 63);
      if (mask !== undefined) all.add(BigInt(mask));
    }
  }
  assert.equal(all.size, 5334);
});

test("disassembly agrees with objdump", () => {
  const disassembler = a64Disassembler(new InstructionTable(instructionRows));
  for (const line of lines("disassembly.txt")) {
    const [word, address, ...text] = line.split(" ");
    assert.equal(
      disassembler.disassemble(parseInt(word, 16), BigInt(`0x${address}`)),
      text.join(" "),
      word,
    );
  }
  assert.equal(disassembler.disassemble(0), ".inst 0x00000000 // undefined");
});

const CODE = 0x31000;
const MEMORY = 0x20800;
const MEMORY_SIZE = 256;
const ONES = 0xffff_ffff_ffff_ffffn;

/** `name=hex` pairs. */
function assignments(text: string): Map<string, string> {
  const pairs = text.trim().split(" ").filter((pair) => pair !== "");
  return new Map(pairs.map((pair): [string, string] => pair.split("=") as [string, string]));
}

/** Registers X0 to X30 and SP, flags and memory of a case, before or after it. */
interface Expectation {
  readonly x: bigint[];
  nzcv: number;
  readonly memory: Uint8Array;
}

function defaults(): Expectation {
  const x = Array.from({ length: 31 }, (_, n) => (BigInt(n) * 0x9e3779b97f4a7c15n) & ONES);
  x.push(0x20880n);
  return { x, nzcv: 0, memory: Uint8Array.from({ length: MEMORY_SIZE }, (_, i) => i * 37 + 11) };
}

function apply(to: Expectation, text: string): void {
  for (const [name, value] of assignments(text)) {
    if (name === "nzcv") to.nzcv = parseInt(value, 16);
    else if (name === "sp") to.x[31] = BigInt(`0x${value}`);
    else if (name.startsWith("x")) to.x[Number(name.slice(1))] = BigInt(`0x${value}`);
    else {
      const at = parseInt(name.slice(1), 16);
      for (let i = 0; i < value.length / 2; i++) {
        to.memory[at + i] = parseInt(value.slice(2 * i, 2 * i + 2), 16);
      }
    }
  }
}

function load(machine: FlatMachine, from: Expectation): void {
  const { state } = machine.engine;
  from.x.forEach((value, n) => machine.setX(n, value));
  state.set64(machine.field("flagN"), from.nzcv & 8 ? 1n << 63n : 0n);
  state.set64(machine.field("flagZ"), from.nzcv & 4 ? 0n : 1n);
  state.set64(machine.field("flagC"), from.nzcv & 2 ? 1n : 0n);
  state.set64(machine.field("flagV"), from.nzcv & 1 ? 1n << 63n : 0n);
  state.set64(machine.field("exclusiveAddress"), ONES);
  machine.engine.memory.write(MEMORY, from.memory);
}

function nzcvOf(machine: FlatMachine): number {
  const { state } = machine.engine;
  const get = (name: string): bigint => state.get64(machine.field(name));
  return Number(
    ((get("flagN") >> 63n) << 3n) | ((get("flagZ") === 0n ? 1n : 0n) << 2n) |
      (get("flagC") << 1n) | (get("flagV") >> 63n),
  );
}

/**
 * The words of a fixture line, filled up to 16 with MOV X0, X0 (literal loads read them), and a branch
 * to itself at the end, so that hot code comes to be compiled.
 */
function program(line: string): number[] {
  const words = line.split("|")[0].trim().split(" ").map((word) => parseInt(word, 16));
  return [...words, ...new Array(16 - words.length).fill(0xaa0003e0), 0x14000000];
}

function check(machine: FlatMachine, line: string): void {
  const [, before, after] = line.split("|");
  const start = defaults();
  apply(start, before);
  const end: Expectation = { x: [...start.x], nzcv: start.nzcv, memory: start.memory.slice() };
  apply(end, after ?? "");
  load(machine, start);
  assert.equal(machine.run(CODE, 60), "budget", line);
  end.x.forEach((value, n) => {
    assert.equal(machine.getX(n).toString(16), value.toString(16), `x${n}: ${line}`);
  });
  assert.equal(nzcvOf(machine), end.nzcv, line);
  assert.deepEqual(machine.engine.memory.slice(MEMORY, MEMORY_SIZE), end.memory, line);
}

test("instructions do what QEMU does: interpreter", () => {
  const machine = new FlatMachine({ rows, helpers: crc32Helpers });
  for (const line of lines("integer_cases.txt")) {
    machine.load(CODE, program(line));
    check(machine, line);
  }
});

test("instructions do what QEMU does: compiler", () => {
  const machine = new FlatMachine({ rows, helpers: crc32Helpers, threshold: 1 });
  const cases = lines("integer_cases.txt");
  for (const line of cases) {
    machine.load(CODE, program(line));
    check(machine, line);
    check(machine, line);
  }
  assert.ok(machine.engine.statistics.regions >= cases.length, "the code was compiled");
});

const branching = new FlatMachine({ rows });

/** Runs one word at CODE, with zeros (which end the run) everywhere else; gives where it went. */
function branch(word: number, x: readonly [number, bigint][] = [], nzcv = 0): {
  pc: bigint;
  x30: bigint;
} {
  const machine = branching;
  load(machine, { ...defaults(), nzcv });
  machine.load(CODE, [word]);
  machine.setX(30, 0n);
  for (const [n, value] of x) machine.setX(n, value);
  assert.equal(machine.run(CODE, 10), "end");
  return { pc: machine.engine.state.get64(machine.field("pc")), x30: machine.getX(30) };
}

test("branches", () => {
  const start = BigInt(CODE);
  assert.equal(branch(0x14000004).pc, start + 16n, "B forward");
  assert.equal(branch(0x17fffffe).pc, start - 8n, "B backward");
  assert.deepEqual(branch(0x94000002), { pc: start + 8n, x30: start + 4n }, "BL");
  assert.equal(branch(0xd61f0040, [[2, 0x40000n]]).pc, 0x40000n, "BR");
  assert.deepEqual(
    branch(0xd63f03c0, [[30, 0x40000n]]),
    { pc: 0x40000n, x30: start + 4n },
    "BLR X30 reads its target first",
  );
  assert.equal(branch(0xd65f03c0, [[30, 0x40010n]]).pc, 0x40010n, "RET");
});

test("conditional branches", () => {
  const start = BigInt(CODE);
  const taken = start + 64n;
  const not = start + 4n;
  const at = (yes: boolean): bigint => yes ? taken : not;
  const high = 0xffffffff00000000n;
  assert.equal(branch(0x34000201, [[1, high]]).pc, taken, "CBZ looks at 32 bits");
  assert.equal(branch(0xb4000201, [[1, high]]).pc, not, "CBZ looks at 64 bits");
  assert.equal(branch(0x35000201, [[1, high]]).pc, not, "CBNZ looks at 32 bits");
  assert.equal(branch(0xb5000201, [[1, high]]).pc, taken, "CBNZ looks at 64 bits");
  assert.equal(branch(0xb6080201, [[1, 1n << 33n]]).pc, not, "TBZ of bit 33");
  assert.equal(branch(0xb7080201, [[1, 1n << 33n]]).pc, taken, "TBNZ of bit 33");
  assert.equal(branch(0x36080201, [[1, 1n << 33n]]).pc, taken, "TBZ of bit 1");
  assert.equal(branch(0x3707fe01, [[1, 1n]]).pc, start - 64n, "TBNZ backward");
  for (let nzcv = 0; nzcv < 16; nzcv++) {
    const [n, z, c, v] = [8, 4, 2, 1].map((bit) => (nzcv & bit) !== 0);
    const even = [z, c, n, v, c && !z, n === v, n === v && !z, true];
    for (let cond = 0; cond < 16; cond++) {
      const holds = cond >= 14 || even[cond >> 1] !== ((cond & 1) === 1);
      assert.equal(branch(0x54000200 | cond, [], nzcv).pc, at(holds), `${cond} of ${nzcv}`);
    }
  }
});

test("a misaligned stack pointer as base faults only while checking is on", () => {
  const machine = new FlatMachine({ rows });
  const attempt = (word: number, mask: bigint, sp: bigint): string => {
    load(machine, defaults());
    machine.load(CODE, [word, 0]);
    machine.setX(31, sp);
    machine.engine.state.set64(machine.field("stackAlignmentMask"), mask);
    return machine.run(CODE, 10);
  };
  const fault = `fault ${Fault.stackAlignment}`;
  // LDR, STR (pre-index), LDP, LDXR, LDADD, LDR (register) of SP
  for (const word of [0xf94003e0, 0xf8010fe0, 0xa94007e0, 0xc85f7fe0, 0xf82003e1, 0xf87f6be0]) {
    assert.equal(attempt(word, 15n, 0x20888n), fault);
    assert.equal(machine.getX(31), 0x20888n, "nothing was written back");
    assert.equal(attempt(word, 0n, 0x20888n), "end");
    assert.equal(attempt(word, 15n, 0x20890n), "end");
  }
  assert.equal(attempt(0xf98003e0, 15n, 0x20888n), "end", "PRFM never faults");
});

test("exclusives and atomics fault on misaligned addresses", () => {
  const machine = new FlatMachine({ rows });
  const attempt = (word: number, address: bigint): string => {
    load(machine, defaults());
    machine.load(CODE, [word, 0]);
    machine.setX(1, address);
    return machine.run(CODE, 10);
  };
  const cases: [number, number, string][] = [
    [0xc85f7c20, 8, "LDXR"],
    [0x485f7c20, 2, "LDXRH"],
    [0xc87f0820, 16, "LDXP"],
    [0xc8dffc20, 8, "LDAR"],
    [0x889ffc20, 4, "STLR"],
    [0xc8007c20, 8, "STXR"],
    [0xb8220020, 4, "LDADD"],
    [0x48227c24, 16, "CASP"],
  ];
  for (const [word, size, name] of cases) {
    assert.equal(attempt(word, 0x20800n), "end", name);
    assert.equal(attempt(word, 0x20800n + BigInt(size / 2)), "alignment", name);
  }
});

test("a load that misses changes nothing", () => {
  const machine = new FlatMachine({ rows });
  // LDR X0, [X1, #8]!; LDR X0, [X1], #8; LDP X0, X2, [X1], #16; STP X0, X2, [X1, #16]!
  for (const word of [0xf8408c20, 0xf8408420, 0xa8c10820, 0xa9810820]) {
    load(machine, defaults());
    machine.load(CODE, [word, 0]);
    machine.setX(1, 0x7000_0000n);
    assert.match(machine.run(CODE, 10), /^fault at/);
    assert.equal(machine.getX(1), 0x7000_0000n);
    assert.equal(machine.getX(0), 0n);
  }
});

test("CRC32 of the check string", () => {
  const machine = new FlatMachine({ rows, helpers: crc32Helpers });
  // crc32x w0, w0, x1; crc32b w0, w0, w2; then the same of crc32c into w3
  machine.load(CODE, [0x9ac14c00, 0x1ac24000, 0x9ac15c63, 0x1ac25063, 0]);
  load(machine, defaults());
  machine.setX(0, 0xffffffffn);
  machine.setX(3, 0xffffffffn);
  machine.setX(1, 0x3837363534333231n);
  machine.setX(2, 0x39n);
  assert.equal(machine.run(CODE, 10), "end");
  assert.equal(machine.getX(0) ^ 0xffffffffn, 0xcbf43926n);
  assert.equal(machine.getX(3) ^ 0xffffffffn, 0xe3069283n);
});
