import assert from "node:assert/strict";
import { test } from "node:test";
import { gzipSync } from "node:zlib";
import { makeBzImage } from "../../lib/boot/x86_64/testing/kernels.ts";
import { extractVmlinux } from "./vmlinux.ts";

const OFFSET = 0x2cc;

function bzImage(payload: Uint8Array, length = payload.length): Uint8Array {
  const code = new Uint8Array(OFFSET + payload.length + 64).fill(0x90);
  code.set(payload, OFFSET);
  return makeBzImage(code, { payload_offset: OFFSET, payload_length: length });
}

test("the payload of a bzImage is unpacked, and nothing behind it is", async () => {
  const vmlinux = new TextEncoder().encode("\x7fELF and so on".repeat(1000));
  const packed = new Uint8Array(gzipSync(vmlinux));
  assert.deepEqual(new Uint8Array(await extractVmlinux(bzImage(packed))), vmlinux);
});

test("what is damaged or packed in an unknown way is refused in a line", async () => {
  const packed = new Uint8Array(gzipSync(new Uint8Array(1000)));
  await assert.rejects(extractVmlinux(bzImage(packed, 15)), { name: "ToolError", message: /gzip/ });
  const unknown = bzImage(Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8));
  await assert.rejects(extractVmlinux(unknown), { name: "ToolError", message: /unknown way/ });
});
