/** Everything that an x86_64 machine can start: bzImages and ELF programs with a PVH entry, also packed by gzip. */
import { BootError } from "../boot_error.ts";
import { type ElfProgram, isElf } from "../elf.ts";
import { gunzip, isGzip } from "../gzip.ts";
import { architectureHint, describeFile } from "../sniff.ts";
import { type BzImage, isBzImage, parseBzImage } from "./bzimage.ts";
import { readPvhElf } from "./pvh.ts";

/** What is to be loaded and started. */
export type X86Kernel =
  | { readonly kind: "bzimage"; readonly image: BzImage }
  | { readonly kind: "pvh"; readonly program: ElfProgram };

/**
 * Reads a kernel file. `limit`: most bytes that it may unpack to (the guest's memory). Throws a
 * BootError that says what the file is instead, or what is wrong with it.
 */
export async function readX86Kernel(bytes: Uint8Array, limit: number): Promise<X86Kernel> {
  const packed = isGzip(bytes);
  const inner = packed ? await gunzip(bytes, limit, "kernel") : bytes;
  if (isElf(inner)) return { kind: "pvh", program: readPvhElf(inner) };
  if (isBzImage(inner)) return { kind: "bzimage", image: parseBzImage(inner) };
  throw new BootError(
    "bad-magic",
    `kernel: this is ${packed ? "gzip of " : ""}${
      describeFile(inner)
    }, not a Linux bzImage; give arch/x86/boot/bzImage (vmlinuz) of an amd64 kernel, its vmlinux, or an ELF program with a PVH entry${
      architectureHint(inner)
    }`,
  );
}
