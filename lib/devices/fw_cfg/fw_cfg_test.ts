import assert from "node:assert/strict";
import { test } from "node:test";
import { GuestMemory } from "../../engine/guest_memory.ts";
import { VirtualClock } from "../../platform/clock.ts";
import { Bus } from "../vbus/bus.ts";
import type { DeviceState } from "../vbus/device.ts";
import { FW_CFG_SIZE, FwCfg } from "./fw_cfg.ts";
import { MAX_FW_CFG_FILES } from "../../config/fw_cfg_config.ts";
import { type FwCfgFile, fwCfgItems, FwCfgKey } from "./items.ts";

const RAM = 0x40000000;
const RAM_SIZE = 8 << 20;
const ERROR = 1, READ = 2, SKIP = 4, SELECT = 8, WRITE = 16;
/** Where tests put their access structures. */
const ACCESS = RAM + 0x100;

const big = new Uint8Array(3 << 20).map((_, i) => (i * 7) ^ (i >>> 8));
const FILES: readonly FwCfgFile[] = [
  { name: "opt/org.example/text", bytes: new TextEncoder().encode("hello") },
  { name: "opt/org.example/big", bytes: big },
];
const BIG = FwCfgKey.FILE_FIRST;
const TEXT = FwCfgKey.FILE_FIRST + 1;

function make() {
  const clock = new VirtualClock();
  const memory = new GuestMemory(new Uint8Array(RAM_SIZE).fill(0xee), RAM);
  const device = new FwCfg({ items: fwCfgItems(4, FILES), memory, clock });
  const bus = new Bus();
  bus.register(device, 0, FW_CFG_SIZE);
  const value = { low: 0, high: 0 };
  const read = (offset: number, size: 1 | 2 | 4 | 8): number => {
    bus.read(offset, size, value);
    return value.high * 2 ** 32 + value.low;
  };
  const swap = (n: number, bytes: number): number => {
    const view = new DataView(new ArrayBuffer(8));
    view.setUint32(0, n);
    return bytes === 2 ? view.getUint16(2, true) : view.getUint32(0, true);
  };
  const select = (key: number): void => void bus.write(8, 2, swap(key, 2));
  const bytes = (n: number): number[] => Array.from({ length: n }, () => read(0, 1));
  /** Starts a DMA; gives the control word after it. */
  const dma = (control: number, length: number, address: number, at = ACCESS): number => {
    const structure = new DataView(new ArrayBuffer(16));
    structure.setUint32(0, control);
    structure.setUint32(4, length);
    structure.setBigUint64(8, BigInt(address));
    memory.write(at, new Uint8Array(structure.buffer));
    bus.write(16, 8, swap(Math.floor(at / 2 ** 32), 4), swap(at % 2 ** 32, 4));
    return result(at);
  };
  const result = (at = ACCESS): number =>
    new DataView(memory.slice(at, 4)?.slice().buffer ?? new ArrayBuffer(4)).getUint32(0);
  const ram = (address: number, length: number): number[] => [
    ...memory.slice(address, length) ?? [],
  ];
  return { clock, memory, device, bus, read, select, bytes, dma, result, ram };
}

test("signature, features and the DMA register say what it is", () => {
  const { read, select, bytes } = make();
  select(FwCfgKey.SIGNATURE);
  assert.equal(String.fromCharCode(...bytes(4)), "QEMU");
  select(FwCfgKey.ID);
  assert.equal(read(0, 4), 3);
  assert.deepEqual([read(16, 4), read(20, 4)], [0x554d4551, 0x47464320]);
  assert.deepEqual([read(17, 1), read(22, 2)], [0x45, 0x4746]);
  select(FwCfgKey.NB_CPUS);
  assert.equal(read(0, 2), 4);
});

test("the directory: big-endian count, and size, number and name of each file by name", () => {
  const { select, bytes } = make();
  select(FwCfgKey.FILE_DIR);
  const view = new DataView(Uint8Array.from(bytes(4 + 2 * 64)).buffer);
  const entry = (n: number): unknown[] => [
    view.getUint32(4 + n * 64),
    view.getUint16(8 + n * 64),
    new TextDecoder().decode(new Uint8Array(view.buffer, 12 + n * 64, 56)).replace(/\0*$/, ""),
  ];
  assert.equal(view.getUint32(0), 2);
  assert.deepEqual(entry(0), [big.length, BIG, "opt/org.example/big"]);
  assert.deepEqual(entry(1), [5, TEXT, "opt/org.example/text"]);
});

