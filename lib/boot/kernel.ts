/** Everything that a machine can start: Linux Images and ELF programs, each also packed by gzip. */
import { BootError } from "./boot_error.ts";
import { type ElfProgram, isElf, readElf } from "./elf.ts";
import { gunzip, isGzip } from "./gzip.ts";
import { isImage, isZboot, type KernelImage, parseImage, readZboot } from "./image.ts";
import { architectureHint, describeFile } from "./sniff.ts";

/** What is to be loaded and started. */
export type Kernel =
  | { readonly kind: "image"; readonly image: KernelImage }
  | { readonly kind: "elf"; readonly program: ElfProgram };

/**
 * Reads a kernel file. `limit`: most bytes that it may unpack to (the guest's memory). Throws a
 * BootError that says what the file is instead, or what is wrong with it.
 */
export async function readKernel(bytes: Uint8Array, limit: number): Promise<Kernel> {
  const packed = isGzip(bytes);
  const inner = packed ? await gunzip(bytes, limit, "kernel") : bytes;
  if (isElf(inner)) return { kind: "elf", program: readElf(inner) };
  if (isImage(inner)) return { kind: "image", image: parseImage(inner) };
  if (isZboot(inner)) return { kind: "image", image: await readZboot(inner, limit) };
  throw new BootError(
    "bad-magic",
    `kernel: this is ${packed ? "gzip of " : ""}${
      describeFile(inner)
    }, not a Linux arm64 Image; give arch/arm64/boot/Image or Image.gz of an arm64 kernel, or an ELF program${
      architectureHint(inner)
    }`,
  );
}
