/** Initial RAM disks: a look at the file before it is given to a kernel. */
import { BootError } from "./boot_error.ts";
import { readCpio } from "./cpio.ts";
import { gunzip, isGzip } from "./gzip.ts";
import { describeFile } from "./sniff.ts";

/** What an initrd may begin with; the kernel unpacks what it was built to unpack. */
const KNOWN = [
  "a cpio archive",
  "a gzip file",
  "a zstd file",
  "an xz file",
  "a bzip2 file",
  "an LZ4 file",
  "an LZO file",
  "an LZMA file",
  "a squashfs",
  "an ext2/3/4",
];

/**
 * Refuses what no kernel could take for an initrd: empty, cut off, or another kind of file. Throws a
 * BootError. `limit`: most bytes that it may unpack to (the guest's memory). An archive followed by others (microcode first) is only looked at as far as the first.
 */
export async function checkInitrd(bytes: Uint8Array, limit: number): Promise<void> {
  const found = describeFile(bytes);
  if (!KNOWN.some((known) => found.startsWith(known))) {
    throw new BootError(
      "bad-magic",
      `initrd: this is ${found}; give a cpio archive, plain or packed (initrd.img, initramfs.cpio.gz)`,
    );
  }
  if (found.startsWith("a cpio archive") && readCpio(bytes) === undefined) {
    throw new BootError("truncated", "initrd: the cpio archive is cut off; get the file again");
  }
  if (isGzip(bytes)) await gunzip(bytes, limit, "initrd");
}
