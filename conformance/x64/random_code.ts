/**
 * Random strings of bytes as code: how long the instruction is that they begin with, and which
 * exception it ends with, by the judgement of the host CPU. `node conformance/x64/random_code.ts
 * [strings]` records random_code.bin.gz, under the conditions that record.ts has.
 *
 * String number n is drawn from n (`randomString`) and starts from one of STATES initial states
 * (`stringState`). The file has one byte for each: length - 1 in bits 7:4, kind of the end in 3:0.
 * random_faults.bin.gz has one for each that ends with #PF: `faultCheck`.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { Random } from "../a64/cases.ts";
import { gunzip, gzip } from "../a64/vectors.ts";
import { exclusion } from "./exclusions.ts";
import { initialState } from "./initial_state.ts";
import { NativeExecutor, type Outcome } from "./native.ts";
import { CODE, State } from "./state.ts";

/** How a string ends, after one instruction (or one round of a repeated one). */
export const End = {
  /** No exception. */
  none: 0,
  divide: 1,
  breakpoint: 2,
  /** #UD. What the CPU has looked at when it finds out is up to it: the length says nothing. */
  undefined: 3,
  /** #SS(0) */
  stack: 4,
  /** #GP(0) */
  protection: 5,
  /** #GP with another error code: of a selector or an entry of the IDT. */
  selector: 6,
  /** #PF of a read, of a write. */
  read: 7,
  write: 8,
  /** #MF */
  x87: 9,
  /** #AC */
  alignment: 10,
  /** #XM */
  simd: 11,
  /** Not to be compared: exclusions.ts. */
  excluded: 15,
} as const;
export type End = typeof End[keyof typeof End];

/** Initial states that strings start from. */
export const STATES = 64;
/** Bytes of a string: one more than an instruction may have. */
export const STRING_BYTES = 16;
/** Where a string lies: at the end of code, on a page of HLT. */
export const STRING_ADDRESS: number = CODE.address + CODE.slots * CODE.slotBytes - STRING_BYTES;

/** What the CPU makes of a string. */
export interface Verdict {
  /** Bytes of the instruction, 1..15. One that would be longer has 15, and ends with #GP(0). */
  readonly length: number;
  readonly end: End;
  /** `faultCheck` of a #PF. */
  readonly fault?: number;
}

/** What decodes and executes one instruction from a state. */
export interface StringExecutor {
  readonly name: string;
  /**
   * Executes the first instruction of a string of 16 bytes, of a repeated one one round. `state` is
   * what it starts from, its RIP STRING_ADDRESS; the executor may change it. Without an exception,
   * a jump ends before its target is fetched.
   */
  execute(string: Uint8Array, state: State): Verdict;
}

const LEGACY = [0x66, 0xf2, 0xf3, 0x67, 0xf0, 0x2e, 0x36, 0x3e, 0x26, 0x64, 0x65] as const;

/** String number `n`: of most the start are prefixes and an opcode of one of the maps. */
export function randomString(n: number): Uint8Array<ArrayBuffer> {
  const random = new Random(n ^ 0x0badc0de);
  const bytes = new Uint8Array(STRING_BYTES);
  for (let i = 0; i < STRING_BYTES; i += 4) {
    const word = random.next();
    for (let j = 0; j < 4; j++) bytes[i + j] = word >>> (8 * j);
  }
  const kind = random.below(16);
  if (kind < 3) return bytes;
  let at = 0;
  const most = kind === 3 ? 16 : random.pick([0, 0, 0, 1, 1, 2, 3]);
  while (at < most && (kind !== 3 || random.below(6) !== 0)) bytes[at++] = random.pick(LEGACY);
  if (random.below(3) === 0) bytes[at++ & 15] = 0x40 | random.below(16);
  if (at > 12) return bytes;
  if (kind >= 8) bytes[at++] = 0x0f;
  if (kind === 12) bytes[at++] = 0x38;
  if (kind === 13) bytes[at++] = 0x3a;
  return bytes;
}

/** Fills in what string number `n` starts from. */
export function stringState(n: number, state: State): void {
  initialState(n % STATES, state);
  if (n % STATES === 0) {
    // An x87 exception is pending: invalid operation, not masked.
    state.fcw &= ~1;
    state.fsw |= 0x8081;
  }
  state.rip = BigInt(STRING_ADDRESS);
}

