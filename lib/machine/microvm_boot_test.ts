import assert from "node:assert/strict";
import { test } from "node:test";
import { BootError } from "../boot/boot_error.ts";
import { readX86Kernel } from "../boot/x86_64/kernel.ts";
import { LowMemory } from "../boot/x86_64/low_memory.ts";
import { entryNote, makeNoteElf } from "../boot/x86_64/pvh_elf.ts";
import { makeBzImage } from "../boot/x86_64/testing/kernels.ts";
import { GuestMemory } from "../engine/guest_memory.ts";
import { loadMicrovm, type MicrovmBootRequest } from "./microvm_boot.ts";
import { MicrovmMap } from "./microvm_map.ts";

const MIB = 2 ** 20;
const ENTRY = 0x20_0000;

async function request(file: Uint8Array, initrd?: Uint8Array): Promise<MicrovmBootRequest> {
  return {
    kernel: await readX86Kernel(file, 64 * MIB),
    initrd,
    cmdline: "console=ttyS0",
    cpus: 2,
    virtioSlots: [23],
    rngSeed: new Uint8Array(32).fill(5),
  };
}

/** Memory in which nothing is zero. */
function dirtyMemory(bytes: number): GuestMemory {
  return new GuestMemory(new Uint8Array(bytes).fill(0xee), 0);
}

test("kernel, initrd, tables and boot data are in RAM, and what the kernel's file leaves out is zero", async () => {
  const code = Uint8Array.of(0xf4, 0xeb, 0xfd);
  const elf = makeNoteElf([{ address: ENTRY, bytes: code, memorySize: 4096 }], [entryNote(ENTRY)]);
  const memory = dirtyMemory(16 * MIB);
  const initrd = new Uint8Array(5000).fill(3);
  const state = loadMicrovm(memory, await request(elf, initrd));
  assert.equal(state.rip, ENTRY);
  assert.deepEqual(memory.bytes.subarray(ENTRY, ENTRY + 3), code);
  assert.ok(memory.bytes.subarray(ENTRY + 3, ENTRY + 4096).every((byte) => byte === 0));
  assert.equal(memory.bytes[ENTRY + 4096], 0xee);
  const text = (address: number, length: number): string =>
    new TextDecoder().decode(memory.bytes.slice(address, address + length));
  assert.equal(text(MicrovmMap.acpi, 8), "RSD PTR ");
  assert.equal(text(LowMemory.commandLine, 14), "console=ttyS0\0");
  // hvm_start_info: magic, and the initrd as the first module.
  const view = new DataView(memory.bytes.buffer);
  assert.equal(view.getUint32(state.general.rbx ?? 0, true), 0x336ec578);
  const modules = Number(view.getBigUint64((state.general.rbx ?? 0) + 16, true));
  const address = Number(view.getBigUint64(modules, true));
  assert.deepEqual(memory.bytes.slice(address, address + 5000), initrd);
});

test("a bzImage begins in 64-bit mode with its boot_params", async () => {
  const memory = dirtyMemory(32 * MIB);
  const state = loadMicrovm(memory, await request(makeBzImage(new Uint8Array(600).fill(0x90))));
  assert.deepEqual([state.rip, state.general.rsi], [0x100_0200, LowMemory.bootParams]);
  const view = new DataView(memory.bytes.buffer);
  assert.equal(view.getBigUint64(LowMemory.bootParams + 0x70, true), BigInt(MicrovmMap.acpi));
});

test("a kernel that does not fit is refused", async () => {
  const big = makeBzImage(new Uint8Array(600), { init_size: 40 * MIB });
  const wanted = await request(big);
  assert.throws(() => loadMicrovm(dirtyMemory(32 * MIB), wanted), BootError);
});
