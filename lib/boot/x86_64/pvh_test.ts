import assert from "node:assert/strict";
import { test } from "node:test";
import { BootError } from "../boot_error.ts";
import { makeElf } from "../testing/elf.ts";
import { MemoryType } from "./memory_map.ts";
import { makeStartInfo, readPvhElf } from "./pvh.ts";
import { type ElfNote, entryNote, makeNoteElf, makePvhElf } from "./pvh_elf.ts";

const CODE = Uint8Array.of(1, 2, 3, 4);
const AT = 0x10_0000;
const SEGMENTS = [{ address: AT, bytes: CODE, memorySize: 4096 }];
const OTHER: ElfNote = { name: "Linux", type: 18, content: Uint8Array.of(1, 2, 3, 4, 5) };

test("the entry is that of the note, not of the ELF header", () => {
  const program = readPvhElf(makeNoteElf(SEGMENTS, [OTHER, entryNote(AT + 2)]));
  assert.deepEqual(program, {
    entry: AT + 2,
    segments: SEGMENTS,
  });
});

test("a bare program is put at 1 MiB", () => {
  assert.deepEqual(readPvhElf(makePvhElf(CODE)), {
    entry: 0x10_0000,
    segments: [{ address: 0x10_0000, bytes: CODE, memorySize: 4 }],
  });
});

test("notes of all sizes before the entry, an empty one behind it", () => {
  for (let size = 0; size < 9; size++) {
    const before = { name: "x".repeat(size), type: size, content: new Uint8Array(size) };
    const notes = [before, { ...before, name: "y" }, entryNote(AT + size)];
    const after = { name: "", type: 0, content: new Uint8Array(0) };
    assert.equal(readPvhElf(makeNoteElf(SEGMENTS, [...notes, after])).entry, AT + size);
  }
});

test("notes may end the file, and end in the middle of one", () => {
  const elf = makeNoteElf(SEGMENTS, [OTHER, entryNote(AT)]);
  const notes = elf.subarray(64 + 2 * 56, elf.length - CODE.length);
  const moved = new Uint8Array([...elf, ...notes]);
  const view = new DataView(moved.buffer);
  view.setUint32(64 + 8, elf.length, true); // where the notes are
  assert.equal(readPvhElf(moved).entry, AT);
  view.setUint32(64 + 32, notes.length - 1, true); // their size
  assert.throws(() => readPvhElf(moved), { code: "unsupported" });
});

test("an entry of four bytes will do", () => {
  const note = entryNote(AT + 1);
  const elf = makeNoteElf(SEGMENTS, [{ ...note, content: note.content.subarray(0, 4) }]);
  assert.equal(readPvhElf(elf).entry, AT + 1);
});

test("what cannot run is refused with its reason", () => {
  const cut = makeNoteElf(SEGMENTS, [entryNote(AT)]);
  new DataView(cut.buffer).setUint32(64 + 32, 9999, true); // size of the notes
  const cases: readonly [Uint8Array, string, RegExp][] = [
    [makeNoteElf(SEGMENTS, []), "unsupported", /no PVH entry.*CONFIG_PVH/],
    [makeNoteElf(SEGMENTS, [OTHER]), "unsupported", /no PVH entry/],
    [makeNoteElf(SEGMENTS, [{ ...entryNote(AT), type: 17 }]), "unsupported", /no PVH/],
    [
      makeNoteElf(SEGMENTS, [{ ...entryNote(AT), content: CODE.subarray(0, 2) }]),
      "unsupported",
      /no PVH/,
    ],
    [makeNoteElf(SEGMENTS, [entryNote(AT - 1)]), "damaged", /0xfffff lies in none/],
    [makeNoteElf(SEGMENTS, [entryNote(AT + 4096)]), "damaged", /0x101000 lies in none/],
    [makeElf(CODE), "wrong-architecture", /ELF file for AArch64, not for .* x86-64/],
    [cut, "truncated", /cut off/],
  ];
  for (const [bytes, code, message] of cases) {
    assert.throws(() => readPvhElf(bytes), { name: "BootError", code, message });
  }
});

test("random changes never give anything but a BootError or a program", () => {
  let seed = 7;
  const random = (below: number): number =>
    ((seed = (Math.imul(seed, 1103515245) + 12345) >>> 0) >>> 8) % below;
  let refused = 0;
  for (let round = 0; round < 3000; round++) {
    const elf = makeNoteElf(SEGMENTS, [OTHER, entryNote(AT)]);
    for (let change = random(3); change >= 0; change--) {
      elf[4 + random(elf.length - 4)] = random(256);
    }
    try {
      readPvhElf(elf);
    } catch (error) {
      assert.ok(error instanceof BootError, String(error));
      refused++;
    }
  }
  assert.ok(refused > 300 && refused < 2900, `${refused}`);
});

test("hvm_start_info with the offsets of the specification", () => {
  const at = 0x4000;
  const bytes = makeStartInfo(at, {
    memory: [
      { address: 0, size: 0xa0000, type: MemoryType.ram },
      { address: 2 ** 32, size: 2 ** 33, type: MemoryType.acpi },
    ],
    rsdp: 0xe0000,
    cmdline: 0x20000,
    modules: [{ address: 0x123000, size: 0x456 }, { address: 0x789000, size: 0xabc }],
  });
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  const u32 = (offset: number): number => view.getUint32(offset, true);
  const u64 = (offset: number): number => Number(view.getBigUint64(offset, true));
  assert.equal(u32(0), 0x336ec578);
  assert.deepEqual([u32(4), u32(8), u32(12)], [1, 0, 2]);
  const modules = u64(16) - at;
  assert.deepEqual([u64(24), u64(32)], [0x20000, 0xe0000]);
  const memmap = u64(40) - at;
  assert.deepEqual([u32(48), u32(52)], [2, 0]);
  assert.deepEqual([0, 8, 16, 24].map((o) => u64(modules + o)), [0x123000, 0x456, 0, 0]);
  assert.deepEqual([32, 40, 48, 56].map((o) => u64(modules + o)), [0x789000, 0xabc, 0, 0]);
  assert.deepEqual([u64(memmap), u64(memmap + 8), u64(memmap + 16)], [0, 0xa0000, 1]);
  assert.deepEqual([24, 32, 40].map((o) => u64(memmap + o)), [2 ** 32, 2 ** 33, 3]);
  assert.ok(modules >= 56 && memmap >= modules + 64 && bytes.length === memmap + 48);
});

test("without modules their address is 0", () => {
  const bytes = makeStartInfo(0x4000, { memory: [], rsdp: 0, cmdline: 0, modules: [] });
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  assert.deepEqual([view.getUint32(12, true), view.getBigUint64(16, true)], [0, 0n]);
});
