import assert from "node:assert/strict";
import {
  chmodSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { openBlockFile } from "./block_file.ts";

const folder = mkdtempSync(join(tmpdir(), "vml-block-"));
after(() => rmSync(folder, { recursive: true, force: true }));

function image(name: string, bytes: Uint8Array): string {
  const path = join(folder, name);
  writeFileSync(path, bytes);
  return path;
}

const counting = (length: number): Uint8Array => Uint8Array.from({ length }, (_, i) => i);

test("reads and writes at positions, in shared memory as well", async () => {
  const path = image("a.img", counting(64));
  const file = await openBlockFile(path);
  assert.deepEqual([file.size, file.readOnly], [64, false]);
  const memory = new Uint8Array(new SharedArrayBuffer(16));
  await file.read(8, memory.subarray(4, 8));
  assert.deepEqual([...memory], [0, 0, 0, 0, 8, 9, 10, 11, 0, 0, 0, 0, 0, 0, 0, 0]);
  await file.write(60, memory.subarray(4, 8));
  await file.flush();
  await file.close();
  assert.deepEqual([...readFileSync(path).subarray(58)], [58, 59, 8, 9, 10, 11]);
});

test("reads and writes at once, if they are small", async () => {
  const path = image("now.img", counting(64));
  const file = await openBlockFile(path);
  const memory = new Uint8Array(new SharedArrayBuffer(16)).fill(0xee);
  assert.equal(file.readNow?.(60, memory.subarray(4, 12)), true);
  assert.deepEqual([...memory.subarray(3, 13)], [0xee, 60, 61, 62, 63, 0, 0, 0, 0, 0xee]);
  assert.equal(file.writeNow?.(10, memory.subarray(4, 6)), true);
  await file.flush();
  assert.deepEqual([...readFileSync(path).subarray(9, 13)], [9, 60, 61, 12]);
  assert.equal(file.readNow?.(0, new Uint8Array(1 << 20)), false);
  assert.throws(() => file.writeNow?.(60, new Uint8Array(5)), RangeError);
  assert.throws(() => file.readNow?.(-1, memory), RangeError);
  await file.close();
  assert.equal(file.readNow?.(0, memory), false, "closed");
});

test("beyond the end reads zero and refuses to write", async () => {
  const path = image("b.img", counting(10));
  const file = await openBlockFile(path);
  const into = new Uint8Array(6).fill(0xee);
  await file.read(7, into);
  assert.deepEqual([...into], [7, 8, 9, 0, 0, 0]);
  await file.read(1000, into);
  assert.deepEqual([...into], [0, 0, 0, 0, 0, 0]);
  await assert.rejects(file.write(7, new Uint8Array(4)), RangeError);
  await assert.rejects(file.read(-1, into), RangeError);
  await assert.rejects(file.read(0.5, into), RangeError);
  await file.close();
  assert.equal(statSync(path).size, 10);
});

test("the size is fixed, and a file that shrinks reads zero", async () => {
  const path = image("c.img", counting(16));
  const file = await openBlockFile(path);
  truncateSync(path, 4);
  const into = new Uint8Array(8).fill(0xee);
  await file.read(0, into);
  assert.deepEqual([...into], [0, 1, 2, 3, 0, 0, 0, 0]);
  assert.equal(file.size, 16);
  await file.close();
});

test("read-only refuses writes and leaves the file alone", async () => {
  const path = image("d.img", counting(8));
  const file = await openBlockFile(path, { readOnly: true });
  assert.equal(file.readOnly, true);
  await assert.rejects(file.write(0, new Uint8Array(1)), { code: "EROFS" });
  await file.flush();
  await file.close();
  assert.deepEqual([...readFileSync(path)], [...counting(8)]);
});

test("flush and close wait for writes underway", async () => {
  const path = image("e.img", new Uint8Array(1 << 20));
  const file = await openBlockFile(path);
  const writes = Array.from(
    { length: 16 },
    (_, i) => file.write(i * 65536, new Uint8Array(65536).fill(i + 1)),
  );
  await file.flush();
  const bytes = readFileSync(path);
  for (let i = 0; i < 16; i++) assert.equal(bytes[i * 65536 + 65535], i + 1);
  await Promise.all(writes);
  const last = file.write(0, Uint8Array.of(0xaa));
  await file.close();
  await file.close();
  await last;
  assert.equal(readFileSync(path)[0], 0xaa);
});

test("what is no disk image is refused with its code", async () => {
  await assert.rejects(openBlockFile(join(folder, "missing.img")), { code: "ENOENT" });
  await assert.rejects(openBlockFile(folder), { code: "EISDIR" });
  await assert.rejects(openBlockFile(folder, { readOnly: true }), { code: "EISDIR" });
  await assert.rejects(openBlockFile("/dev/null"), { code: "ENODEV" });
});

test("a write-protected file opens for reading only", async () => {
  const path = image("f.img", counting(8));
  chmodSync(path, 0o444);
  await assert.rejects(openBlockFile(path), { code: "EACCES" });
  const file = await openBlockFile(path, { readOnly: true });
  assert.equal(file.size, 8);
  await file.close();
});

test("a file that is not there is created on demand; one that is there stays as it is", async () => {
  const path = join(folder, "new.img");
  const file = await openBlockFile(path, { create: 3 << 20 });
  assert.equal(file.size, 3 << 20);
  await file.write(0, Uint8Array.of(7));
  await file.close();
  const again = await openBlockFile(path, { create: 512 });
  assert.equal(again.size, 3 << 20);
  await again.close();
  assert.equal(readFileSync(path)[0], 7);
  const nowhere = join(folder, "no", "new.img");
  await assert.rejects(openBlockFile(nowhere, { create: 512 }), { code: "ENOENT" });
});
