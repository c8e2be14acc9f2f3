import assert from "node:assert/strict";
import { test } from "node:test";
import { makeImage } from "../image.ts";
import { readX86Kernel } from "./kernel.ts";
import { entryNote, makeNoteElf } from "./pvh_elf.ts";
import { makeBzImage } from "./testing/kernels.ts";

const CODE = new Uint8Array(64).fill(0x90);
const MIB = 2 ** 20;
const LIMIT = 16 * MIB;

async function gzip(bytes: Uint8Array): Promise<Uint8Array> {
  const stream = new Blob([new Uint8Array(bytes)]).stream().pipeThrough(
    new CompressionStream("gzip"),
  );
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

test("bzImages and ELF programs are known, also packed", async () => {
  const kinds = [
    [makeBzImage(CODE), "bzimage"],
    [makeNoteElf([{ address: MIB, bytes: CODE, memorySize: 64 }], [entryNote(MIB)]), "pvh"],
  ] as const;
  for (const [bytes, kind] of kinds) {
    assert.equal((await readX86Kernel(bytes, LIMIT)).kind, kind);
    assert.equal((await readX86Kernel(await gzip(bytes), LIMIT)).kind, kind);
  }
});

test("another kind of file is called by its name", async () => {
  const image = makeImage(CODE);
  await assert.rejects(readX86Kernel(image, LIMIT), {
    name: "BootError",
    code: "bad-magic",
    message: /this is a Linux arm64 Image, not a Linux bzImage.*, or set arch to aarch64$/,
  });
  await assert.rejects(readX86Kernel(await gzip(image), LIMIT), {
    message: /gzip of a Linux arm64 Image/,
  });
});
