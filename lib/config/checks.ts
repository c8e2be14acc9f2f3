/** Checks of plain values from outside, with messages that say what would be right. */
import { ConfigError } from "./config_error.ts";

/** An object as it came from YAML, JSON or a caller. */
export type PlainObject = { readonly [key: string]: unknown };

/** What a value is, for messages: "a list", "the number 3". */
export function describeValue(value: unknown): string {
  if (value === null || value === undefined) return "nothing";
  if (Array.isArray(value)) return "a list";
  if (value instanceof Uint8Array) return "bytes";
  if (typeof value === "string") {
    return `"${value.length > 40 ? `${value.slice(0, 37)}...` : value}"`;
  }
  if (typeof value === "number" || typeof value === "boolean") return String(value);
  return typeof value === "object" ? "an object" : `a ${typeof value}`;
}

/** An object whose keys are all known. */
export function checkObject(value: unknown, path: string, known: readonly string[]): PlainObject {
  const isPlain = typeof value === "object" && value !== null && !Array.isArray(value) &&
    !(value instanceof Uint8Array);
  if (!isPlain) {
    throw new ConfigError(
      "wrong-type",
      path,
      `expected settings by name (${known.join(", ")}), found ${describeValue(value)}`,
    );
  }
  for (const key of Object.keys(value)) {
    if (!known.includes(key)) {
      throw new ConfigError(
        "unknown-key",
        path === "" ? key : `${path}.${key}`,
        `there is no such setting; ${suggest(key, known)}`,
      );
    }
  }
  return value as PlainObject;
}

/** One of a few words or numbers; numbers may be given as text. */
export function checkChoice<T extends string | number>(
  value: unknown,
  path: string,
  choices: readonly T[],
): T {
  const found = choices.find((choice) =>
    value === choice || (typeof choice === "number" && value === String(choice))
  );
  if (found !== undefined) return found;
  throw new ConfigError(
    "unknown-value",
    path,
    `${describeValue(value)} is not known; ${suggest(String(value), choices.map(String))}`,
  );
}

/** A whole number in [min, max]; text with digits is taken too. */
export function checkInteger(value: unknown, path: string, min: number, max: number): number {
  const number = typeof value === "string" && /^\d+$/.test(value) ? Number(value) : value;
  if (typeof number !== "number" || !Number.isInteger(number)) {
    throw new ConfigError(
      "wrong-type",
      path,
      `expected a whole number from ${min} to ${max}, found ${describeValue(value)}`,
    );
  }
  if (number < min || number > max) {
    throw new ConfigError("out-of-range", path, `${number} is not from ${min} to ${max}`);
  }
  return number;
}

export function checkBoolean(value: unknown, path: string): boolean {
  if (typeof value === "boolean") return value;
  throw new ConfigError(
    "wrong-type",
    path,
    `expected true or false, found ${describeValue(value)}`,
  );
}

/** Text of at most `max` characters without NUL. */
export function checkText(value: unknown, path: string, max: number): string {
  if (typeof value !== "string") {
    throw new ConfigError("wrong-type", path, `expected text, found ${describeValue(value)}`);
  }
  if (value.includes("\0")) {
    throw new ConfigError("out-of-range", path, "the text contains a NUL character");
  }
  if (value.length > max) {
    throw new ConfigError(
      "out-of-range",
      path,
      `${value.length} characters are too many; at most ${max} fit`,
    );
  }
  return value;
}

const UNITS: Record<string, number> = { "": 1, K: 2 ** 10, M: 2 ** 20, G: 2 ** 30, T: 2 ** 40 };

/** A size in bytes: a number, or text with K, M, G or T (powers of 1024): "512M", "3GiB". */
export function checkBytes(value: unknown, path: string): number {
  if (typeof value === "number" && Number.isSafeInteger(value) && value >= 0) return value;
  const match = typeof value === "string" &&
    /^(\d+(?:\.\d+)?) ?([KMGT]?)(?:i?B)?$/i.exec(value.trim());
  const bytes = match ? Number(match[1]) * UNITS[match[2].toUpperCase()] : NaN;
  if (Number.isSafeInteger(bytes)) return bytes;
  throw new ConfigError(
    "wrong-type",
    path,
    `expected a size such as "512M" or "2G", or a number of bytes, found ${describeValue(value)}`,
  );
}

/** "did you mean x?" when one is near, else the list of all. */
export function suggest(word: string, known: readonly string[]): string {
  const near = known
    .map((name) => ({ name, distance: editDistance(word.toLowerCase(), name.toLowerCase()) }))
    .sort((a, b) => a.distance - b.distance)[0];
  const all = `known: ${known.join(", ")}`;
  return near !== undefined && near.distance <= Math.max(1, Math.floor(near.name.length / 3))
    ? `did you mean "${near.name}"? (${all})`
    : all;
}

/** Levenshtein distance: insertions, deletions and changes of one character. */
function editDistance(a: string, b: string): number {
  if (a.length > 64) return a.length;
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const change = row[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(row[j] + 1, next[j - 1] + 1, change));
    }
    row = next;
  }
  return row[b.length];
}
