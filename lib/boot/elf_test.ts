import assert from "node:assert/strict";
import { test } from "node:test";
import { BootError } from "./boot_error.ts";
import { isElf, readElf } from "./elf.ts";
import { readKernel } from "./kernel.ts";
import { makeElf } from "./testing/elf.ts";

const CODE = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8);

test("segments are loaded at their physical addresses", () => {
  assert.deepEqual(readElf(makeElf(CODE, 8)), {
    entry: 0x40100008,
    segments: [{ address: 0x40100000, bytes: CODE, memorySize: 4096 }],
  });
});

test("a kernel file may be ELF, also packed", async () => {
  const elf = makeElf(CODE);
  const stream = new Blob([elf]).stream().pipeThrough(new CompressionStream("gzip"));
  const packed = new Uint8Array(await new Response(stream).arrayBuffer());
  for (const bytes of [elf, packed]) assert.equal((await readKernel(bytes, 1e6)).kind, "elf");
});

test("what cannot run is refused with its reason", () => {
  const changed = (offset: number, ...bytes: number[]): Uint8Array => {
    const elf = makeElf(CODE);
    elf.set(bytes, offset);
    return elf;
  };
  const cases: readonly [Uint8Array, string, RegExp][] = [
    [changed(18, 62), "wrong-architecture", /an ELF file for x86-64.*, or set arch to x86_64$/],
    [changed(4, 1), "wrong-architecture", /64-bit/],
    [changed(5, 2), "wrong-architecture", /little-endian/],
    [changed(16, 3), "unsupported", /vmlinux/],
    [changed(120, 2), "damaged", /nothing to load/],
    [changed(152, 0, 0x20), "truncated", /cut off/],
    [changed(160, 4, 0), "damaged", /larger than the memory/],
    [changed(144 + 7, 0xff), "damaged", /0xff/],
    [makeElf(CODE).subarray(0, 100), "truncated", /cut off/],
    [makeElf(CODE).subarray(0, 30), "truncated", /cut off/],
  ];
  for (const [bytes, code, message] of cases) {
    assert.throws(() => readElf(bytes), { name: "BootError", code, message });
  }
});

test("a file with any byte changed never gives anything but a BootError", () => {
  let refused = 0;
  for (let at = 4; at < 176; at++) {
    const elf = makeElf(CODE);
    elf[at] ^= 0xff;
    assert.ok(isElf(elf));
    try {
      readElf(elf);
    } catch (error) {
      assert.ok(error instanceof BootError, String(error));
      refused++;
    }
  }
  assert.ok(refused > 30);
});
