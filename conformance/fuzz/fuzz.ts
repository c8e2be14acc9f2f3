/**
 * Random guest code on whole boards, for as long as one likes:
 * fuzz.ts [--all] [--from SEED] [--cases N]. Any of the three runtimes can execute it. Prints each
 * case that harmed the host; exit code 1 if one did.
 */
import process from "node:process";
import { parseArgs } from "node:util";
import { FuzzBoard } from "../../lib/machine/testing/fuzz_board.ts";
import { fuzzGuests } from "../../lib/machine/testing/fuzz_guests.ts";

/** Cases of each board: a few seconds, and with --all some minutes. */
const CASES = 50;
const ALL_CASES = 5000;
/** A new board after so many cases, so that the first words of a machine's life are met as well. */
const LIFE = 250;

const { values } = parseArgs({
  options: {
    all: { type: "boolean" },
    from: { type: "string", default: "0" },
    cases: { type: "string" },
  },
});
const from = Number(values.from);
const cases = Number(values.cases ?? (values.all ? ALL_CASES : CASES));
if (!Number.isSafeInteger(from) || !Number.isSafeInteger(cases) || cases < 1) {
  console.error("--from and --cases: write whole numbers");
  process.exit(2);
}

for (const [board, make] of Object.entries(fuzzGuests)) {
  const start = performance.now();
  let failed = 0;
  let instructions = 0;
  let fuzz = new FuzzBoard(make);
  for (let seed = from; seed < from + cases; seed++) {
    try {
      await fuzz.run(seed);
    } catch (error) {
      failed++;
      process.exitCode = 1;
      console.error(`${board}:`, error);
    }
    if (failed === 0 && (seed - from + 1) % LIFE !== 0) continue;
    instructions += fuzz.totals.instructions;
    fuzz.dispose();
    fuzz = new FuzzBoard(make);
  }
  instructions += fuzz.totals.instructions;
  fuzz.dispose();
  const seconds = ((performance.now() - start) / 1000).toFixed(0);
  const megabytes = Math.round(process.memoryUsage.rss() / 2 ** 20);
  console.log(
    `${board}: ${cases} cases from ${from}, ${instructions} instructions in ${seconds} s, ` +
      `${megabytes} MiB: ${failed === 0 ? "ok" : `${failed} FAILED`}`,
  );
}
