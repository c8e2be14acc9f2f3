/** Runs the recorded cases on an implementation of x86-64: `Executor` is what it plugs in by. */
import { readFileSync } from "node:fs";
import { excludedCases } from "./exclusions.ts";
import { flagEffect } from "./flags.ts";
import { initialState } from "./initial_state.ts";
import { CODE, Ending, type Field, FIELDS, slotAddress, State, WINDOW } from "./state.ts";
import { type Case, type Tolerance, unpackCases } from "./vectors.ts";

/** Code of a case, to be put into its slot (`slotAddress`). */
export interface CaseCode {
  readonly index: number;
  readonly bytes: Uint8Array;
}

/**
 * Something that executes x86-64.
 *
 * @example An emulator, here called `cpu`:
 * ```ts ignore
 * const executor: Executor = {
 *   name: "interpreter",
 *   run(code, before, result) {
 *     for (const { index, bytes } of code) cpu.write(slotAddress(index), bytes);
 *     const state = new State();
 *     for (const { index } of code) {
 *       before(index, state);
 *       cpu.load(state);
 *       // Until an exception; a #GP(0) with RIP on a HLT is Ending.end.
 *       cpu.run();
 *       cpu.store(state);
 *       result(index, state);
 *     }
 *   },
 * };
 * replay(executor, await readCases(), (difference) => console.log(describe(difference)));
 * ```
 */
export interface Executor {
  readonly name: string;
  /**
   * Runs cases, each from its own state; all have slots of their own, so that all of their code can
   * be in memory, and be compiled, before the first runs. What of CODE no case takes is HLT.
   * `before` puts a case's initial state into `state`. `result` wants the state after each case, in
   * any order: registers, memory and why it ended; the executor may use the same object for all.
   */
  run(
    code: readonly CaseCode[],
    before: (index: number, state: State) => void,
    result: (index: number, after: State) => void,
  ): void;
}

/** All that is recorded, with cases whose record is wrong. */
export function readRecord(
  file: string | URL = new URL("./vectors.bin.gz", import.meta.url),
): Promise<Case[]> {
  return unpackCases(new Uint8Array(readFileSync(file)));
}

/** The recorded cases. */
export async function readCases(): Promise<Case[]> {
  return (await readRecord()).filter(({ index }) => !excludedCases.has(index));
}

/** A case that ended otherwise than recorded. */
export interface Difference {
  readonly case: Case;
  readonly executor: string;
  /** What differs, with the values: "rax: 5, not 4". */
  readonly lines: readonly string[];
}

/** What differs if an executor has not run a case. */
export const NO_RESULT = "no result";

/** Cases that an executor gets at once. */
const BATCH = 256;

/** Runs cases; `report` gets those that end otherwise than recorded. Gives how many were run. */
export function replay(
  executor: Executor,
  cases: readonly Case[],
  report: (difference: Difference) => void,
): number {
  const expected = new State();
  let count = 0;
  for (let from = 0; from < cases.length;) {
    // Indexes ascend: a batch ends before one that would have the slot of another.
    const batch: Case[] = [];
    while (from < cases.length && batch.length < BATCH) {
      if (batch.length > 0 && !apart(batch[0], cases[from])) break;
      batch.push(cases[from++]);
    }
    const byIndex = new Map(batch.map((one) => [one.index, one]));
    executor.run(batch, initialState, (index, after) => {
      const one = byIndex.get(index);
      if (one === undefined) throw new Error(`a result of case ${index}, which did not run`);
      byIndex.delete(index);
      count++;
      expectedState(one, expected);
      const lines = compare(one, expected, after);
      if (lines.length > 0) report({ case: one, executor: executor.name, lines });
    });
    for (const one of byIndex.values()) {
      report({ case: one, executor: executor.name, lines: [NO_RESULT] });
    }
  }
  return count;
}

/** Whether slots differ for all cases from `a` to `b`. */
const apart = (a: Case, b: Case): boolean =>
  b.index - a.index > 0 && b.index - a.index < CODE.slots;

/** Fills in the state that a case must end with. */
export function expectedState(one: Case, state: State): void {
  initialState(one.index, state);
  for (const { field, value } of one.changes) state.bytes.set(value, FIELDS[field].offset);
  const memory = new Uint8Array(state.memory.buffer);
  for (const { offset, bytes } of one.memory) memory.set(bytes, offset);
}

/**
 * Flags that the manuals leave undefined at the end of a case. If it ended by an exception, what comes
 * after that did not define any.
 */
function undefinedFlags(one: Case, expected: State): number {
  if (expected.vector >= Ending.end || one.encodings.length === 1) return one.undefinedFlags;
  return one.encodings.reduce(
    (all, { text }) => all | flagEffect({ mnemonic: text.split(" ")[0] }).undefined,
    one.undefinedFlags,
  );
}

