/**
 * gzip files (RFC 1952). The runtime's DecompressionStream does the work; where it complains, our own
 * decoder finds out whether the file is cut off, damaged, or only followed by padding.
 */
import { BootError } from "./boot_error.ts";
import { inflate } from "./inflate.ts";

/** Whether the bytes begin as a gzip member does. */
export function isGzip(bytes: Uint8Array): boolean {
  return bytes.length > 2 && bytes[0] === 0x1f && bytes[1] === 0x8b;
}

/**
 * Unpacks the first member of a gzip file. `limit`: most bytes that may come out; `what` names the
 * file in errors. Throws a BootError "truncated", "damaged" or "too-large".
 */
export async function gunzip(
  bytes: Uint8Array,
  limit: number,
  what: string,
): Promise<Uint8Array<ArrayBuffer>> {
  const fast = await decompress(bytes, limit);
  if (fast !== undefined) return fast;
  const start = headerLength(bytes);
  const { end, bytes: out, consumed } = start < bytes.length
    ? inflate(bytes, start, limit)
    : { end: "cut-off", bytes: new Uint8Array(0), consumed: 0 };
  if (end === "too-large") {
    throw new BootError(
      "too-large",
      `${what}: it unpacks to more than the guest's memory of ${
        Math.floor(limit / 2 ** 20)
      } MiB; give the machine more memory`,
    );
  }
  if (end === "cut-off" || (end === "done" && consumed + 8 > bytes.length)) {
    throw new BootError("truncated", `${what}: the gzip file is cut off; get the file again`);
  }
  const trailer = new DataView(bytes.buffer, bytes.byteOffset + consumed);
  if (
    end === "damaged" || trailer.getUint32(4, true) !== out.length >>> 0 ||
    trailer.getUint32(0, true) !== crc32(out)
  ) {
    throw new BootError("damaged", `${what}: the gzip file is damaged; get the file again`);
  }
  return out;
}

/** By the runtime; undefined when it is not content, or more than `limit` bytes come out. */
async function decompress(
  bytes: Uint8Array,
  limit: number,
): Promise<Uint8Array<ArrayBuffer> | undefined> {
  const parts: Uint8Array[] = [];
  let length = 0;
  const reader = new Blob([new Uint8Array(bytes)]).stream()
    .pipeThrough(new DecompressionStream("gzip")).getReader();
  try {
    for (;;) {
      const { value } = await reader.read();
      if (value === undefined) break;
      length += value.length;
      if (length > limit) {
        await reader.cancel();
        return undefined;
      }
      parts.push(value);
    }
  } catch {
    return undefined;
  }
  const out = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

const FHCRC = 2;
const FEXTRA = 4;
const FNAME = 8;
const FCOMMENT = 16;

/** Bytes before the DEFLATE data of the first member. */
function headerLength(bytes: Uint8Array): number {
  const flags = bytes[3];
  let at = 10;
  if (flags & FEXTRA) at += 2 + bytes[at] + (bytes[at + 1] << 8);
  for (const flag of [FNAME, FCOMMENT]) {
    if (flags & flag) {
      const end = bytes.indexOf(0, at);
      at = end < 0 ? bytes.length : end + 1;
    }
  }
  return flags & FHCRC ? at + 2 : at;
}

function crc32(bytes: Uint8Array): number {
  const table = new Uint32Array(256).map((_, n) => {
    let c = n;
    for (let k = 0; k < 8; k++) c = c & 1 ? 0xedb88320 ^ (c >>> 1) : c >>> 1;
    return c;
  });
  let crc = 0xffffffff;
  for (const byte of bytes) crc = table[(crc ^ byte) & 0xff] ^ (crc >>> 8);
  return ~crc >>> 0;
}
