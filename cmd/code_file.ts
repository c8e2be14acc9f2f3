/** Files of A64 code as pieces at addresses: ELF of any type, Linux Images, anything else as raw code. */
import { BootError } from "../lib/boot/boot_error.ts";
import { isElf } from "../lib/boot/elf.ts";
import { type CodePiece, readElfCode } from "../lib/boot/elf_code.ts";
import { gunzip, isGzip } from "../lib/boot/gzip.ts";
import { IMAGE_HEADER_BYTES, isImage, isZboot, readZboot } from "../lib/boot/image.ts";
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

/** The pieces of a file. Throws a UsageError. */
export async function codePieces(
  where: string,
  file: Uint8Array,
  place: Place | undefined,
): Promise<CodePiece[]> {
  try {
    let bytes = isGzip(file) ? await gunzip(file, UNPACKED, "kernel") : file;
    if (isElf(bytes)) {
      if (place === undefined) return readElfCode(bytes);
      throw new UsageError(
        `${where}: an ELF file says where its code is; use --start and --stop, not --base, --offset or --length`,
      );
    }
    if (isZboot(bytes)) ({ bytes } = await readZboot(bytes, UNPACKED));
    return [rawPiece(bytes, place ?? { base: 0n, offset: 0, length: bytes.length })];
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
