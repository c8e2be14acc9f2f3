import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import {
  INIT_SCRIPT,
  TEST_FILE_BYTES,
  TEST_FILE_MD5,
  TEST_FILE_NUMBERS,
  TEST_HASH,
  TEST_HASH_BYTES,
} from "./init.ts";

function numbers(): Uint8Array {
  let text = "";
  for (let i = 1; i <= TEST_FILE_NUMBERS; i++) text += `${i}\n`;
  return new TextEncoder().encode(text);
}

function testFile(): Uint8Array {
  const part = numbers();
  const file = new Uint8Array(TEST_FILE_BYTES);
  for (let at = 0; at < file.length; at += part.length) {
    file.set(part.subarray(0, file.length - at), at);
  }
  return file;
}

test("the sums of the self-test's file are right", () => {
  const file = testFile();
  const sum = (name: string, bytes: Uint8Array): string =>
    createHash(name).update(bytes).digest("hex");
  assert.equal(sum("md5", file), TEST_FILE_MD5);
  assert.equal(sum("sha256", file.subarray(0, TEST_HASH_BYTES)), TEST_HASH);
});

test("what repeats in the file never repeats at the start of a sector", () => {
  const { length } = numbers();
  assert.equal(length % 2, 1);
  // The least common multiple of an odd length and a sector's 512 bytes.
  assert.ok(length * 512 > TEST_FILE_BYTES);
});

test("the script is one that a shell reads", (context) => {
  const shell = spawnSync("sh", ["-n"], { input: INIT_SCRIPT, encoding: "utf8" });
  if (shell.error !== undefined) return context.skip("no sh here");
  assert.equal(shell.stderr, "");
  assert.equal(shell.status, 0);
});

test("every part of the self-test is a function of the script", () => {
  const names = /for name in ([^;]*); do\n *check/.exec(INIT_SCRIPT)?.[1].split(" ") ?? [];
  const functions = [...INIT_SCRIPT.matchAll(/^t_(\w+)\(\)/gm)].map((match) => match[1]);
  assert.deepEqual([...names].sort(), functions.sort());
});

/** What the self-test's check of sleep finds if `milliseconds` and `date` answer so, one after the other. */
function checkSleep(milliseconds: readonly number[], dates: readonly number[]): string {
  const folder = mkdtempSync(join(tmpdir(), "vml-init-"));
  try {
    writeFileSync(join(folder, "milliseconds"), `${milliseconds.join("\n")}\n`);
    writeFileSync(join(folder, "date"), `${dates.join("\n")}\n`);
    const check = /^t_sleep\(\) \{[^]*?^\}/m.exec(INIT_SCRIPT)?.[0];
    const script = `
      next() { head -n 1 $1; tail -n +2 $1 > $1.rest; mv $1.rest $1; }
      milliseconds() { next milliseconds; }
      date() { next date; }
      sleep() { :; }
      ${check}
      if t_sleep > said; then echo ok; else echo fault; fi
    `;
    return spawnSync("sh", ["-e"], { cwd: folder, input: script, encoding: "utf8" }).stdout?.trim();
  } finally {
    rmSync(folder, { recursive: true });
  }
}

test("the check of sleep needs right clocks, and no host that is in time", (context) => {
  if (spawnSync("sh", ["-c", ":"]).error !== undefined) return context.skip("no sh here");
  assert.equal(checkSleep([1000, 1010, 3010, 3020], [100, 102]), "ok");
  assert.equal(checkSleep([1000, 9000, 20_000, 31_000], [100, 111]), "ok");
  assert.equal(checkSleep([1000, 9000, 20_000, 31_000], [100, 130]), "ok");
  // It did not sleep for so long; the date stands still; the date goes too fast.
  assert.equal(checkSleep([1000, 1010, 2990, 3020], [100, 102]), "fault");
  assert.equal(checkSleep([1000, 1010, 3010, 3020], [100, 100]), "fault");
  assert.equal(checkSleep([1000, 1010, 3010, 3020], [100, 104]), "fault");
});
