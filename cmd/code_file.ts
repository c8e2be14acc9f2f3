/** Files of code as pieces at addresses: ELF of any type, Linux arm64 Images, anything else as raw code. */
import { BootError } from "../lib/boot/boot_error.ts";
import { ELF_AARCH64, ELF_X86_64, type ElfMachine, elfMachine, isElf } from "../lib/boot/elf.ts";
import { type CodePiece, readElfCode } from "../lib/boot/elf_code.ts";
import { gunzip, isGzip } from "../lib/boot/gzip.ts";
import { IMAGE_HEADER_BYTES, isImage, isZboot, readZboot } from "../lib/boot/image.ts";
import { isBzImage } from "../lib/boot/x86_64/bzimage.ts";
import type { Architecture } from "../lib/config/machine_config.ts";
import { UsageError } from "./errors.ts";

/** Most bytes that a packed file may unpack to. */
const UNPACKED = 2 ** 30;
/** Two instructions begin an Image, then the fields of its header. */
const IMAGE_CODE_BYTES = 8;

/** Where a file that does not say it itself is to lie. */
export interface Place {
  /** Address of the file's first byte. */
  readonly base: bigint;
  /** Where in the file to begin. */
  readonly offset: number;
  readonly length: number;
}

/** Code and its architecture. */
export interface Code {
  readonly arch: Architecture;
  readonly pieces: readonly CodePiece[];
}

const MACHINES: Readonly<Record<Architecture, ElfMachine>> = {
  aarch64: ELF_AARCH64,
  x86_64: ELF_X86_64,
};

/** The pieces of a file. `given`: its architecture, if it does not say it itself. Throws a UsageError. */
export async function codePieces(
  where: string,
  file: Uint8Array,
  place: Place | undefined,
  given: Architecture | undefined,
): Promise<Code> {
  try {
    let bytes = isGzip(file) ? await gunzip(file, UNPACKED, "kernel") : file;
    if (isElf(bytes)) {
      const arch = given ?? (elfMachine(bytes) === ELF_X86_64.id ? "x86_64" : "aarch64");
      if (place === undefined) return { arch, pieces: readElfCode(bytes, MACHINES[arch]) };
      throw new UsageError(
        `${where}: an ELF file says where its code is; use --start and --stop, not --base, --offset or --length`,
      );
    }
    if (isZboot(bytes)) ({ bytes } = await readZboot(bytes, UNPACKED));
    if (isBzImage(bytes) && place === undefined) {
      throw new UsageError(
        `${where}: the kernel in a bzImage is packed; give its vmlinux, or --offset and --length`,
      );
    }
    const pieces = [rawPiece(bytes, place ?? { base: 0n, offset: 0, length: bytes.length })];
    return { arch: given ?? "aarch64", pieces };
  } catch (error) {
    if (!(error instanceof BootError)) throw error;
    throw new UsageError(`${where}: ${error.message.replace(/^kernel: /, "")}`);
  }
}

function rawPiece(bytes: Uint8Array, { base, offset, length }: Place): CodePiece {
  const at = (n: number): bigint => BigInt.asUintN(64, base + BigInt(n));
  return {
    name: "",
    address: at(offset),
    bytes: bytes.subarray(offset, offset + length),
    symbols: [],
    marks: isImage(bytes) ? [[at(IMAGE_CODE_BYTES), true], [at(IMAGE_HEADER_BYTES), false]] : [],
  };
}
