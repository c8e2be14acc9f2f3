import assert from "node:assert/strict";
import { test } from "node:test";
import { placeLinux, placeProgram } from "./placement.ts";

const MIB = 2 ** 20;
const base = { ramBase: 0x40000000, ramSize: 512 * MIB, textOffset: 0, imageSize: 30 * MIB };

test("kernel, initrd and device tree lie where QEMU's virt board puts them", () => {
  assert.deepEqual(placeLinux({ ...base, initrdSize: 7_654_321 }), {
    kernel: 0x40200000,
    initrd: 0x48000000,
    dtb: 0x48800000,
  });
  assert.deepEqual(placeLinux({ ...base, textOffset: 0x80000, initrdSize: 0 }), {
    kernel: 0x40080000,
    initrd: undefined,
    dtb: 0x48000000,
  });
});

test("whatever fits lies in RAM without overlap and aligned", () => {
  let placed = 0;
  for (const ramSize of [8, 16, 33, 64, 100, 512, 3072]) {
    for (const imageSize of [100, MIB, 13 * MIB + 5, 60 * MIB]) {
      for (const initrdSize of [0, 1, 5 * MIB + 1, 40 * MIB, 300 * MIB]) {
        const request = { ...base, ramSize: ramSize * MIB, imageSize, initrdSize };
        let at;
        try {
          at = placeLinux(request);
        } catch {
          continue;
        }
        placed++;
        assert.equal(at.kernel % (2 * MIB), 0);
        assert.equal(at.dtb % (2 * MIB), 0);
        assert.ok(at.dtb + 64 * 1024 <= base.ramBase + ramSize * MIB);
        const initrd = at.initrd ?? at.dtb;
        assert.equal(initrd % 4096, 0);
        assert.ok(at.kernel + imageSize <= initrd && initrd + initrdSize <= at.dtb);
      }
    }
  }
  assert.ok(placed > 60);
});

test("too little memory: the message says how much is needed, and that much is enough", () => {
  const request = { ...base, ramSize: 32 * MIB, initrdSize: 40 * MIB };
  assert.throws(() => placeLinux(request), { code: "too-little-memory", message: /74 MiB$/ });
  assert.ok(placeLinux({ ...request, ramSize: 74 * MIB }));
});

test("a program has its device tree at the start of RAM, or behind it when there is no room", () => {
  const request = { ramBase: 0x40000000, ramSize: 64 * MIB, initrdSize: 0, dtbSize: 8192 };
  const at = (address: number): { segments: { address: number; memorySize: number }[] } => ({
    segments: [{ address, memorySize: MIB }],
  });
  assert.deepEqual(placeProgram({ ...request, ...at(0x40080000) }), {
    initrd: undefined,
    dtb: 0x40000000,
  });
  assert.deepEqual(placeProgram({ ...request, ...at(0x40000000), initrdSize: 5 }), {
    initrd: 0x40100000,
    dtb: 0x40200000,
  });
  assert.throws(() => placeProgram({ ...request, ...at(0) }), {
    code: "overlap",
    message: /0x0 to 0x100000, RAM is from 0x40000000/,
  });
  assert.throws(() => placeProgram({ ...request, ...at(0x43f80000) }), { code: "overlap" });
  assert.throws(() => placeProgram({ ...request, ...at(0x40000000), initrdSize: 63 * MIB }), {
    code: "too-little-memory",
    message: /at least 65 MiB/,
  });
});
