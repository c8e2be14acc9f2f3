import assert from "node:assert/strict";
import { test } from "node:test";
import { ramBytes } from "../boot/x86_64/memory_map.ts";
import {
  MICROVM_VIRTIO_SLOTS,
  microvmDevices,
  MicrovmMap,
  microvmMemory,
  microvmVirtio,
} from "./microvm_map.ts";

const MIB = 2 ** 20;
const GIB = 2 ** 30;

test("RAM leaves out the video window, the ACPI tables and the devices", () => {
  assert.deepEqual(microvmMemory(512 * MIB), [
    { address: 0, size: 0xa0000, type: 1 },
    { address: 0xe0000, size: 0x20000, type: 3 },
    { address: MIB, size: 511 * MIB, type: 1 },
  ]);
  assert.deepEqual(microvmMemory(3 * GIB + 4096).slice(2), [
    { address: MIB, size: 3 * GIB - MIB, type: 1 },
    { address: 4 * GIB, size: 4096, type: 1 },
  ]);
  assert.equal(microvmMemory(3 * GIB).length, 3);
  assert.equal(ramBytes(microvmMemory(5 * GIB)), 5 * GIB - 0x60000);
  for (const memory of [MIB, 0, NaN]) assert.throws(() => microvmMemory(memory), RangeError);
});

test("no two devices share an address, a port or an interrupt", () => {
  const slots = Array.from({ length: MICROVM_VIRTIO_SLOTS }, (_, i) => i);
  const devices = microvmDevices(slots);
  for (const key of ["memory", "ports"] as const) {
    const ranges = devices.flatMap((device) => device[key] ?? []);
    ranges.sort((a, b) => a.address - b.address);
    ranges.forEach(({ address }, i) => {
      const before = ranges[i - 1];
      assert.ok(before === undefined || before.address + before.size <= address);
    });
  }
  assert.equal(new Set(devices.map(({ gsi }) => gsi)).size, devices.length);
  assert.equal(new Set(devices.map(({ name }) => name)).size, devices.length);
});

test("virtio-mmio slots are where QEMU has them", () => {
  assert.deepEqual(microvmVirtio(23), {
    name: "VR23",
    id: "LNRO0005",
    uid: 23,
    memory: { address: 0xfeb0_2e00, size: 0x200 },
    gsi: 47,
    dma: true,
  });
  const last = microvmVirtio(MICROVM_VIRTIO_SLOTS - 1).memory;
  assert.ok(last !== undefined && last.address + last.size <= MicrovmMap.ioApic);
  for (const slot of [-1, 24, NaN]) assert.throws(() => microvmVirtio(slot), RangeError);
});
