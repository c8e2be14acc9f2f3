import { writeSync } from "node:fs";
import { a64Disassembler } from "../lib/arch/aarch64/disassemble.ts";
import { aarch64 } from "../lib/arch/aarch64/arch.ts";
import { InstructionTable } from "../lib/engine/table.ts";
import type { Arguments } from "./command.ts";
import { EXIT, UsageError } from "./errors.ts";
import { readInput } from "./files.ts";

const WHAT = "inspect disassemble";
/** File descriptor of standard output. */
const STDOUT = 1;
/** Lines that are written at a time. */
const LINES = 4096;

/** Prints the A64 instructions of a file of code (a raw binary, or an unpacked Image). */
export async function disassemble(args: Arguments): Promise<number> {
  const [file] = args.positionals;
  if (file === undefined) throw new UsageError(`${WHAT}: needs a file; write vml ${WHAT} FILE`);
  const base = readNumber(args, "base", 0n);
  const bytes = await readInput(WHAT, file);
  const offset = Number(readNumber(args, "offset", 0n));
  const length = Number(readNumber(args, "length", BigInt(bytes.length)));
  if (offset % 4 !== 0) throw new UsageError("--offset: instructions begin at multiples of 4");
  if (base % 4n !== 0n) throw new UsageError("--base: instructions begin at multiples of 4");
  const limit = Math.min(offset + length, bytes.length);
  const end = limit - limit % 4;
  const { rows } = aarch64;
  const disassembler = a64Disassembler(new InstructionTable(rows));
  const view = new DataView(bytes.buffer);
  let lines: string[] = [];
  for (let at = offset; at < end; at += 4) {
    const word = view.getUint32(at, true);
    const address = BigInt.asUintN(64, base + BigInt(at));
    const text = disassembler.disassemble(word, address);
    lines.push(
      `${address.toString(16).padStart(8)}:\t${word.toString(16).padStart(8, "0")}\t${text}\n`,
    );
    if (lines.length === LINES || at + 4 >= end) {
      if (!write(lines.join(""))) return EXIT.outputGone;
      lines = [];
    }
  }
  return EXIT.ok;
}

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
    if (value < 1n << 64n) return value;
  }
  throw new UsageError(`--${option}: "${text}" is no number such as 4096 or 0x40080000`);
}
