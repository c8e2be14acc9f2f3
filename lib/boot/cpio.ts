/** cpio archives in the "newc" form that Linux unpacks as initramfs (Documentation/driver-api/early-userspace/buffer-format.rst). */

/** A file, directory, symbolic link or device of an archive. */
export interface CpioEntry {
  /** Path without a leading "/". */
  readonly name: string;
  /** File type and permissions as in stat(2): 0o100644, 0o40755, 0o120777, 0o20600, ... */
  readonly mode: number;
  /** Content of a file, target of a symbolic link. */
  readonly data?: Uint8Array;
  /** Major and minor number of a device file. */
  readonly device?: readonly [major: number, minor: number];
}

const TRAILER = "TRAILER!!!";
const HEADER_BYTES = 110;
/** PATH_MAX of Linux. */
const MAX_NAME = 4096;

/** Writes an archive. Owner 0:0 and time 0, so that the same entries give the same bytes. */
export function writeCpio(entries: readonly CpioEntry[]): Uint8Array<ArrayBuffer> {
  const parts: Uint8Array[] = [];
  entries.forEach((entry, i) => parts.push(...writeEntry(entry, i + 1)));
  parts.push(...writeEntry({ name: TRAILER, mode: 0 }, 0));
  const out = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

function writeEntry(entry: CpioEntry, inode: number): Uint8Array[] {
  const name = new TextEncoder().encode(`${entry.name}\0`);
  const data = entry.data ?? new Uint8Array(0);
  const [major, minor] = entry.device ?? [0, 0];
  const fields = [
    inode,
    entry.mode,
    0, // uid
    0, // gid
    1, // links
    0, // time of modification
    data.length,
    0, // device that holds the file
    0,
    major,
    minor,
    name.length,
    0, // checksum, not used by newc
  ];
  const header = "070701" + fields.map((field) => field.toString(16).padStart(8, "0")).join("");
  return [
    new TextEncoder().encode(header),
    name,
    new Uint8Array(-(HEADER_BYTES + name.length) & 3),
    data,
    new Uint8Array(-data.length & 3),
  ];
}

/** Entries of an archive up to its trailer; undefined if it is cut off or not a newc archive. */
export function readCpio(bytes: Uint8Array): CpioEntry[] | undefined {
  const entries: CpioEntry[] = [];
  for (let at = 0; at + HEADER_BYTES <= bytes.length;) {
    const header = new TextDecoder().decode(bytes.slice(at, at + HEADER_BYTES));
    if (!/^07070[12][0-9a-fA-F]{104}$/.test(header)) return undefined;
    const field = (n: number): number => parseInt(header.slice(6 + n * 8, 14 + n * 8), 16);
    if (field(11) === 0 || field(11) > MAX_NAME || field(6) > bytes.length) return undefined;
    const nameAt = at + HEADER_BYTES;
    const dataAt = at + ((HEADER_BYTES + field(11) + 3) & ~3);
    const end = dataAt + field(6);
    if (end > bytes.length) return undefined;
    const name = new TextDecoder().decode(bytes.slice(nameAt, nameAt + field(11) - 1));
    if (name === TRAILER) return entries;
    const mode = field(1);
    const isDevice = (mode & 0o170000) === 0o20000 || (mode & 0o170000) === 0o60000;
    entries.push({
      name,
      mode,
      ...(field(6) > 0 && { data: bytes.slice(dataAt, end) }),
      ...(isDevice && { device: [field(9), field(10)] as const }),
    });
    at = (end + 3) & ~3;
  }
  return undefined;
}
