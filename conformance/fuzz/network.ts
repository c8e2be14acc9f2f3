/**
 * A hostile guest on the user-mode network: network.ts [--from SEED] [--packets N]. Any of the three
 * runtimes can execute it. A life has 5000 packets; the default is 500,000. Prints each seed that did
 * harm; exit code 1 if one did.
 */
import process from "node:process";
import { parseArgs } from "node:util";
import { NetworkFuzz } from "../../lib/net/user/testing/fuzz.ts";

const LIFE = 5000;

const { values } = parseArgs({
  options: {
    from: { type: "string", default: "1" },
    packets: { type: "string", default: "500000" },
  },
});
const from = Number(values.from);
const packets = Number(values.packets);
if (!Number.isSafeInteger(from) || !Number.isSafeInteger(packets) || packets < 1) {
  console.error("--from and --packets: write whole numbers");
  process.exit(2);
}

const start = performance.now();
const totals = { packets: 0, answers: 0, connections: 0 };
let failed = 0;
for (let seed = from; totals.packets < packets; seed++) {
  const fuzz = new NetworkFuzz(seed);
  const count = Math.min(LIFE, packets - totals.packets);
  try {
    await fuzz.run(count);
  } catch (error) {
    failed++;
    process.exitCode = 1;
    console.error(`seed ${seed}, packet ${fuzz.totals.packets}:`, error);
  }
  totals.packets += count;
  totals.answers += fuzz.totals.answers;
  totals.connections += fuzz.totals.connections;
}
const seconds = ((performance.now() - start) / 1000).toFixed(0);
const megabytes = Math.round(process.memoryUsage.rss() / 2 ** 20);
console.log(
  `user network: ${totals.packets} packets from seed ${from}, ${totals.answers} answers, ` +
    `${totals.connections} connections in ${seconds} s, ${megabytes} MiB: ` +
    (failed === 0 ? "ok" : `${failed} FAILED`),
);
