/**
 * Random accesses to every device of the board: accesses.ts [--accesses N] [--from SEED]. Any of the three
 * runtimes can execute it; a million accesses to each if not said otherwise. Exit code 1 if a device throws, gives
 * something else than numbers, has another state after a restore, or memory grows without end.
 */
import process from "node:process";
import { parseArgs } from "node:util";
import { AccessFuzz } from "../../lib/machine/testing/access_fuzz.ts";
import { FuzzBoard } from "../../lib/machine/testing/fuzz_board.ts";
import { fuzzGuests } from "../../lib/machine/testing/fuzz_guests.ts";

/** Accesses of one board. */
const LIFE = 50_000;
/** Kinds of boards, which do not have the same devices, with split and with packed queues. */
const KINDS = Object.values(fuzzGuests).flatMap((make) =>
  [false, true].map((packed) => ({ make, packed }))
);
/** Growth of resident memory after the first quarter that is too much, in bytes. */
const GROWTH = 256 * 2 ** 20;

const { values } = parseArgs({
  options: {
    from: { type: "string", default: "0" },
    accesses: { type: "string", default: "1000000" },
  },
});
const from = Number(values.from);
const accesses = Number(values.accesses);
if (!Number.isSafeInteger(from) || !Number.isSafeInteger(accesses) || accesses < 1) {
  console.error("--from and --accesses: write whole numbers");
  process.exit(2);
}

const start = performance.now();
const totals = { accesses: 0, refused: 0, resets: 0, restored: 0 };
const byDevice = new Map<string, number>();
const least = (): number => Math.min(...byDevice.values());
let failed = 0;
let early = 0;
for (let seed = from; (seed < from + KINDS.length || least() < accesses) && failed < 10; seed++) {
  const { make, packed } = KINDS[seed % KINDS.length];
  const fuzz = new AccessFuzz(new FuzzBoard((options) => make(options, packed)), seed);
  for (const name of fuzz.devices) byDevice.set(name, byDevice.get(name) ?? 0);
  try {
    await fuzz.run(Math.min(LIFE, accesses));
  } catch (error) {
    failed++;
    console.error(`seed ${seed}, access ${fuzz.totals.accesses}:`, error);
  }
  for (const key of ["accesses", "refused", "resets", "restored"] as const) {
    totals[key] += fuzz.totals[key];
  }
  for (const [name, count] of fuzz.byDevice) {
    byDevice.set(name, (byDevice.get(name) as number) + count);
  }
  fuzz.dispose();
  if (early === 0 && least() >= accesses / 4) early = process.memoryUsage.rss();
}
const grown = process.memoryUsage.rss() - early;
if (grown > GROWTH) {
  failed++;
  console.error(`memory has grown by ${Math.round(grown / 2 ** 20)} MiB`);
}
const seconds = ((performance.now() - start) / 1000).toFixed(0);
console.log(
  `accesses: ${totals.accesses} to ${byDevice.size} devices, to each ${least()} or more, ` +
    `${totals.refused} refused, ` +
    `${totals.resets} resets, ${totals.restored} states put back, in ${seconds} s: ` +
    `${failed === 0 ? "ok" : `${failed} FAILED`}`,
);
process.exitCode = failed > 0 || least() < accesses ? 1 : 0;
