/** Every test of the `*.a64` files, with every executor (see parse.ts and runner.ts). */
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { parseTests } from "./parse.ts";
import { runTextTest } from "./runner.ts";

const folder = new URL("./", import.meta.url);
for (const file of readdirSync(folder).filter((name) => name.endsWith(".a64")).sort()) {
  for (const each of parseTests(readFileSync(new URL(file, folder), "utf8"))) {
    test(`${file.slice(0, -4)}: ${each.name}`, () => {
      assert.deepEqual(each.missing, [], "lines to be assembled");
      assert.deepEqual(runTextTest(each), []);
    });
  }
}
