import type { AptRoot } from "./apt.ts";
/** x */
export function makeRootDisk(
  apt: AptRoot,
  path: string,
  progress: (t: string) => void,
): Promise<string[]> {
  throw new Error("todo" + String(apt) + path + String(progress));
}
