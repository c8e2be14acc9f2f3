import assert from "node:assert/strict";
import { test } from "node:test";
import { gunzip, gzip } from "../a64/vectors.ts";
import { FIELDS } from "./state.ts";
import { type Case, packCases, unpackCases } from "./vectors.ts";

const fieldOf = (name: string): number => FIELDS.findIndex((field) => field.name === name);
const cases: readonly Case[] = [
  {
    index: 3,
    encodings: [{ text: "NOP", group: "integer" }],
    bytes: Uint8Array.of(0x90),
    undefinedFlags: 0,
    undefinedConditions: 0,
    changes: [],
    memory: [],
  },
  {
    index: 258,
    encodings: [
      { text: "FSIN", group: "x87", tolerance: "near2" },
      { text: "NOP", group: "integer" },
    ],
    bytes: Uint8Array.of(0xd9, 0xfe, 0x90),
    undefinedFlags: 0x8d5,
    undefinedConditions: 0x4500,
    changes: [
      { field: fieldOf("rax"), value: Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8) },
      { field: fieldOf("x87r7"), value: Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8, 9, 10) },
    ],
    memory: [
      { offset: 0x1ffe, bytes: Uint8Array.of(1, 2) },
      { offset: 0, bytes: new Uint8Array(300).fill(7) },
    ],
  },
];

test("cases come out of a file as they went in", async () => {
  assert.deepEqual(await unpackCases(await packCases(cases)), cases);
  assert.deepEqual(await unpackCases(await packCases([])), []);
});

test("a file that was cut is refused", async () => {
  const bytes = await gunzip(await packCases(cases));
  const cut = await gzip(bytes.slice(0, -20));
  await assert.rejects(() => unpackCases(cut), /damaged/);
});

test("cases must ascend", () => {
  assert.throws(() => packCases([cases[1], cases[0]]), RangeError);
});
