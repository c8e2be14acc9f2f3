import assert from "node:assert/strict";
import { test } from "node:test";
import { highestRam, isRam, type MemoryMap, MemoryType, ramBytes } from "./memory_map.ts";

const MAP: MemoryMap = [
  { address: 0, size: 0xa0000, type: MemoryType.ram },
  { address: 0xe0000, size: 0x20000, type: MemoryType.acpi },
  { address: 0x100000, size: 0x100000, type: MemoryType.ram },
  { address: 0x400000, size: 0x2800, type: MemoryType.ram },
];

test("RAM is what one range of usable memory holds whole", () => {
  assert.ok(isRam(MAP, 0, 0xa0000));
  assert.ok(isRam(MAP, 0x1fffff, 1));
  for (const [address, size] of [[0, 0xa0001], [0xe0000, 16], [0xfffff, 2], [0x200000, 1]]) {
    assert.equal(isRam(MAP, address, size), false, address.toString(16));
  }
  assert.equal(ramBytes(MAP), 0xa0000 + 0x100000 + 0x2800);
});

test("the highest place is aligned, below the limit, above the floor", () => {
  const at = (size: number, floor: number, limit: number): number | undefined =>
    highestRam(MAP, size, { floor, limit, alignment: 4096 });
  assert.equal(at(4096, 0, 2 ** 32), 0x401000);
  assert.equal(at(0x2800, 0, 2 ** 32), 0x400000);
  assert.equal(at(0x2801, 0, 2 ** 32), 0x1fd000);
  assert.equal(at(4096, 0, 0x401fff), 0x400000);
  assert.equal(at(4096, 0x1ff000, 0x400fff), 0x1ff000);
  assert.equal(at(4096, 0x1ff001, 0x400fff), undefined);
  assert.equal(at(0x100001, 0, 2 ** 32), undefined);
});
