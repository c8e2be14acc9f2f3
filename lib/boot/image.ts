/**
 * Linux arm64 kernels: the Image file (Documentation/arch/arm64/booting.rst, "Call the kernel image"),
 * plain or inside an EFI zboot file.
 */
import { BootError } from "./boot_error.ts";
import { gunzip } from "./gzip.ts";
import { describeFile } from "./sniff.ts";

/** Bytes of the header; the first instruction is its first word. */
export const IMAGE_HEADER_BYTES = 64;
/** "ARM\x64" at byte 56. */
const IMAGE_MAGIC = 0x644d5241;
/** Offset of kernels before 3.17, which leave image_size zero. */
const OLD_TEXT_OFFSET = 0x80000;

const FLAG_BIG_ENDIAN = 1;
const FLAG_ANYWHERE = 8;

/** Page size that a kernel was built for; undefined if it does not say. */
export type PageSize = 4096 | 16384 | 65536 | undefined;
const PAGE_SIZES: readonly PageSize[] = [undefined, 4096, 16384, 65536];

/** A kernel to be loaded. */
export interface KernelImage {
  /** The whole file, unpacked. */
  readonly bytes: Uint8Array;
  /** Distance from a 2 MiB boundary at which the kernel must lie. */
  readonly textOffset: number;
  /** Memory that the kernel takes, from its first byte to the end of its BSS; at least `bytes.length`. */
  readonly imageSize: number;
  readonly pageSize: PageSize;
  /** False: the 2 MiB boundary should be as near to the start of memory as can be. */
  readonly anywhere: boolean;
}

/** Whether the bytes hold the header of an arm64 Image. */
export function isImage(bytes: Uint8Array): boolean {
  return bytes.length >= IMAGE_HEADER_BYTES && viewOf(bytes).getUint32(56, true) === IMAGE_MAGIC;
}

/** An Image around a bare program: `code` runs from its first word, at `textOffset` from a 2 MiB boundary plus 64. */
export function makeImage(code: Uint8Array, bssBytes = 0): Uint8Array<ArrayBuffer> {
  const image = new Uint8Array(IMAGE_HEADER_BYTES + code.length);
  const view = viewOf(image);
  view.setUint32(0, 0x14000000 | (IMAGE_HEADER_BYTES / 4), true); // b code
  view.setBigUint64(16, BigInt(image.length + bssBytes), true);
  view.setBigUint64(24, 0xan, true); // 4 KiB pages, anywhere
  view.setUint32(56, IMAGE_MAGIC, true);
  image.set(code, IMAGE_HEADER_BYTES);
  return image;
}

/** Reads the header of an Image. Throws a BootError. */
export function parseImage(bytes: Uint8Array): KernelImage {
  const view = viewOf(bytes);
  const flags = view.getUint32(24, true);
  if (flags & FLAG_BIG_ENDIAN) {
    throw new BootError(
      "unsupported",
      "kernel: it is a big-endian arm64 Image; build it with CONFIG_CPU_LITTLE_ENDIAN",
    );
  }
  const declared = view.getBigUint64(16, true);
  const offset = view.getBigUint64(8, true);
  if (declared > 0xffffffffn || offset >= 0x200000n) {
    throw new BootError(
      "damaged",
      `kernel: the Image header asks for ${declared} bytes at offset ${offset}; get the file again`,
    );
  }
  return {
    bytes,
    textOffset: declared === 0n ? OLD_TEXT_OFFSET : Number(offset),
    imageSize: Math.max(Number(declared), bytes.length),
    pageSize: PAGE_SIZES[(flags >> 1) & 3],
    anywhere: (flags & FLAG_ANYWHERE) !== 0,
  };
}

/** Whether this is EFI zboot (drivers/firmware/efi/libstub/zboot-header.S): "MZ", "zimg", offset, size, ..., compression. */
export function isZboot(bytes: Uint8Array): boolean {
  return bytes.length >= 64 && viewOf(bytes).getUint32(4, true) === 0x676d697a;
}

/** Reads the Image inside an EFI zboot file, which may unpack to `limit` bytes. Throws a BootError. */
export async function readZboot(bytes: Uint8Array, limit: number): Promise<KernelImage> {
  const view = viewOf(bytes);
  const offset = view.getUint32(8, true);
  const size = view.getUint32(12, true);
  const field = new TextDecoder().decode(bytes.slice(24, 56));
  const compression = field.slice(0, Math.max(field.indexOf("\0"), 0));
  if (offset + size > bytes.length) {
    throw new BootError(
      "truncated",
      `kernel: the EFI zboot file should have ${
        offset + size
      } bytes but has ${bytes.length}; get the file again`,
    );
  }
  if (compression !== "gzip") {
    throw new BootError(
      "unsupported",
      `kernel: an EFI zboot file packed by "${compression}"; unpack it, or give the plain Image (arch/arm64/boot/Image)`,
    );
  }
  const inner = await gunzip(bytes.subarray(offset, offset + size), limit, "kernel");
  if (isImage(inner)) return parseImage(inner);
  throw new BootError(
    "bad-magic",
    `kernel: this is an EFI zboot file with ${describeFile(inner)} inside, not a Linux arm64 Image`,
  );
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