test("DATA gives the bytes in their order at any size, zeros at the end, and again from the start", () => {
  const { bus, read, select, bytes } = make();
  select(TEXT);
  assert.deepEqual(bytes(8), [0x68, 0x65, 0x6c, 0x6c, 0x6f, 0, 0, 0]);
  select(TEXT);
  assert.equal(read(0, 2), 0x6568);
  assert.equal(read(0, 4), 0x006f6c6c);
  select(BIG);
  const expected = new DataView(big.buffer);
  assert.equal(read(0, 8), Number(expected.getBigUint64(0, true)));
  bus.write(0, 4, 0xffffffff);
  assert.equal(read(0, 1), big[8]);
});

test("an item that does not exist reads as zeros", () => {
  const { read, select, dma, ram } = make();
  for (const key of [0x7777, 0xffff, 0x4000, 0x8020]) {
    select(key);
    assert.equal(read(0, 4), 0);
  }
  assert.equal(dma(READ, 4, RAM), 0);
  assert.deepEqual(ram(RAM, 5), [0, 0, 0, 0, 0xee]);
});

test("only a selector of two bytes selects", () => {
  const { bus, read, select } = make();
  select(TEXT);
  bus.write(8, 4, 0);
  bus.write(8, 1, 0);
  bus.write(9, 2, 0);
  assert.equal(read(8, 2), 0);
  assert.equal(read(0, 1), 0x68);
});

test("DMA selects, skips and reads; beyond the end it writes zeros", () => {
  const { dma, ram, bytes } = make();
  assert.equal(dma(SELECT | READ | (TEXT << 16), 2, RAM), 0);
  assert.deepEqual(ram(RAM, 3), [0x68, 0x65, 0xee]);
  assert.equal(dma(SKIP, 1, 0), 0);
  assert.equal(dma(READ, 4, RAM + 8), 0);
  assert.deepEqual(ram(RAM + 8, 5), [0x6c, 0x6f, 0, 0, 0xee]);
  assert.equal(dma(SELECT | SKIP | (TEXT << 16), 0xffffffff, 0), 0);
  assert.deepEqual(bytes(1), [0]);
  // Selecting alone is no error either.
  assert.equal(dma(SELECT | (TEXT << 16), 0, 0), 0);
  assert.deepEqual(bytes(1), [0x68]);
});

test("whoever watches memory hears of what DMA writes", () => {
  const { clock, dma, memory } = make();
  const heard: [number, number][] = [];
  memory.observe((address, length) => heard.push([address, length]));
  dma(SELECT | READ | (TEXT << 16), 5, RAM + 0x2000);
  dma(SELECT | READ | (BIG << 16), (1 << 20) + 7, RAM + 0x3000);
  clock.advance(1e6);
  for (const [address, length] of [[0x2000, 5], [0x3000, 1 << 20], [0x103000, 7]]) {
    assert.ok(heard.some(([a, n]) => a === RAM + address && n === length), address.toString(16));
  }
});

test("the upper half of a DMA address counts once", () => {
  const { bus, memory, result } = make();
  memory.write(ACCESS, Uint8Array.of(0, 0, 0, SKIP, 0, 0, 0, 0));
  bus.write(16, 4, 0x01000000);
  bus.write(20, 4, 0);
  bus.write(20, 4, 0x00010040);
  assert.equal(result(), 0);
});

test("DMA writes are errors, and so is what is not RAM", () => {
  const { dma, ram, memory } = make();
  assert.equal(dma(SELECT | WRITE | (TEXT << 16), 2, RAM), ERROR);
  const outside = [RAM - 1, RAM + RAM_SIZE - 4095, 0, 2 ** 52, 2 ** 63];
  for (const address of outside) {
    assert.equal(dma(SELECT | READ | (TEXT << 16), 4096, address), ERROR);
  }
  assert.equal(dma(READ, 0xffffffff, RAM), ERROR);
  assert.deepEqual(ram(RAM, 4), [0xee, 0xee, 0xee, 0xee]);
  // Where there is no structure, nothing happens.
  const before = memory.bytes.slice();
  const { bus } = make();
  for (const at of [0, RAM + RAM_SIZE - 15, 2 ** 32 - 16]) bus.write(20, 4, at);
  assert.deepEqual(memory.bytes, before);
});

