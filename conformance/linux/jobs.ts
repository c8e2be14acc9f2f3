/** Runs of machines, some at a time. */

/** A run. */
export interface Job {
  readonly name: string;
  /** Runs the machine and gives what was wrong. */
  perform(): Promise<string[]>;
}

/** Performs jobs, `atOnce` at a time, and prints how each went. Gives the number of those that failed. */
export async function performJobs(jobs: readonly Job[], atOnce: number): Promise<number> {
  const waiting = [...jobs];
  let failed = 0;
  const worker = async (): Promise<void> => {
    for (let job = waiting.shift(); job !== undefined; job = waiting.shift()) {
      const start = performance.now();
      const faults = await job.perform();
      const seconds = ((performance.now() - start) / 1000).toFixed(0);
      console.error(`${faults.length === 0 ? "ok" : "FAILED"} ${job.name} (${seconds} s)`);
      for (const fault of faults) console.error(`  ${fault}`);
      if (faults.length > 0) failed++;
    }
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
  return failed;
}
