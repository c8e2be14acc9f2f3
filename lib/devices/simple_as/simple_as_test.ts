import assert from "node:assert/strict";
import { test } from "node:test";
import { Bus } from "../vbus/bus.ts";
import { AccessResult } from "../vbus/device.ts";
import { AddressSpace, type MemoryRegion } from "./address_space.ts";
import { MemoryDevice } from "./memory_device.ts";
import { complement, formatPermissions, PagePermission, permits } from "./page_permission.ts";

const { none, read, write, executeUser, executeSupervisor, all } = PagePermission;

function region(base: number, size: number, options: Partial<MemoryRegion> = {}): MemoryRegion {
  const bytes = Uint8Array.from({ length: size }, (_, i) => i);
  return { base, bytes, guest: all, host: all, ...options };
}

test("permissions: all sixteen sets and their printable forms", () => {
  const texts = ["---", "R--", "-W-", "RW-"].map((text) => text.slice(0, 2));
  for (let set = 0; set < 16; set++) {
    const x = ["-", "XU", "XS", "X"][set >> 2];
    assert.equal(formatPermissions(set), texts[set & 3] + x);
    assert.equal(complement(set), 15 - set);
    assert.equal(permits(set, none), true);
    assert.equal(permits(set, set), true);
    assert.equal(permits(set, all), set === all);
  }
  assert.equal(formatPermissions(read | write), "RW-");
  assert.equal(formatPermissions(read | executeUser), "R-XU");
  assert.equal(formatPermissions(read | write | executeSupervisor), "RWXS");
});

test("regions that are empty, wrap or overlap are refused", () => {
  const space = new AddressSpace();
  assert.ok(space.add(region(0x1000, 0x100)));
  for (
    const [base, size] of [
      [0x2000, 0],
      [-1, 4],
      [0.5, 4],
      [NaN, 4],
      [2 ** 52 - 2, 4],
      [0xf80, 0x81],
      [0x10ff, 1],
      [0, 0x10000],
    ]
  ) assert.equal(space.add(region(base, size)), false, `${base}+${size}`);
  assert.ok(space.add(region(0x1100, 0x10)));
  assert.deepEqual(space.regions.map(({ base }) => base), [0x1000, 0x1100]);
  assert.equal(space.remove(0x1001), false);
  assert.ok(space.remove(0x1000));
  assert.equal(space.contains(0x1000, 1), false);
});

test("ranges may span regions that touch, and no hole", () => {
  const space = new AddressSpace();
  for (const base of [0x100, 0x120, 0x150]) space.add(region(base, 0x20));
  assert.ok(space.contains(0x100, 0x40));
  assert.ok(space.contains(0x11f, 2));
  for (
    const [address, length] of [
      ...[[0xff, 2], [0x13f, 2], [0x13f, 0x12], [0x100, 0x70], [0x140, 1], [0x100, 0]],
      ...[[0x100, -1], [NaN, 1], [0x100, Infinity], [2 ** 53, 1], [256.5, 1]],
    ]
  ) assert.equal(space.contains(address, length), false, `${address}+${length}`);
  assert.equal(space.find(0x11f, 2), undefined);
  assert.equal(space.find(0x11f, 1)?.base, 0x100);
  assert.deepEqual(space.overlapping(0x13f, 0x12).map(({ base }) => base), [0x120, 0x150]);
});

test("reads, writes and fills over several regions, all or nothing", () => {
  const written: [number, number][] = [];
  const note = (address: number, length: number): void => void written.push([address, length]);
  const space = new AddressSpace();
  const [a, b] = [region(0x10, 0x10, { written: note }), region(0x20, 0x10, { written: note })];
  space.add(a);
  space.add(b);
  const into = new Uint8Array(4).fill(0xee);
  assert.ok(space.read(0x1e, into));
  assert.deepEqual([...into], [14, 15, 0, 1]);
  assert.equal(space.read(0x2e, into), false);
  assert.deepEqual([...into], [14, 15, 0, 1], "a refused read leaves the target alone");
  assert.ok(space.write(0x1f, Uint8Array.of(7, 8)));
  assert.deepEqual([a.bytes[15], b.bytes[0]], [7, 8]);
  assert.equal(space.write(0x2f, Uint8Array.of(1, 2)), false);
  assert.equal(b.bytes[15], 15, "a refused write writes nothing");
  assert.ok(space.fill(0x1c, 8, 0xaa));
  assert.deepEqual(written, [[0x1f, 1], [0x20, 1], [0x1c, 4], [0x20, 4]]);
});

