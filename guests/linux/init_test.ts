import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
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