/** Bits of a field that are compared. */
function maskOf(one: Case, { name }: Field, expected: State): bigint {
  if (name === "rflags") {
    return BigInt(0xffffffff & ~undefinedFlags(one, expected)) & 0xffffffffn;
  }
  if (name === "fsw") return BigInt(0xffff & ~one.undefinedConditions);
  return -1n;
}

const numberAt = (bytes: Uint8Array, { offset, size }: Field): bigint => {
  let value = 0n;
  for (let i = size - 1; i >= 0; i--) value = (value << 8n) | BigInt(bytes[offset + i]);
  return value;
};

const equal = (a: Uint8Array, b: Uint8Array, { offset, size }: Field): boolean => {
  for (let i = offset; i < offset + size; i++) if (a[i] !== b[i]) return false;
  return true;
};

/** Fields that tell how a case ends. */
const ENDS: ReadonlySet<string> = new Set(["rip", "vector", "error", "address"]);

/** Differences of two states after a case, one line each. */
export function compare(one: Case, expected: State, got: State): string[] {
  const lines: string[] = [];
  const tolerance = one.encodings.find((encoding) => encoding.tolerance !== undefined)?.tolerance;
  // What other instructions make of an estimate cannot be told, but for how the case ends.
  const used = tolerance === "estimate" && one.encodings.length > 1;
  for (const field of FIELDS) {
    if (equal(expected.bytes, got.bytes, field)) continue;
    if (used && !ENDS.has(field.name)) continue;
    const mask = maskOf(one, field, expected);
    const [want, have] = [numberAt(expected.bytes, field), numberAt(got.bytes, field)];
    if ((want & mask) === (have & mask)) continue;
    if (tolerance !== undefined && tolerable(tolerance, field, want, have)) continue;
    lines.push(`${field.name}: ${have.toString(16)}, not ${want.toString(16)}`);
  }
  for (let i = 0; i < expected.memory.length && !used; i++) {
    const [want, have] = [expected.memory[i], got.memory[i]];
    if (want === have) continue;
    const address = (WINDOW.address + 4 * i).toString(16);
    lines.push(`memory ${address}: ${have.toString(16)}, not ${want.toString(16)}`);
  }
  return lines;
}

/** Whether the manuals allow a result: see the attributes of rows.ts. */
function tolerable(tolerance: Tolerance, { name }: Field, want: bigint, have: bigint): boolean {
  if (tolerance === "near2") {
    // The last places of the significand, and with them whether it was rounded up (C1) or at all (PE).
    if (name === "fsw") return ((want ^ have) & ~0x220n) === 0n;
    const difference = want - have;
    return name.startsWith("x87r") && difference >= -2n && difference <= 2n;
  }
  if (!name.startsWith("xmm")) return false;
  for (let lane = 0n; lane < 128n; lane += 32n) {
    const [a, b] = [want, have].map((value) => single(Number((value >> lane) & 0xffffffffn)));
    if (Object.is(a, b)) continue;
    // Each of the two may be off by 1.5 * 2^-12.
    if (!(Math.abs(a - b) <= 3 * 2 ** -12 * Math.abs(a))) return false;
  }
  return true;
}

const words = new DataView(new ArrayBuffer(4));
function single(bits: number): number {
  words.setUint32(0, bits);
  return words.getFloat32(0);
}

/**
 * Cases such that every encoding that occurs, occurs in at least `times` of them, or in all that
 * have it.
 */
export function covering(cases: readonly Case[], times: number): Case[] {
  const seen = new Map<string, number>();
  return cases.filter(({ encodings }) => {
    const names = encodings.map(({ group, text }) => `${group} ${text}`);
    if (names.every((name) => (seen.get(name) ?? 0) >= times)) return false;
    for (const name of names) seen.set(name, (seen.get(name) ?? 0) + 1);
    return true;
  });
}

/** A difference as text: instructions, their bytes, registers at the start, what differs. */
export function describe({ case: one, executor, lines }: Difference): string {
  const state = new State();
  initialState(one.index, state);
  const code = [...one.bytes].map((byte) => byte.toString(16).padStart(2, "0")).join(" ");
  const registers = FIELDS.slice(0, -3).map((field) =>
    `${field.name}=${numberAt(state.bytes, field).toString(16)}`
  );
  return [
    `case ${one.index} (${executor}): ${one.encodings.map(({ text }) => text).join("; ")}`,
    `  ${slotAddress(one.index).toString(16)}: ${code}`,
    ...lines.map((line) => `  ${line}`),
    `  from ${registers.join(" ")}`,
  ].join("\n");
}
