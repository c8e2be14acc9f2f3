import assert from "node:assert/strict";
import { test } from "node:test";
import type { Segment } from "../elf.ts";
import { type BootPlan, type BootRequest, planBoot } from "./boot_plan.ts";
import { parseBzImage } from "./bzimage.ts";
import { type MemoryMap, MemoryType } from "./memory_map.ts";
import { readPvhElf } from "./pvh.ts";
import { getField, SetupField } from "./setup_header.ts";
import { entryNote, makeNoteElf } from "./pvh_elf.ts";
import { type Header, makeBzImage } from "./testing/kernels.ts";

const MIB = 2 ** 20;
const CODE = new Uint8Array(1024).fill(0x90);
const MEMORY = ramOf(64 * MIB);

function ramOf(bytes: number): MemoryMap {
  return [
    { address: 0, size: 0xa0000, type: MemoryType.ram },
    { address: 0xe0000, size: 0x20000, type: MemoryType.acpi },
    { address: MIB, size: bytes - MIB, type: MemoryType.ram },
  ];
}

function linux(request: Partial<BootRequest> = {}, header?: Header): BootPlan {
  const kernel = { kind: "bzimage", image: parseBzImage(makeBzImage(CODE, header)) } as const;
  return planBoot({ kernel, cmdline: "", memory: MEMORY, rsdp: 0, ...request });
}

function pvh(request: Partial<BootRequest> = {}, address: number = MIB): BootPlan {
  const segments = [{ address, bytes: CODE, memorySize: 4096 }];
  const program = readPvhElf(makeNoteElf(segments, [entryNote(address)]));
  const kernel = { kind: "pvh", program } as const;
  return planBoot({ kernel, cmdline: "", memory: MEMORY, rsdp: 0, ...request });
}

function at(plan: BootPlan, address: number): Segment {
  const found = plan.pieces.find((piece) => piece.address === address);
  assert.ok(found !== undefined, `nothing at 0x${address.toString(16)}`);
  return found;
}

function view({ bytes }: Segment): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
}

function text({ bytes }: Segment): string {
  return new TextDecoder().decode(bytes);
}

test("Linux gets kernel, boot_params, command line, initrd, page tables and GDT", () => {
  const initrd = new Uint8Array(5000).fill(3);
  const plan = linux({ cmdline: "console=ttyS0 ü", initrd, rsdp: 0xe0000 });
  const { state } = plan;
  assert.equal(state.rip, 0x100_0200);
  assert.deepEqual(at(plan, 0x100_0000), {
    address: 0x100_0000,
    bytes: CODE,
    memorySize: 0x20_0000,
  });
  const params = at(plan, state.general.rsi ?? -1);
  assert.equal(params.bytes.length, 4096);
  const get = (field: SetupField): number => getField(view(params), field);
  // The header is the file's, all before it but what is set below is zero: the sentinel too.
  assert.equal(get(SetupField.header), 0x5372_6448);
  assert.equal(get(SetupField.init_size), 0x20_0000);
  assert.equal(params.bytes[0x1ef], 0);
  assert.equal(get(SetupField.type_of_loader), 0xff);
  assert.equal(get(SetupField.acpi_rsdp_addr), 0xe0000);
  assert.equal(text(at(plan, get(SetupField.cmd_line_ptr))), "console=ttyS0 ü\0");
  assert.deepEqual(at(plan, get(SetupField.ramdisk_image)).bytes, initrd);
  assert.equal(get(SetupField.ramdisk_image), 64 * MIB - 8192);
  assert.equal(get(SetupField.ramdisk_size), 5000);
  assert.equal(get(SetupField.setup_data), 0);
  assert.equal(get(SetupField.e820_entries), 3);
  MEMORY.forEach(({ address, size, type }, i) => {
    const entry = 0x2d0 + i * 20;
    assert.equal(view(params).getBigUint64(entry, true), BigInt(address));
    assert.equal(view(params).getBigUint64(entry + 8, true), BigInt(size));
    assert.equal(view(params).getUint32(entry + 16, true), type);
  });
  assert.equal(at(plan, state.cr3).bytes.length, 6 * 4096);
  assert.equal(at(plan, state.gdtr.base).bytes.length, state.gdtr.limit + 1);
});

test("a kernel without the 64-bit entry starts at its first byte, without page tables", () => {
  const plan = linux({}, { xloadflags: 0 });
  assert.equal(plan.state.rip, 0x100_0000);
  assert.equal(plan.state.cr3, 0);
  assert.equal(plan.pieces.some(({ bytes }) => bytes.length === 6 * 4096), false);
});

