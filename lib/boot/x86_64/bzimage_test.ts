import assert from "node:assert/strict";
import { test } from "node:test";
import { BootError } from "../boot_error.ts";
import { isBzImage, parseBzImage } from "./bzimage.ts";
import { SETUP_HEADER_START } from "./setup_header.ts";
import { type Header, makeBzImage } from "./testing/kernels.ts";

const CODE = Uint8Array.from({ length: 1000 }, (_, i) => i);
const CODE_PADDED = new Uint8Array(1008);
CODE_PADDED.set(CODE);

test("a 64-bit kernel of today's protocol", () => {
  const file = makeBzImage(CODE);
  assert.ok(isBzImage(file));
  assert.deepEqual(parseBzImage(file), {
    version: 0x20f,
    header: file.subarray(SETUP_HEADER_START, 0x26c),
    code: CODE_PADDED,
    address: 0x100_0000,
    memorySize: 0x20_0000,
    entryOffset: 0x200,
    long: true,
    initrdMax: 0x7fff_ffff,
    cmdlineMax: 2047,
  });
});

test("what the file has behind the code, such as a signature, is not loaded", () => {
  const file = new Uint8Array([...makeBzImage(CODE), ...new Uint8Array(500).fill(1)]);
  assert.deepEqual(parseBzImage(file).code, CODE_PADDED);
});

test("setup_sects 0 stands for 4", () => {
  const file = makeBzImage(new Uint8Array(4096).fill(9), { setup_sects: 0, syssize: 10 });
  assert.equal(parseBzImage(file).code.byteOffset, 5 * 512);
  assert.equal(parseBzImage(file).code.length, 160);
});

test("without XLF_KERNEL_64 the kernel starts in 32-bit mode", () => {
  for (const header of [{ xloadflags: 0x7e }, { version: 0x20b }] as Header[]) {
    const { long, entryOffset } = parseBzImage(makeBzImage(CODE, header));
    assert.deepEqual({ long, entryOffset }, { long: false, entryOffset: 0 });
  }
});

test("before protocol 2.10 the place is 1 MiB", () => {
  const old: Header = { version: 0x206, jump: 0x3a, pref_address: 0xffff_ffff, init_size: 0 };
  const { address, memorySize } = parseBzImage(makeBzImage(CODE, old));
  assert.deepEqual({ address, memorySize }, { address: 0x10_0000, memorySize: 1008 });
});

test("each protocol from its first version, with the shortest and the longest header", () => {
  const first = parseBzImage(makeBzImage(CODE, { version: 0x20a, jump: 0x62 }));
  assert.equal(first.address, 0x100_0000);
  assert.equal(first.header.length, 0x264 - SETUP_HEADER_START);
  assert.equal(parseBzImage(makeBzImage(CODE, { version: 0x209 })).address, 0x10_0000);
  assert.equal(parseBzImage(makeBzImage(CODE, { version: 0x20c })).long, true);
  const longest = parseBzImage(makeBzImage(CODE, { jump: 0x7f }));
  assert.equal(longest.header.length, 0x281 - SETUP_HEADER_START);
  const high = parseBzImage(makeBzImage(CODE, { pref_address: 0xffe0_0000 }));
  assert.equal(high.address + high.memorySize, 2 ** 32);
});

test("memory for the kernel is never less than its code", () => {
  assert.equal(parseBzImage(makeBzImage(CODE, { init_size: 16 })).memorySize, 1008);
});

test("what cannot run is refused with its reason", () => {
  const cases: readonly [Uint8Array, string, RegExp][] = [
    [makeBzImage(CODE, { boot_flag: 0x1234 }), "damaged", /ends in 0x1234/],
    [makeBzImage(CODE, { version: 0x205 }), "unsupported", /protocol 2\.05.*2\.6\.22/],
    [makeBzImage(CODE, { loadflags: 0x80 }), "unsupported", /zImage/],
    [makeBzImage(CODE, { jump: 0x60 }), "damaged", /protocol 2\.15 ends at 0x262/],
    [makeBzImage(CODE, { jump: 0x80 }), "damaged", /ends at 0x282/],
    [makeBzImage(CODE, { version: 0x206, jump: 0x39 }), "damaged", /ends at 0x23b/],
    [makeBzImage(CODE, { syssize: 0 }), "damaged", /no code/],
    [makeBzImage(CODE, { syssize: 64 }), "truncated", /should have 2560 bytes but has 2544/],
    [makeBzImage(CODE, { pref_address: 0xff000 }), "damaged", /0xff000/],
    [makeBzImage(CODE, { pref_address: 0x10_0001 }), "damaged", /0x100001/],
    [makeBzImage(CODE, { pref_address: 0xfff0_0000 }), "damaged", /0xfff00000/],
    [makeBzImage(CODE, { pref_address: 2 ** 40 }), "damaged", /0x10000000000/],
    [makeBzImage(CODE).subarray(0, 0x23b), "truncated", /should have 572 bytes but has 571/],
    [makeBzImage(CODE).subarray(0, 2543), "truncated", /2544 bytes but has 2543/],
  ];
  for (const [bytes, code, message] of cases) {
    assert.ok(isBzImage(bytes));
    assert.throws(() => parseBzImage(bytes), { name: "BootError", code, message });
  }
  assert.equal(isBzImage(new Uint8Array(0x205)), false);
  assert.equal(isBzImage(makeBzImage(CODE).subarray(0, 0x205)), false);
});

test("random changes of the header never give anything but a BootError or a kernel in range", () => {
  let seed = 1;
  const random = (below: number): number =>
    ((seed = (Math.imul(seed, 1103515245) + 12345) >>> 0) >>> 8) % below;
  let refused = 0;
  for (let round = 0; round < 3000; round++) {
    const whole = makeBzImage(CODE);
    for (let change = random(4); change >= 0; change--) {
      whole[0x1f1 + random(0x90)] = random(256);
    }
    const file = whole.subarray(0, random(4) === 0 ? random(whole.length) : whole.length);
    try {
      const kernel = parseBzImage(file);
      assert.ok(kernel.code.length > 0 && kernel.memorySize >= kernel.code.length);
      assert.ok(kernel.address >= 2 ** 20 && kernel.address + kernel.memorySize <= 2 ** 32 + 2544);
      assert.ok(kernel.header.length <= 0x290 - SETUP_HEADER_START);
    } catch (error) {
      assert.ok(error instanceof BootError, String(error));
      refused++;
    }
  }
  assert.ok(refused > 500 && refused < 2900, `${refused}`);
});
