import process from "node:process";
import manifest from "../package.json" with { type: "json" };

/** Version of the program and of the runtime that executes it. */
export function versionText(): string {
  return `vml ${manifest.version} (${runtimeName()})`;
}

function runtimeName(): string {
  const { deno, bun, node } = process.versions as Record<string, string | undefined>;
  if (deno !== undefined) return `Deno ${deno}`;
  if (bun !== undefined) return `Bun ${bun}`;
  return `Node ${node}`;
}
