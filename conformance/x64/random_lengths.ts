/**
 * The decoder on random code: whether a string begins with an instruction, and how long it is, by the
 * recorded verdicts of the host CPU. `node conformance/x64/random_lengths.ts [strings [first]]`.
 */
import process from "node:process";
import { X86Decoder } from "../../lib/arch/x86_64/decoder.ts";
import { instructionRows } from "../../lib/arch/x86_64/instruction_rows.ts";
import { Mode } from "../../lib/arch/x86_64/mode.ts";
import { End, randomString, readVerdicts, STRING_BYTES, type Verdict } from "./random_code.ts";

/** What strings are decoded in. */
export const STRING_MODE: number = Mode.code64 | Mode.protected;
/** Rows that are there to raise #UD. */
const ALWAYS_UNDEFINED = /^(UD[012]|RSM)\b/;

/** What the decoder makes of a string: its length, 0 if it is undefined. */
export function decodedLength(decoder: X86Decoder, string: Uint8Array): number {
  const decoded = decoder.decode(string, 0, STRING_BYTES, STRING_MODE);
  if (decoded === undefined || decoded === "cut") return 0;
  return ALWAYS_UNDEFINED.test(decoded.handler.row.title) ? 0 : decoded.length;
}

/** Compares strings `from` to `to - 1`; `report` gets those that the decoder judges otherwise. */
export function compareLengths(
  decoder: X86Decoder,
  verdicts: readonly Verdict[],
  { from, to }: { readonly from: number; readonly to: number },
  report: (n: number, string: Uint8Array, length: number) => void,
): number {
  let count = 0;
  for (let n = from; n < Math.min(to, verdicts.length); n++) {
    const { end, length } = verdicts[n];
    if (end === End.excluded) continue;
    count++;
    const string = randomString(n);
    const own = decodedLength(decoder, string);
    if (own !== (end === End.undefined ? 0 : length)) report(n, string, own);
  }
  return count;
}

async function main(count: number, from: number): Promise<number> {
  const verdicts = await readVerdicts();
  const decoder = new X86Decoder(instructionRows);
  let wrong = 0;
  const total = compareLengths(decoder, verdicts, { from, to: from + count }, (n, string, own) => {
    if (wrong++ >= 20) return;
    const hex = [...string].map((byte) => byte.toString(16).padStart(2, "0")).join(" ");
    const { end, length } = verdicts[n];
    console.log(`${n}: ${hex}: ${own} bytes, not ${end === End.undefined ? 0 : length}`);
  });
  console.log(`${total} strings, ${wrong} differ`);
  return wrong === 0 ? 0 : 1;
}

if (import.meta.main) {
  const [count = Infinity, from = 0] = process.argv.slice(2).map(Number);
  process.exitCode = await main(count, from);
}
