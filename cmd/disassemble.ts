import { writeSync } from "node:fs";
import type { CodePiece, CodeSymbol } from "../lib/boot/elf_code.ts";
import { type AssemblerText, assemblerText, CODE_BITS } from "./assembler_text.ts";
import { codePieces } from "./code_file.ts";
import type { Arguments } from "./command.ts";
import { ARCHITECTURES } from "../lib/config/machine_config.ts";
import { EXIT, UsageError } from "./errors.ts";
import { readInput } from "./files.ts";

const WHAT = "inspect disassemble";
/** File descriptor of standard output. */
const STDOUT = 1;
/** Lines that are written at a time. */
const LINES = 4096;
const END = 1n << 64n;

/** Prints the instructions of a file: ELF, Linux Image or raw code. */
export async function disassemble(args: Arguments): Promise<number> {
  const [file] = args.positionals;
  if (file === undefined) throw new UsageError(`${WHAT}: needs a file; write vml ${WHAT} FILE`);
  const base = readNumber(args, "base", 0n);
  const offset = readNumber(args, "offset", 0n);
  const start = readNumber(args, "start", 0n);
  const stop = readNumber(args, "stop", END);
  const bytes = await readInput(WHAT, file);
  const length = readNumber(args, "length", BigInt(Number.MAX_SAFE_INTEGER));
  const placed = ["base", "offset", "length"].some((option) => args.has(option));
  const place = { base, offset: Number(offset), length: Number(length) };
  const where = `${WHAT}: ${file}`;
  const given = ARCHITECTURES.find((arch) => arch === args.get("arch"));
  const { arch, pieces } = await codePieces(where, bytes, placed ? place : undefined, given);
  const bits = CODE_BITS.find((bits) => bits === args.get("bits")) ?? "64";
  const assembler = assemblerText(arch, bits);
  const alignment = BigInt(assembler.alignment);
  for (const [option, value] of Object.entries({ base, offset, start })) {
    if (value % alignment !== 0n) {
      throw new UsageError(`--${option}: instructions begin at multiples of ${alignment}`);
    }
  }
  let lines: string[] = [];
  for (const piece of pieces) {
    for (const line of listing(piece, assembler, start, stop)) {
      lines.push(line);
      if (lines.length < LINES) continue;
      if (!write(lines.join(""))) return EXIT.outputGone;
      lines = [];
    }
  }
  return write(lines.join("")) ? EXIT.ok : EXIT.outputGone;
}

/** The lines of a piece between two addresses. */
function* listing(
  piece: CodePiece,
  assembler: AssemblerText,
  start: bigint,
  stop: bigint,
): Generator<string> {
  const { bytes, address: base, symbols, marks } = piece;
  const last = BigInt(assembler.alignment - 1);
  const skipped = start > base ? (start - base + last) & ~last : 0n;
  const wanted = stop - base;
  const end = wanted < BigInt(bytes.length) ? Number(wanted) : bytes.length;
  if (skipped >= BigInt(Math.max(end, 0))) return;
  let at = Number(skipped);
  const first = base + skipped;
  let symbol = firstAfter(symbols, first - 1n, ({ address }) => address);
  let mark = firstAfter(marks, first, ([address]) => address);
  let data = mark > 0 && marks[mark - 1][1];
  if (piece.name !== "") yield `\n${piece.name}:\n`;
  while (at < end) {
    const address = BigInt.asUintN(64, base + BigInt(at));
    for (; mark < marks.length && marks[mark][0] <= address; mark++) data = marks[mark][1];
    const line = data ? assembler.data(bytes, at) : assembler.instruction(bytes, at, address);
    const next = address + BigInt(line?.length ?? assembler.alignment);
    for (; symbol < symbols.length && symbols[symbol].address < next; symbol++) {
      if (symbols[symbol].address < address) continue;
      yield `\n${hex(symbols[symbol].address, 16)} <${printable(symbols[symbol].name)}>:\n`;
    }
    const head = `${hex(address).padStart(8)}:\t`;
    if (line === undefined) {
      const rest = Array.from(bytes.subarray(at), (byte) => `0x${hex(byte, 2)}`);
      yield `${head}.byte ${rest.join(", ")}\n`;
      return;
    }
    const text = data ? line.text : withTarget(line.text, assembler.target, symbols);
    yield `${head}${line.code}\t${text}\n`;
    at += line.length;
  }
}

/** A branch or literal's target by name: "bl 0x1040 <main+0x10>". */
function withTarget(text: string, pattern: RegExp, symbols: readonly CodeSymbol[]): string {
  const target = pattern.exec(text)?.[1];
  if (target === undefined || symbols.length === 0) return text;
  const address = BigInt(`0x${target}`);
  const symbol = symbols[firstAfter(symbols, address, (s) => s.address) - 1];
  if (symbol === undefined) return text;
  const distance = address - symbol.address;
  return `${text} <${printable(symbol.name)}${distance > 0n ? `+0x${hex(distance)}` : ""}>`;
}

/** Index of the first entry above an address. */
function firstAfter<T>(list: readonly T[], address: bigint, of: (entry: T) => bigint): number {
  let [low, high] = [0, list.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (of(list[middle]) > address) high = middle;
    else low = middle + 1;
  }
  return low;
}

const hex = (value: bigint | number, digits = 1): string =>
  value.toString(16).padStart(digits, "0");

/** Names come from the file: no control characters for the terminal. */
const printable = (name: string): string => name.replaceAll(/[^\x20-\x7e\xa1-\uffff]/g, "?");

/** Writes all before it returns; false if nobody reads any more. */
function write(text: string): boolean {
  const bytes = new TextEncoder().encode(text);
  for (let done = 0; done < bytes.length;) {
    try {
      done += writeSync(STDOUT, bytes, done);
    } catch (error) {
      if ((error as { code?: string }).code !== "EAGAIN") return false;
    }
  }
  return true;
}

/** A decimal or 0x number of at most 64 bits. */
function readNumber(args: Arguments, option: string, fallback: bigint): bigint {
  const text = args.get(option);
  if (text === undefined) return fallback;
  if (/^(\d+|0x[0-9a-f]+)$/i.test(text)) {
    const value = BigInt(text);
    if (value < END) return value;
  }
  throw new UsageError(`--${option}: "${text}" is no number such as 4096 or 0x40080000`);
}