/** The end that the vector of an exception and its error code mean. */
export function endOf({ vector, error }: Pick<Outcome, "vector" | "error">): End {
  switch (vector) {
    case 0:
      return End.divide;
    case 3:
      return End.breakpoint;
    case 6:
      return End.undefined;
    case 12:
      return End.stack;
    case 13:
      return error === 0 ? End.protection : End.selector;
    case 14:
      return (error & 2) !== 0 ? End.write : End.read;
    case 16:
      return End.x87;
    case 17:
      return End.alignment;
    case 19:
      return End.simd;
    case 0xff:
      return End.none;
    default:
      return End.excluded;
  }
}

/** What is kept of a page fault's error code, and of the low half of its address. */
export function faultCheck(error: number, address: number): number {
  return Math.imul(address ^ (error << 27) ^ 0x5bd1e995, 0x9e3779b1) >>> 24;
}

/** Puts a verdict together; `error` and `address` are those of an exception. */
export function verdictOf(length: number, end: End, error: number, address: number): Verdict {
  const isFault = end === End.read || end === End.write;
  return isFault ? { length, end, fault: faultCheck(error, address) } : { length, end };
}

const [VERDICTS, FAULTS] = ["random_code", "random_faults"]
  .map((name) => new URL(`./${name}.bin.gz`, import.meta.url));

/** The recorded verdicts, of strings 0 and following. */
export async function readVerdicts(): Promise<Verdict[]> {
  const [bytes, faults] = await Promise.all(
    [VERDICTS, FAULTS].map((file) => gunzip(new Uint8Array(readFileSync(file)))),
  );
  let next = 0;
  return Array.from(bytes, (byte) => {
    const [length, end] = [(byte >> 4) + 1, (byte & 15) as End];
    return end === End.read || end === End.write
      ? { length, end, fault: faults[next++] }
      : { length, end };
  });
}

/** A string that an executor judges otherwise. */
export interface Disagreement {
  readonly n: number;
  readonly string: Uint8Array;
  readonly expected: Verdict;
  readonly got: Verdict;
}

/** Compares the verdicts on strings `from` to `to - 1`. Gives how many count. */
export function replayStrings(
  executor: StringExecutor,
  verdicts: readonly Verdict[],
  { from, to }: { readonly from: number; readonly to: number },
  report: (disagreement: Disagreement) => void,
): number {
  const state = new State();
  let count = 0;
  for (let n = from; n < Math.min(to, verdicts.length); n++) {
    const expected = verdicts[n];
    if (expected.end === End.excluded) continue;
    count++;
    const string = randomString(n);
    stringState(n, state);
    const got = executor.execute(string, state);
    const sameLength = expected.end === End.undefined || got.length === expected.length;
    const same = got.end === expected.end && sameLength && got.fault === expected.fault;
    if (!same) report({ n, string, expected, got });
  }
  return count;
}

/** Judges strings on the host CPU. */
export function recordStrings(executor: NativeExecutor, first: number, count: number): Verdict[] {
  if (first % STATES !== 0) throw new RangeError(`not a multiple of ${STATES}: ${first}`);
  const states = Array.from({ length: STATES }, (_, n) => {
    const state = new State();
    stringState(n, state);
    return state;
  });
  const strings = Array.from({ length: count }, (_, i) => randomString(first + i));
  return executor.outcomes(strings, states).map((outcome, i) => {
    const end = exclusion(strings[i]) === undefined ? endOf(outcome) : End.excluded;
    return verdictOf(Math.min(outcome.length, 15), end, outcome.error, outcome.address);
  });
}

/** Strings that the recorder gets at once. */
const CHUNK = 65536;

async function main(total: number): Promise<void> {
  const executor = new NativeExecutor();
  const bytes = new Uint8Array(total);
  const faults: number[] = [];
  const ends = new Array<number>(16).fill(0);
  for (let from = 0; from < total; from += CHUNK) {
    const verdicts = recordStrings(executor, from, Math.min(CHUNK, total - from));
    verdicts.forEach(({ length, end, fault }, i) => {
      ends[end]++;
      // The length of what is not compared would only take space.
      const open = end === End.excluded || end === End.undefined;
      bytes[from + i] = ((open ? 0 : length - 1) << 4) | end;
      if (fault !== undefined) faults.push(fault);
    });
  }
  executor.dispose();
  const packed = await gzip(bytes);
  const packedFaults = await gzip(Uint8Array.from(faults));
  writeFileSync(VERDICTS, packed);
  writeFileSync(FAULTS, packedFaults);
  const names = Object.entries(End).map(([name, end]) => `${name} ${ends[end]}`);
  console.log(
    `${total} strings, ${packed.length + packedFaults.length} bytes: ${names.join(", ")}`,
  );
}

if (import.meta.main) await main(Number(process.argv[2] ?? 2 ** 21 + 2 ** 19));
