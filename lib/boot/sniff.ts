/** Recognises files by their first bytes, so that an error can say what was given instead. */

interface Signature {
  readonly offset: number;
  readonly bytes: readonly number[] | string;
  readonly is: string;
}

/** First match wins. */
const SIGNATURES: readonly Signature[] = [
  { offset: 0x202, bytes: "HdrS", is: "an x86 bzImage" },
  { offset: 0x38, bytes: "ARM\x64", is: "a Linux arm64 Image" },
  { offset: 0x38, bytes: "RSC\x05", is: "a Linux RISC-V Image" },
  { offset: 4, bytes: "zimg", is: "an EFI zboot kernel" },
  { offset: 0x24, bytes: [0x18, 0x28, 0x6f, 0x01], is: "a 32-bit Arm zImage" },
  { offset: 0, bytes: "\x7fELF", is: "an ELF file" },
  { offset: 0, bytes: [0x1f, 0x8b], is: "a gzip file" },
  { offset: 0, bytes: [0x28, 0xb5, 0x2f, 0xfd], is: "a zstd file" },
  { offset: 0, bytes: [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00], is: "an xz file" },
  { offset: 0, bytes: "BZh", is: "a bzip2 file" },
  { offset: 0, bytes: [0x04, 0x22, 0x4d, 0x18], is: "an LZ4 file" },
  { offset: 0, bytes: [0x02, 0x21, 0x4c, 0x18], is: "an LZ4 file" },
  { offset: 0, bytes: [0x89, 0x4c, 0x5a, 0x4f], is: "an LZO file" },
  { offset: 0, bytes: [0x5d, 0x00, 0x00], is: "an LZMA file" },
  { offset: 0, bytes: [0x27, 0x05, 0x19, 0x56], is: "a U-Boot uImage" },
  { offset: 0, bytes: [0xd0, 0x0d, 0xfe, 0xed], is: "a device tree or FIT image" },
  { offset: 0, bytes: "07070", is: "a cpio archive (an initrd?)" },
  { offset: 0, bytes: "!<arch>\n", is: "an ar archive or Debian package" },
  { offset: 0, bytes: [0xed, 0xab, 0xee, 0xdb], is: "an RPM package" },
  { offset: 0, bytes: "PK\x03\x04", is: "a zip file" },
  { offset: 0, bytes: "QFI\xfb", is: "a qcow2 disk image" },
  { offset: 0, bytes: "hsqs", is: "a squashfs file system" },
  { offset: 0x101, bytes: "ustar", is: "a tar archive" },
  { offset: 0x438, bytes: [0x53, 0xef], is: "an ext2/3/4 file system" },
  { offset: 0x8001, bytes: "CD001", is: "an ISO 9660 (CD) image" },
  { offset: 0x1fe, bytes: [0x55, 0xaa], is: "a disk image with a boot sector" },
  { offset: 0, bytes: "MZ", is: "an EFI or DOS program" },
  { offset: 0, bytes: "#!", is: "a script" },
  { offset: 0, bytes: "<", is: "an HTML or XML page (a failed download?)" },
];

const ELF_MACHINES: Record<number, string> = {
  3: "x86",
  8: "MIPS",
  20: "PowerPC",
  21: "64-bit PowerPC",
  22: "s390",
  40: "32-bit Arm",
  62: "x86-64",
  183: "AArch64",
  243: "RISC-V",
};

/** What a file looks like, as a noun phrase: "an x86 bzImage". */
export function describeFile(bytes: Uint8Array): string {
  if (bytes.length === 0) return "an empty file";
  const found = SIGNATURES.find((signature) => matches(bytes, signature));
  if (found?.is === "an ELF file" && bytes.length >= 20) {
    const machine = bytes[5] === 2 ? (bytes[18] << 8) | bytes[19] : bytes[18] | (bytes[19] << 8);
    return `an ELF file for ${ELF_MACHINES[machine] ?? `machine ${machine}`}`;
  }
  if (found !== undefined) return found.is;
  if (bytes.every((byte) => byte === 0)) return "all zeroes";
  return bytes.subarray(0, 512).every(isTextByte)
    ? "a text file"
    : "no kernel format that is known";
}

/** Kernels that one of our architectures boots, by what {@linkcode describeFile} says. */
const ARCHITECTURES: Readonly<Record<string, string>> = {
  "a Linux arm64 Image": "aarch64",
  "an ELF file for AArch64": "aarch64",
  "an x86 bzImage": "x86_64",
  "an ELF file for x86-64": "x86_64",
};

/** What else to do about a kernel that was made for another architecture of ours; or nothing. */
export function architectureHint(kernel: Uint8Array): string {
  const arch = ARCHITECTURES[describeFile(kernel)];
  return arch === undefined ? "" : `, or set arch to ${arch}`;
}

function matches(bytes: Uint8Array, { offset, bytes: expected }: Signature): boolean {
  if (bytes.length < offset + expected.length) return false;
  for (let i = 0; i < expected.length; i++) {
    const byte = typeof expected === "string" ? expected.charCodeAt(i) : expected[i];
    if (bytes[offset + i] !== byte) return false;
  }
  return true;
}

function isTextByte(byte: number): boolean {
  return (byte >= 0x20 && byte < 0x7f) || (byte >= 9 && byte <= 13);
}