test("a seed is passed as struct setup_data of type SETUP_RNG_SEED", () => {
  const plan = linux({ rngSeed: Uint8Array.of(9, 8, 7) });
  const params = view(at(plan, plan.state.general.rsi ?? -1));
  const data = at(plan, getField(params, SetupField.setup_data));
  assert.deepEqual([...data.bytes], [...Array(8).fill(0), 9, 0, 0, 0, 3, 0, 0, 0, 9, 8, 7]);
});

test("an initrd stays below the header's limit", () => {
  const plan = linux({ initrd: CODE }, { initrd_addr_max: 0x2ff_ffff });
  assert.deepEqual(at(plan, 0x300_0000 - 4096).bytes, CODE);
});

test("PVH gets its segments, hvm_start_info, command line, the initrd as a module", () => {
  const initrd = new Uint8Array(5000).fill(3);
  const plan = pvh({ cmdline: "x", initrd, rsdp: 0xe0000 });
  assert.equal(plan.state.rip, MIB);
  assert.equal(plan.state.cr0, 0x11);
  assert.deepEqual(at(plan, MIB), { address: MIB, bytes: CODE, memorySize: 4096 });
  const info = at(plan, plan.state.general.rbx ?? -1);
  const u64 = (offset: number): number => Number(view(info).getBigUint64(offset, true));
  assert.equal(u64(32), 0xe0000);
  assert.equal(text(at(plan, u64(24))), "x\0");
  const module = u64(16) - info.address;
  assert.deepEqual(at(plan, u64(module)).bytes, initrd);
  assert.equal(u64(module + 8), 5000);
  assert.equal(view(info).getUint32(48, true), MEMORY.length);
});

test("pieces ascend, do not overlap, and lie in RAM", () => {
  const request = { initrd: CODE, rngSeed: CODE, cmdline: "a".repeat(2047) };
  for (const { pieces } of [linux(request), pvh(request)]) {
    let end = 0;
    for (const { address, memorySize, bytes } of pieces) {
      assert.ok(address >= end && memorySize >= bytes.length);
      end = address + memorySize;
      assert.ok(end <= 0xa0000 || (address >= MIB && end <= 64 * MIB));
    }
  }
});

test("what does not fit is refused with the remedy", () => {
  const cases: readonly [() => BootPlan, string, RegExp][] = [
    [
      () => linux({ memory: ramOf(17 * MIB) }),
      "too-little-memory",
      /0x1000000 to 0x1200000; give more than 17 MiB/,
    ],
    [
      () => linux({ initrd: new Uint8Array(2 * MIB), memory: ramOf(19 * MIB) }),
      "too-little-memory",
      /ends at 0x1200000, and an initrd of 2 MiB below 0x80000000; give at least 21 MiB/,
    ],
    [
      () => linux({ initrd: CODE }, { initrd_addr_max: 0x120_0000 }),
      "too-little-memory",
      /below 0x1200001/,
    ],
    [() => linux({ cmdline: "a".repeat(2048) }), "too-large", /2048 bytes.*takes 2047/],
    [() => pvh({ cmdline: "a".repeat(65536) }), "too-large", /takes 65535/],
    [
      () => linux({ cmdline: "a".repeat(65536) }, { cmdline_size: 0xffff_ffff }),
      "too-large",
      /takes 65535/,
    ],
    [() => pvh({}, 0x3800), "overlap", /0x4000, .* up to 0x4800; link it to 1 MiB or above/],
    [() => pvh({}, 0x1f800), "overlap", /0x20000, where something else is up to 0x20800/],
    [() => pvh({}, 0xe0000), "overlap", /not RAM/],
    [() => pvh({}, 63 * MIB + 0xff001), "too-little-memory", /give more than 64 MiB/],
    [
      () => pvh({ initrd: new Uint8Array(MIB), memory: ramOf(2 * MIB) }),
      "too-little-memory",
      /ends at 0x101000, and an initrd of 1 MiB below 0x100000000; give at least 3 MiB/,
    ],
    [() => pvh({ memory: ramOf(MIB + 4095) }), "too-little-memory", /0x100000 to 0x101000/],
    [() => pvh({}, 0xffff_f000), "too-little-memory", /0xfffff000 to 0x100000000/],
    [() => pvh({}, 0xffff_f800), "overlap", /not RAM/],
  ];
  for (const [plan, code, message] of cases) {
    assert.throws(plan, { name: "BootError", code, message });
  }
});

test("the memory map has at most 128 ranges", () => {
  const map = (ranges: number): MemoryMap => [
    ...MEMORY,
    ...Array.from({ length: ranges - MEMORY.length }, (_, i) => ({
      address: 2 ** 32 + i * 8192,
      size: 4096,
      type: MemoryType.ram,
    })),
  ];
  for (const make of [linux, pvh]) {
    assert.ok(make({ memory: map(128) }).pieces.length > 0);
    assert.throws(() => make({ memory: map(129) }), RangeError);
  }
});
