/** ELF programs for bare machines (ELF-64 Object File Format 1.5; Arm IHI 0056; x86-64 psABI). */
import { BootError } from "./boot_error.ts";
import { architectureHint, describeFile } from "./sniff.ts";

const HEADER_BYTES = 64;
const PROGRAM_HEADER_BYTES = 56;
const ET_EXEC = 2;
const PT_LOAD = 1;

/** What a machine calls itself in the header, and in messages. */
export interface ElfMachine {
  /** e_machine. */
  readonly id: number;
  readonly name: string;
  /** What to do about a program that is not linked to fixed addresses. */
  readonly relocatableHint: string;
}

/** Arm IHI 0056, 5.1. */
export const ELF_AARCH64: ElfMachine = {
  id: 183,
  name: "AArch64",
  relocatableHint: "give the Image instead of a vmlinux, or link with -static -no-pie",
};

/** x86-64 psABI, 4.1. */
export const ELF_X86_64: ElfMachine = {
  id: 62,
  name: "x86-64",
  relocatableHint: "link with -static -no-pie",
};

/** A piece of a program and where it belongs. */
export interface Segment {
  /** Guest-physical. */
  readonly address: number;
  readonly bytes: Uint8Array;
  /** Memory that it takes, at least `bytes.length`; what the file does not give is zero. */
  readonly memorySize: number;
}

/** A program at fixed addresses. */
export interface ElfProgram {
  readonly entry: number;
  /** Not empty, none of them empty. */
  readonly segments: readonly Segment[];
}

/** Whether the bytes begin as an ELF file does. */
export function isElf(bytes: Uint8Array): boolean {
  return bytes.length >= 4 && bytes[0] === 0x7f && bytes[1] === 0x45 && bytes[2] === 0x4c &&
    bytes[3] === 0x46;
}

/** e_machine of a little-endian ELF file, whatever else is wrong with it. */
export function elfMachine(bytes: Uint8Array): number {
  return bytes.length < 20 ? 0 : bytes[18] | bytes[19] << 8;
}

/** An ELF file for `machine`, its header checked. Throws a BootError that says what it is instead. */
export function openElf(bytes: Uint8Array, machine: ElfMachine = ELF_AARCH64): DataView {
  if (bytes.length < HEADER_BYTES) throw cutOff();
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes[4] !== 2 || bytes[5] !== 1 || view.getUint16(18, true) !== machine.id) {
    throw new BootError(
      "wrong-architecture",
      `kernel: this is ${
        describeFile(bytes)
      }, not for little-endian 64-bit ${machine.name}; build it for ${machine.name.toLowerCase()}${
        architectureHint(bytes)
      }`,
    );
  }
  return view;
}

/** Reads an executable file. Throws a BootError that says what is wrong with it. */
export function readElf(bytes: Uint8Array, machine: ElfMachine = ELF_AARCH64): ElfProgram {
  const view = openElf(bytes, machine);
  if (view.getUint16(16, true) !== ET_EXEC) {
    throw new BootError(
      "unsupported",
      `kernel: the ELF file is not linked to fixed addresses; ${machine.relocatableHint}`,
    );
  }
  const segments = programHeaders(view, PT_LOAD).filter(({ memorySize }) => memorySize > 0).map((
    { offset, physicalAddress, fileSize, memorySize },
  ): Segment => {
    if (offset + fileSize > bytes.length) throw cutOff();
    if (fileSize > memorySize) throw damaged("a segment is larger than the memory for it");
    return {
      address: physicalAddress,
      bytes: bytes.subarray(offset, offset + fileSize),
      memorySize,
    };
  });
  if (segments.length === 0) throw damaged("is nothing to load");
  return { entry: address(view, 24), segments };
}

/** A program header (ELF-64, section 7); bytes. */
export interface ProgramHeader {
  readonly offset: number;
  readonly physicalAddress: number;
  readonly fileSize: number;
  readonly memorySize: number;
}

/** The headers of type PT_... of a file from {@linkcode openElf}, in its order. Throws a BootError. */
export function programHeaders(view: DataView, type: number): ProgramHeader[] {
  const count = view.getUint16(56, true);
  const size = view.getUint16(54, true);
  const table = address(view, 32);
  if (count > 0 && (size < PROGRAM_HEADER_BYTES || table + count * size > view.byteLength)) {
    throw cutOff();
  }
  return Array.from({ length: count }, (_, i) => table + i * size)
    .filter((at) => view.getUint32(at, true) === type)
    .map((at) => ({
      offset: address(view, at + 8),
      physicalAddress: address(view, at + 24),
      fileSize: address(view, at + 32),
      memorySize: address(view, at + 40),
    }));
}

/** A 64-bit field that must be an exact number. */
function address(view: DataView, offset: number): number {
  const value = view.getBigUint64(offset, true);
  if (value > BigInt(Number.MAX_SAFE_INTEGER)) {
    throw damaged(`0x${value.toString(16)} stands for an address or size`);
  }
  return Number(value);
}

/** The error for a file that ends too soon. */
export function cutOff(): BootError {
  return new BootError("truncated", "kernel: the ELF file is cut off; get the file again");
}

function damaged(what: string): BootError {
  return new BootError("damaged", `kernel: in the ELF file ${what}; link it again`);
}