test("copies that overlap, over the edge of regions", () => {
  const space = new AddressSpace();
  space.add(region(0, 0x10));
  space.add(region(0x10, 0x10));
  const all32 = (): number[] => {
    const bytes = new Uint8Array(0x20);
    space.read(0, bytes);
    return [...bytes];
  };
  const before = all32();
  assert.ok(space.copy(4, 8, 16));
  assert.deepEqual(all32(), [...before.slice(0, 8), ...before.slice(4, 20), ...before.slice(24)]);
  assert.equal(space.copy(0x18, 0, 16), false);
  assert.equal(space.copy(0, 0x18, 16), false);
});

test("read-only region: a guest's write faults, the host patches it if it may", () => {
  const rom = region(0x1000, 16, { guest: read, host: read | write });
  const fused = region(0x2000, 16, { guest: read, host: read });
  const space = new AddressSpace();
  space.add(rom);
  space.add(fused);
  assert.equal(space.write(0x1000, Uint8Array.of(0xff)), false);
  assert.equal(space.write(0x1000, Uint8Array.of(0xff), "host"), true);
  assert.equal(space.write(0x2000, Uint8Array.of(0xff), "host"), false);
  assert.equal(space.copy(0x2000, 0x1000, 4), false);
  assert.equal(space.copy(0x2000, 0x1000, 4, "host"), true);
  assert.deepEqual([rom.bytes[0], fused.bytes[0]], [0, 0]);

  const bus = new Bus();
  bus.register(new MemoryDevice("rom", rom), rom.base, rom.bytes.length);
  const value = { low: 0, high: 0 };
  assert.equal(bus.read(0x1004, 8, value), AccessResult.ok);
  assert.deepEqual(value, { low: 0x07060504, high: 0x0b0a0908 });
  assert.equal(bus.write(0x1004, 4, 1), AccessResult.refused);
  assert.equal(bus.read(0x100e, 4, value), AccessResult.noDevice);
  assert.deepEqual([...rom.bytes.subarray(4, 8)], [4, 5, 6, 7]);
});

test("a misaligned small read has nothing but its own bytes", () => {
  const bus = new Bus();
  bus.register(new MemoryDevice("ram", region(0, 16)), 0, 16);
  const value = { low: 0xffffffff, high: 0xffffffff };
  for (
    const [address, size, expected] of [[1, 1, 1], [3, 2, 0x0403], [5, 4, 0x08070605]] as const
  ) {
    assert.equal(bus.read(address, size, value), AccessResult.ok);
    assert.deepEqual(value, { low: expected, high: 0 });
  }
});

test("RAM on a bus: state and restore, writes are told", () => {
  const written: number[] = [];
  const memory = region(0x100, 8, { written: (address) => written.push(address) });
  const device = new MemoryDevice("ram", memory);
  const bus = new Bus();
  bus.register(device, 0x100, 8);
  const saved = structuredClone(device.state());
  bus.write(0x102, 2, 0xbeef);
  bus.write(0x104, 1, 0x77);
  assert.deepEqual([...memory.bytes], [0, 1, 0xef, 0xbe, 0x77, 5, 6, 7]);
  assert.deepEqual(written, [0x102, 0x104]);
  bus.reset();
  assert.equal(memory.bytes[4], 0x77, "memory survives a reset");
  device.restore(saved);
  assert.deepEqual([...memory.bytes], [0, 1, 2, 3, 4, 5, 6, 7]);
  assert.throws(() => device.restore(new Uint8Array(7)), TypeError);
  const rom = new MemoryDevice("rom", region(0, 8, { guest: read }));
  assert.equal(rom.state(), null);
  assert.throws(() => rom.restore(new Uint8Array(8)), TypeError);
});
