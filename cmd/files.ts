import { readFile } from "node:fs/promises";
import { fileReason, UsageError } from "./errors.ts";

/**
 * Reads a whole file that the caller named. Throws a UsageError.
 * @param where what the message begins with: "--kernel", "machine.yaml:3: kernel".
 */
export async function readInput(where: string, path: string): Promise<Uint8Array<ArrayBuffer>> {
  try {
    return new Uint8Array(await readFile(path));
  } catch (error) {
    throw new UsageError(`${where}: cannot read ${path}: ${fileReason(error)}`);
  }
}
