import assert from "node:assert/strict";
import { test } from "node:test";
import { writeCpio } from "./cpio.ts";
import { isImage, type KernelImage, makeImage } from "./image.ts";
import { checkInitrd } from "./initrd.ts";
import { readKernel } from "./kernel.ts";

const MIB = 2 ** 20;
const LIMIT = 64 * MIB;

async function gzip(bytes: Uint8Array): Promise<Uint8Array<ArrayBuffer>> {
  const stream = new Blob([new Uint8Array(bytes)]).stream().pipeThrough(
    new CompressionStream("gzip"),
  );
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

async function readKernelImage(bytes: Uint8Array, limit: number): Promise<KernelImage> {
  const kernel = await readKernel(bytes, limit);
  assert.ok(kernel.kind === "image");
  return kernel.image;
}

function noise(length: number): Uint8Array<ArrayBuffer> {
  let seed = 1;
  return Uint8Array.from({ length }, () => (seed = (seed * 1103515245 + 12345) & 0x7fffffff) >> 16);
}

function concat(...parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(parts.flatMap((part) => [...part]));
}

function put(length: number, offset: number, bytes: string | readonly number[]): Uint8Array {
  const out = new Uint8Array(length);
  out.set(typeof bytes === "string" ? new TextEncoder().encode(bytes) : bytes, offset);
  return out;
}

test("the header of an Image is read", async () => {
  const image = makeImage(Uint8Array.of(0, 0, 0, 0x14), 4096);
  const kernel = await readKernelImage(image, LIMIT);
  assert.equal(kernel.imageSize, 68 + 4096);
  assert.equal(kernel.textOffset, 0);
  assert.equal(kernel.pageSize, 4096);
  assert.equal(kernel.anywhere, true);
  assert.deepEqual(kernel.bytes, image);
});

test("kernels before 3.17, without image_size, lie at 0x80000", async () => {
  const image = makeImage(new Uint8Array(100));
  image.fill(0, 8, 32);
  const kernel = await readKernelImage(image, LIMIT);
  assert.equal(kernel.textOffset, 0x80000);
  assert.equal(kernel.imageSize, image.length);
});

test("Image.gz is unpacked, also with bytes after it", async () => {
  const image = makeImage(noise(300_000));
  const packed = await gzip(image);
  assert.deepEqual((await readKernelImage(packed, LIMIT)).bytes, image);
  assert.deepEqual(
    (await readKernelImage(concat(packed, new Uint8Array(500)), LIMIT)).bytes,
    image,
  );
});

test("EFI zboot files with gzip inside are unpacked", async () => {
  const image = makeImage(noise(1000));
  const packed = await gzip(image);
  const header = put(64, 0, "MZ\0\0zimg");
  new DataView(header.buffer).setUint32(8, 64, true);
  new DataView(header.buffer).setUint32(12, packed.length, true);
  header.set(new TextEncoder().encode("gzip"), 24);
  assert.deepEqual((await readKernelImage(concat(header, packed), LIMIT)).bytes, image);
  await assert.rejects(readKernelImage(concat(header, packed.subarray(0, 100)), LIMIT), {
    code: "truncated",
  });
  header.set(new TextEncoder().encode("zstd"), 24);
  await assert.rejects(readKernelImage(concat(header, packed), LIMIT), {
    code: "unsupported",
    message: /"zstd"/,
  });
});

test("a gzip file that is cut off, damaged or too large is refused by name", async () => {
  const packed = await gzip(makeImage(noise(300_000)));
  for (const length of [3, 12, 1000, packed.length - 1]) {
    await assert.rejects(readKernelImage(packed.subarray(0, length), LIMIT), { code: "truncated" });
  }
  await assert.rejects(readKernelImage(packed.slice().fill(0xff, 20, 60), LIMIT), {
    name: "BootError",
  });
  packed[packed.length - 5] ^= 1;
  await assert.rejects(readKernelImage(packed, LIMIT), { code: "damaged" });
  const bomb = await gzip(new Uint8Array(8 * MIB));
  await assert.rejects(readKernelImage(bomb, 4 * MIB), { code: "too-large", message: /4 MiB/ });
});

test("another kind of file is called by its name", async () => {
  const bzImage = put(1024, 0x202, "HdrS");
  const cases: readonly [Uint8Array, RegExp][] = [
    [new Uint8Array(0), /an empty file/],
    [new Uint8Array(4096), /all zeroes/],
    [bzImage, /an x86 bzImage.*, or set arch to x86_64$/],
    [await gzip(bzImage), /gzip of an x86 bzImage/],
    [put(64, 0, [0x28, 0xb5, 0x2f, 0xfd]), /a zstd file/],
    [put(128, 0x38, "RSC\x05"), /a Linux RISC-V Image/],
    [put(64, 0, "!<arch>\ndebian-binary"), /Debian package/],
    [new TextEncoder().encode("<html>not found</html>"), /HTML/],
    [new TextEncoder().encode("hello\n"), /a text file/],
    [writeCpio([]), /a cpio archive/],
  ];
  for (const [bytes, message] of cases) {
    await assert.rejects(readKernelImage(bytes, LIMIT), { code: "bad-magic", message });
  }
});

test("big-endian kernels and headers without sense are refused", async () => {
  const big = makeImage(new Uint8Array(4));
  big[24] |= 1;
  await assert.rejects(readKernelImage(big, LIMIT), { code: "unsupported", message: /big-endian/ });
  const huge = makeImage(new Uint8Array(4));
  huge.fill(0xff, 16, 24);
  await assert.rejects(readKernelImage(huge, LIMIT), { code: "damaged" });
  assert.equal(isImage(huge.subarray(0, 63)), false);
});

test("an initrd may be cpio, plain or packed, alone or before others", async () => {
  const archive = writeCpio([{ name: "init", mode: 0o100755, data: noise(1000) }]);
  const packed = await gzip(archive);
  for (const good of [archive, packed, concat(archive, packed), concat(packed, packed)]) {
    await checkInitrd(good, LIMIT);
  }
  await assert.rejects(checkInitrd(archive.subarray(0, 500), LIMIT), { code: "truncated" });
  await assert.rejects(checkInitrd(packed.subarray(0, 500), LIMIT), { code: "truncated" });
  await assert.rejects(checkInitrd(new Uint8Array(0), LIMIT), { message: /an empty file/ });
  await assert.rejects(checkInitrd(makeImage(noise(9)), LIMIT), { message: /a Linux arm64 Image/ });
});