test("long DMA is done in pieces between slices, and only its end shows in the structure", () => {
  const { clock, dma, result, ram, memory } = make();
  const command = SELECT | READ | (BIG << 16);
  assert.equal(dma(command, 3 << 20, RAM + 0x1000), command);
  assert.deepEqual(ram(RAM + 0x1000, 2), [0xee, 0xee]);
  clock.advance(250_000);
  assert.equal(result(), command);
  assert.deepEqual(ram(RAM + 0x1000 + (2 << 20) - 1, 2), [big[(2 << 20) - 1], 0xee]);
  // Another one meanwhile is an error and does no harm.
  assert.equal(dma(READ, 4, RAM, RAM + 0x200), ERROR);
  clock.advance(50_000);
  assert.equal(result(), 0);
  assert.deepEqual(memory.slice(RAM + 0x1000, big.length), big);
});

test("selecting ends a long DMA with an error, reset without a word", () => {
  const { clock, device, dma, result, select, bytes } = make();
  dma(SELECT | READ | (BIG << 16), 1 << 20, RAM + 0x1000);
  select(TEXT);
  assert.equal(result(), ERROR);
  assert.deepEqual(bytes(2), [0x68, 0x65]);
  const command = SELECT | READ | (BIG << 16);
  dma(command, 1 << 20, RAM + 0x1000);
  device.reset();
  clock.advance(1e6);
  assert.equal(result(), command);
  assert.equal(clock.nextDeadline(), Infinity);
});

test("state and restore in the middle of a long DMA", () => {
  const first = make();
  const command = SELECT | READ | (BIG << 16);
  first.dma(command, (2 << 20) + 5, RAM + 0x1000);
  first.clock.advance(100_000);
  const saved = structuredClone(first.device.state());
  const second = make();
  second.memory.bytes.set(first.memory.bytes);
  second.clock.advance(12345);
  second.device.restore(saved);
  assert.deepEqual(second.device.state(), saved);
  for (const { clock } of [first, second]) clock.advance(1e6);
  assert.equal(second.result(), 0);
  assert.deepEqual(second.memory.bytes, first.memory.bytes);
  assert.deepEqual(second.bytes(1), [big[(2 << 20) + 5]]);
  const record = saved as { [key: string]: DeviceState };
  const refused: DeviceState[] = [
    null,
    {},
    { ...record, offset: big.length + 1 },
    { ...record, transfer: [ACCESS, RAM, RAM_SIZE + 1] },
    { ...record, transfer: [0, RAM, 5] },
    { ...record, transfer: [ACCESS, RAM] },
  ];
  for (const bad of refused) assert.throws(() => second.device.restore(bad), TypeError);
});

test("files that cannot be are refused when the items are made", () => {
  const bytes = new Uint8Array(1);
  const items = (...names: string[]) => () => fwCfgItems(1, names.map((name) => ({ name, bytes })));
  assert.throws(items(""), RangeError);
  assert.throws(items("a b"), RangeError);
  assert.throws(items("ü"), RangeError);
  assert.throws(items("x".repeat(56)), RangeError);
  assert.throws(items("x", "y", "x"), RangeError);
  const many = Array.from({ length: MAX_FW_CFG_FILES + 1 }, (_, i) => `opt/${i}`);
  assert.throws(items(...many), RangeError);
  assert.doesNotThrow(items("x".repeat(55), ...many.slice(0, MAX_FW_CFG_FILES - 1)));
});

test("fuzz: no access throws, no DMA leaves RAM, at most one deadline", () => {
  const { clock, device, bus, memory, read } = make();
  let seed = 4711;
  const random = (n: number): number => {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
    return Math.floor(seed / 2 ** 32 * n);
  };
  const sizes = [1, 2, 4, 8] as const;
  for (let i = 0; i < 20_000; i++) {
    const offset = random(FW_CFG_SIZE);
    const size = sizes[random(4)];
    if (random(3) === 0) read(offset, size);
    else bus.write(offset, size, random(2 ** 32), random(2 ** 32));
    if (random(4) === 0) {
      const structure = new DataView(new ArrayBuffer(16));
      structure.setUint32(0, (random(0x24) << 16) | random(32));
      structure.setUint32(4, random(8) === 0 ? random(2 ** 32) : random(10_000));
      structure.setUint32(12, RAM + random(RAM_SIZE + 10_000));
      memory.write(ACCESS, new Uint8Array(structure.buffer));
      bus.write(16, 8, 0, 0x00010040);
    }
    if (random(50) === 0) clock.advance(random(300_000));
    if (random(500) === 0) device.reset();
    if (random(100) === 0) device.restore(structuredClone(device.state()));
  }
  device.shutdown();
  assert.equal(clock.nextDeadline(), Infinity);
});
