import assert from "node:assert/strict";
import { test } from "node:test";
import { BootError } from "./boot_error.ts";
import { type CodePiece, readElfCode } from "./elf_code.ts";
import { makeCodeElf, makeElf, sectionField, type TestSymbol } from "./testing/elf.ts";

const HEADER = 64;
const BASE = 0xffff_8000_0800_0000n;
const CODE = Uint8Array.of(...Array.from({ length: 16 }, (_, i) => i));

const SYMBOLS: readonly TestSymbol[] = [
  { name: "", value: 0n, section: 0 },
  { name: "start", value: BASE, type: 2 },
  { name: "$d", value: BASE + 8n },
  { name: "$x.12", value: BASE },
  { name: "$dollar", value: BASE + 4n, type: 1 },
  { name: "other file", value: 0n, type: 4, section: 0xfff1 },
  { name: "elsewhere", value: 4n, type: 2, section: 0 },
  { name: "in data", value: 4n, type: 1, section: 3 },
  { name: "section", value: BASE, type: 3 },
];

const make = (): Uint8Array => makeCodeElf({ code: CODE, address: BASE, symbols: SYMBOLS });

/** Symbols with their names read. */
const plain = (pieces: readonly CodePiece[]): unknown =>
  pieces.map(({ name, address, bytes, symbols, marks }) => ({
    name,
    address,
    bytes: [...bytes],
    symbols: symbols.map(({ name, address }) => [name, address]),
    marks,
  }));

test("executable sections have their symbols and marks in order", () => {
  assert.deepEqual(plain(readElfCode(make())), [{
    name: ".text",
    address: BASE,
    bytes: [...CODE],
    symbols: [["start", BASE], ["$dollar", BASE + 4n]],
    marks: [[BASE, false], [BASE + 8n, true]],
  }]);
});

test("symbols of files that are not linked count from their section", () => {
  const symbols = [{ name: "f", value: 4n }];
  const [piece] = readElfCode(makeCodeElf({ type: 1, code: CODE, address: 0x1000n, symbols }));
  assert.deepEqual(piece.symbols.map(({ name, address }) => [name, address]), [["f", 0x1004n]]);
});

test("without sections executable segments are taken", () => {
  const elf = makeElf(CODE);
  assert.deepEqual(readElfCode(elf), []);
  elf[124] = 5; // PF_R, PF_X
  assert.deepEqual(plain(readElfCode(elf)), [{
    name: "segment 1",
    address: 0xffff_8000_0000_0000n,
    bytes: [...CODE],
    symbols: [],
    marks: [],
  }]);
});

test("names are cut at 512 bytes, also those that never end", () => {
  const symbols = Array.from({ length: 1000 }, () => ({ name: "", value: BASE }));
  const strings = `\0${"x".repeat(5000)}`;
  const [piece] = readElfCode(makeCodeElf({ code: CODE, address: BASE, symbols, strings }));
  assert.equal(piece.symbols.length, 1000);
  assert.ok(piece.symbols.every(({ name }) => name === "x".repeat(512)));
});

test("what is no AArch64 ELF file, or too short, is refused with its reason", () => {
  const changed = (offset: number, ...values: number[]): Uint8Array => {
    const elf = make();
    elf.set(values, offset);
    return elf;
  };
  const field = (section: number, offset: number): number => sectionField(make(), section, offset);
  const cases: readonly [Uint8Array, string][] = [
    [changed(18, 62), "wrong-architecture"],
    [changed(5, 2), "wrong-architecture"],
    [new Uint8Array(0), "truncated"],
    [make().subarray(0, 63), "truncated"],
    [make().subarray(0, -1), "truncated"],
    [changed(58, 8), "damaged"],
    [changed(60, 0xff, 0xff), "truncated"],
    [changed(47, 0xff), "truncated"],
    [changed(field(1, 31), 0xff), "truncated"],
    [changed(field(1, 39), 0xff), "truncated"],
    [changed(field(2, 39), 0xff), "truncated"],
    [changed(field(3, 33), 0xff), "truncated"],
  ];
  for (const [bytes, code] of cases) {
    assert.throws(() => readElfCode(bytes), { name: "BootError", code });
  }
});

test("more segments than linkers make are refused", () => {
  const elf = new Uint8Array(HEADER + 65 * 56);
  elf.set(makeElf(CODE).subarray(0, HEADER));
  elf[56] = 65;
  assert.throws(() => readElfCode(elf), { name: "BootError", code: "damaged" });
});

test("a file with any byte changed, or cut anywhere, gives pieces within it or a BootError", () => {
  let refused = 0;
  const read = (bytes: Uint8Array): void => {
    try {
      for (const { bytes: code, symbols } of readElfCode(bytes)) {
        assert.ok(code.length <= bytes.length);
        assert.ok(symbols.every(({ name }) => name.length <= 512));
      }
    } catch (error) {
      assert.ok(error instanceof BootError, String(error));
      refused++;
    }
  };
  const { length } = make();
  for (let at = 0; at < length; at++) {
    for (const value of [0x01, 0x7f, 0x80, 0xff]) {
      const elf = make();
      elf[at] ^= value;
      read(elf);
    }
    read(make().subarray(0, at));
  }
  assert.ok(refused > length);
});
