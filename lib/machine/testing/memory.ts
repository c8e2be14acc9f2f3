/** What a program of this process holds of memory once its garbage is gone. */
import process from "node:process";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

/** Both in bytes. */
export interface MemoryLevel {
  /** JavaScript's heap, array buffers, whatever else the runtime accounts to the program. */
  readonly held: number;
  /** What the whole process has of the machine's memory, the runtime's own included. */
  readonly resident: number;
}

/** Collects all garbage now; undefined where the runtime has no way to be told. */
export function garbageCollector(): (() => void) | undefined {
  const { Bun } = globalThis as { Bun?: { gc(force: boolean): void } };
  if (Bun !== undefined) return () => Bun.gc(true);
  try {
    setFlagsFromString("--expose-gc");
    const gc: unknown = (globalThis as { gc?: unknown }).gc ?? runInNewContext("gc");
    // Gives back what the youngest objects had, too.
    const how = { type: "major", execution: "sync", flavor: "last-resort" };
    return typeof gc === "function" ? () => void gc(how) : undefined;
  } catch {
    return undefined;
  }
}

/** Memory when what can go has gone: it may take the runtime some turns. */
export async function memoryLevel(collect: (() => void) | undefined): Promise<MemoryLevel> {
  let held = Infinity;
  let resident = Infinity;
  for (let i = 0; i < 20; i++) {
    collect?.();
    await new Promise((resolve) => setTimeout(resolve, 0));
    const { heapUsed, external, rss } = process.memoryUsage();
    held = Math.min(held, heapUsed + external);
    resident = Math.min(resident, rss);
  }
  return { held, resident };
}
