/**
 * Hostile chains at virtqueues of both formats, behind fences around guest RAM:
 * virtio_chains.ts [--all] [--from SEED] [--chains N]. Any of the three runtimes can execute it.
 * Prints the seeds that went wrong; exit code 1 if one did.
 */
import process from "node:process";
import { parseArgs } from "node:util";
import { ChainFuzz } from "../../lib/devices/virtio/testing/chain_fuzz.ts";

/** Chains in all: a second, and with --all some more. */
const CHAINS = 100_000;
const ALL_CHAINS = 1_000_000;
/** Chains of one seed. */
const CASE = 10_000;

const { values } = parseArgs({
  options: {
    all: { type: "boolean" },
    from: { type: "string", default: "0" },
    chains: { type: "string" },
  },
});
const from = Number(values.from);
const chains = Number(values.chains ?? (values.all ? ALL_CHAINS : CHAINS));
if (!Number.isSafeInteger(from) || !Number.isSafeInteger(chains) || chains < 1) {
  console.error("--from and --chains: write whole numbers");
  process.exit(2);
}

const start = performance.now();
const totals: Record<string, number> = {};
let failed = 0;
for (let seed = from, left = chains; left > 0; seed++, left -= CASE) {
  const fuzz = new ChainFuzz(seed);
  try {
    fuzz.run(Math.min(CASE, left));
  } catch (error) {
    failed++;
    process.exitCode = 1;
    console.error(`seed ${seed}:`, error);
  }
  for (const [name, value] of Object.entries(fuzz.totals)) {
    totals[name] = (totals[name] ?? 0) + value;
  }
}
const seconds = ((performance.now() - start) / 1000).toFixed(1);
const megabytes = Math.round(process.memoryUsage.rss() / 2 ** 20);
const list = Object.entries(totals).map(([name, value]) => `${value} ${name}`).join(", ");
console.log(`${list}; ${seconds} s, ${megabytes} MiB: ${failed === 0 ? "ok" : `${failed} FAILED`}`);
