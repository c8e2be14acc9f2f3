import assert from "node:assert/strict";
import { test } from "node:test";
import { findBreaches } from "./layer_rules.ts";

const breaches = (files: Record<string, string>): string[] =>
  findBreaches(new Map(Object.entries(files)));

test("imports run downwards", () => {
  const files = {
    "lib/engine/engine.ts": 'import { Bus } from "../devices/vbus/bus.ts";',
    "lib/devices/vbus/bus.ts": 'export const bus = await import("../../engine/engine.ts");',
    "lib/machine/machine.ts": 'export * from "../engine/engine.ts";',
  };
  assert.deepEqual(breaches(files), [
    "lib/devices/vbus/bus.ts: imports lib/engine/engine.ts, which stands above it",
  ]);
  assert.deepEqual(breaches({ "scripts/a.ts": "" }), ["scripts/a.ts: in no layer"]);
});

test("devices do not import each other, but what they share", () => {
  const files = {
    "lib/devices/pit/pit.ts":
      'import "../pic/pic.ts"; import "../virtio/ring.ts"; import "./counter.ts";',
    "lib/devices/pit/counter.ts": "",
    "lib/devices/pic/pic.ts": "",
    "lib/devices/virtio/ring.ts": "",
  };
  assert.deepEqual(breaches(files), [
    "lib/devices/pit/pit.ts: imports lib/devices/pic/pic.ts, another device",
  ]);
});

test("the library has no dependencies and touches no runtime", () => {
  const files = {
    "mod.ts": 'import { parse } from "yaml";',
    "lib/net/a.ts": 'import { readFile } from "node:fs/promises";',
    "lib/net/b.ts": "export const name = Deno.hostname();",
    "lib/net/c.ts":
      "/* Deno.exit */ // import x from \"node:fs\"\nthis.#import('a'); // process.exit",
    "platform/files.ts": 'import "node:fs"; process.exit();',
  };
  assert.deepEqual(breaches(files), [
    "mod.ts: imports yaml; the library has no dependencies",
    "lib/net/a.ts: imports node:fs/promises; the library has no dependencies",
    "lib/net/b.ts: Deno. belongs to a runtime",
  ]);
});

test("only tests, each other and conformance import what stands in testing folders", () => {
  const rig = 'import process from "node:process";';
  const files = {
    "lib/engine/testing/rig.ts": rig,
    "lib/engine/testing/other.ts": 'import "./rig.ts";',
    "lib/engine/engine_test.ts": 'import "./testing/rig.ts"; import "node:test";',
    "lib/engine/engine.ts": 'import "./testing/rig.ts";',
    "lib/machine/testing_time.ts": 'import "node:os";',
    "cmd/run.ts": 'import "../lib/engine/testing/rig.ts";',
    "conformance/fuzz.ts": 'import "../lib/engine/testing/rig.ts";',
    "conformance/all.ts": 'import "../lib/engine/engine_test.ts";',
  };
  assert.deepEqual(breaches(files), [
    "lib/engine/engine.ts: imports lib/engine/testing/rig.ts, which is for tests",
    "lib/machine/testing_time.ts: imports node:os; the library has no dependencies",
    "cmd/run.ts: imports lib/engine/testing/rig.ts, which is for tests",
    "conformance/all.ts: imports lib/engine/engine_test.ts, a test",
  ]);
});

test("no architecture has a name in the engine and in devices", () => {
  const files = {
    "lib/engine/a.ts": 'if (arch === "x86_64") return;',
    "lib/engine/b.ts": "if (config.arch !== other) return; // not on x86",
    "lib/devices/gic/gic.ts": "const isAArch64 = true;",
    "lib/devices/gic/gic_test.ts": "const isAArch64 = true;",
    "lib/devices/vbus/bus.ts": "/** As on x86. */ export const archive = 0x86;",
    "lib/machine/boards.ts": 'if (arch === "aarch64") return;',
  };
  assert.deepEqual(breaches(files), [
    "lib/engine/a.ts: x86 belongs to an architecture",
    "lib/engine/b.ts: .arch !== belongs to an architecture",
    "lib/devices/gic/gic.ts: AArch64 belongs to an architecture",
  ]);
});

test("architectures do not import each other, nor what they share them", () => {
  const files = {
    "lib/arch/aarch64/cpu.ts":
      'import "../x86_64/cpu.ts"; import "../crc32.ts"; import "./mmu.ts";',
    "lib/arch/aarch64/mmu.ts": "",
    "lib/arch/x86_64/cpu.ts": "",
    "lib/arch/crc32.ts": 'import "./aarch64/mmu.ts";',
    "lib/machine/boards.ts": 'import "../arch/x86_64/cpu.ts"; import "../arch/aarch64/cpu.ts";',
  };
  assert.deepEqual(breaches(files), [
    "lib/arch/aarch64/cpu.ts: imports lib/arch/x86_64/cpu.ts, another architecture",
    "lib/arch/crc32.ts: imports lib/arch/aarch64/mmu.ts, another architecture",
  ]);
});

test("declarations that the oldest Node does not know", () => {
  assert.deepEqual(breaches({ "platform/a.ts": "{\n  await using file = open();\n}" }), [
    "platform/a.ts: Node 22 has no using declarations",
  ]);
});
