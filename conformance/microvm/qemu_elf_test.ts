import assert from "node:assert/strict";
import { test } from "node:test";
import { planBoot } from "../../lib/boot/x86_64/boot_plan.ts";
import { parseBzImage } from "../../lib/boot/x86_64/bzimage.ts";
import { readPvhElf } from "../../lib/boot/x86_64/pvh.ts";
import { makeBzImage } from "../../lib/boot/x86_64/testing/kernels.ts";
import { microvmAcpi } from "../../lib/machine/microvm_acpi.ts";
import { MicrovmMap, microvmMemory } from "../../lib/machine/microvm_map.ts";
import { qemuElf } from "./qemu_elf.ts";

test("all of a plan is in the program, nothing of it twice, nothing below 1 MiB", () => {
  const plan = planBoot({
    kernel: { kind: "bzimage", image: parseBzImage(makeBzImage(new Uint8Array(100).fill(0x90))) },
    initrd: new Uint8Array(5000).fill(3),
    cmdline: "console=ttyS0",
    memory: microvmMemory(64 * 2 ** 20),
    rsdp: MicrovmMap.acpi,
  });
  const tables = microvmAcpi({ apicIds: [0], virtioSlots: [23] });
  const { entry, segments } = readPvhElf(qemuElf(plan, [tables]));
  for (const { bytes } of [...plan.pieces, tables]) {
    assert.equal(segments.filter((segment) => equal(segment.bytes, bytes)).length, 1);
  }
  const sorted = [...segments].sort((a, b) => a.address - b.address);
  let end = 2 ** 20;
  for (const { address, memorySize } of sorted) {
    assert.ok(address >= end);
    end = address + memorySize;
  }
  assert.equal(segments[0].address, entry);
  // The last instruction: JMP FAR 0x10:entry.
  assert.deepEqual([...segments[0].bytes.slice(-7)], [0xea, 0, 2, 0, 1, 0x10, 0]);
});

function equal(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}
