/**
 * Where kernel, initrd and device tree go in guest RAM (Documentation/arch/arm64/booting.rst). The
 * places are those of QEMU's virt board, so that kernels report the same memory on both.
 */
import { BootError } from "./boot_error.ts";

const KIB = 1024;
const MIB = 1024 * KIB;

/** Largest device tree that Linux maps. */
export const MAX_DTB_BYTES: number = 2 * MIB;

/** What is to be placed; sizes in bytes. */
export interface PlacementRequest {
  readonly ramBase: number;
  readonly ramSize: number;
  /** Distance of the kernel from a 2 MiB boundary. */
  readonly textOffset: number;
  /** Memory that the kernel takes with its BSS. */
  readonly imageSize: number;
  /** 0 when there is none. */
  readonly initrdSize: number;
}

/** Guest-physical addresses. */
export interface Placement {
  readonly kernel: number;
  /** First byte of the initrd; undefined when there is none. */
  readonly initrd: number | undefined;
  /** At a 2 MiB boundary, {@linkcode MAX_DTB_BYTES} free behind it or up to the end of RAM. */
  readonly dtb: number;
}

/** Chooses the places for a Linux Image. Throws a BootError "too-little-memory" that says how much is needed. */
export function placeLinux(request: PlacementRequest): Placement {
  const { ramBase, ramSize, textOffset, imageSize, initrdSize } = request;
  // QEMU keeps its boot code in the first page of RAM and so moves a kernel with offset 0 up by 2 MiB.
  const kernel = ramBase + (textOffset < 4 * KIB ? 2 * MIB : 0) + textOffset;
  const kernelEnd = alignUp(kernel + imageSize, 4 * KIB);
  const usual = Math.max(kernelEnd, ramBase + Math.min(alignUp(ramSize / 2, 4 * KIB), 128 * MIB));
  for (const start of [usual, kernelEnd]) {
    const dtb = alignUp(start + initrdSize, 2 * MIB);
    if (dtb + 64 * KIB <= ramBase + ramSize) {
      return { kernel, initrd: initrdSize > 0 ? start : undefined, dtb };
    }
  }
  const needed = alignUp(kernelEnd + initrdSize, 2 * MIB) + 2 * MIB - ramBase;
  throw new BootError(
    "too-little-memory",
    `memory: ${mib(ramSize)} are too little for a kernel of ${mib(imageSize)}${
      initrdSize > 0 ? ` and an initrd of ${mib(initrdSize)}` : ""
    }; give at least ${mib(needed)}`,
  );
}

/** A program at fixed addresses. */
export interface ProgramRequest {
  readonly ramBase: number;
  readonly ramSize: number;
  readonly segments: readonly { readonly address: number; readonly memorySize: number }[];
  readonly initrdSize: number;
  readonly dtbSize: number;
}

/**
 * Chooses the places for what goes with a program: the device tree at the start of RAM if the program
 * leaves room there, as QEMU does, else behind it. Throws a BootError "overlap" if the program is not
 * in RAM, or "too-little-memory".
 */
export function placeProgram(request: ProgramRequest): Omit<Placement, "kernel"> {
  const { ramBase, ramSize, segments, initrdSize, dtbSize } = request;
  const ramEnd = ramBase + ramSize;
  for (const { address, memorySize } of segments) {
    if (address < ramBase || address + memorySize > ramEnd) {
      throw new BootError(
        "overlap",
        `kernel: the ELF program wants memory at ${hex(address)} to ${
          hex(address + memorySize)
        }, RAM is from ${hex(ramBase)} to ${hex(ramEnd)}; link it to there, or give more memory`,
      );
    }
  }
  const low = Math.min(...segments.map(({ address }) => address));
  const high = Math.max(...segments.map(({ address, memorySize }) => address + memorySize));
  const initrd = alignUp(high, 4 * KIB);
  const end = alignUp(initrd + initrdSize, 2 * MIB);
  const dtb = ramBase + dtbSize <= low ? ramBase : end;
  if ((dtb === end ? end + dtbSize : initrd + initrdSize) > ramEnd) {
    throw new BootError(
      "too-little-memory",
      `memory: ${
        mib(ramSize)
      } are too little for the program and what goes with it; give at least ${
        mib(end + dtbSize - ramBase)
      }`,
    );
  }
  return { initrd: initrdSize > 0 ? initrd : undefined, dtb };
}

function hex(value: number): string {
  return `0x${value.toString(16)}`;
}

function alignUp(value: number, to: number): number {
  return Math.ceil(value / to) * to;
}

function mib(bytes: number): string {
  return `${Math.ceil(bytes / MIB)} MiB`;
}
