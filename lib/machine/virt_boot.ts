/** Puts kernel, initrd and device tree into the virt board's RAM. */
import { BootError } from "../boot/boot_error.ts";
import type { Kernel } from "../boot/kernel.ts";
import {
  MAX_DTB_BYTES,
  placeLinux,
  type Placement,
  placeProgram,
  type ProgramRequest,
} from "../boot/placement.ts";
import type { GuestMemory } from "../engine/guest_memory.ts";
import type { VirtBoard } from "./virt.ts";
import { VirtMap } from "./virt_map.ts";

/** What a machine starts from. */
export interface BootImage {
  readonly kernel: Kernel;
  readonly initrd: Uint8Array | undefined;
}

/** Where the first vCPU begins, and the address for X0. */
export interface Loaded {
  readonly entry: number;
  readonly dtb: number;
  /** The device tree at `dtb`. */
  readonly tree: Uint8Array;
}

/** Loads everything. `memory`: bytes of RAM. Throws a BootError if it does not fit. */
export function loadVirt(board: VirtBoard, memory: number, image: BootImage): Loaded {
  const { kernel, initrd } = image;
  const ram = { ramBase: VirtMap.ram, ramSize: memory, initrdSize: initrd?.length ?? 0 };
  const guest = board.engine.memory;
  if (kernel.kind === "image") {
    const { bytes, imageSize, textOffset } = kernel.image;
    const place = placeLinux({ ...ram, textOffset, imageSize });
    write(guest, place.kernel, bytes);
    const tree = makeDtb(board, place, initrd);
    finish(board, place, tree, initrd);
    return { entry: place.kernel, dtb: place.dtb, tree };
  }
  const { entry, segments } = kernel.program;
  // The size of the tree does not depend on the places in it.
  const dtbSize = makeDtb(board, { initrd: VirtMap.ram }, initrd).length;
  const request: ProgramRequest = { ...ram, segments, dtbSize };
  const place = placeProgram(request);
  for (const { address, bytes, memorySize } of segments) {
    write(guest, address, bytes);
    guest.sliceForWriting(address + bytes.length, memorySize - bytes.length)?.fill(0);
    guest.written(address + bytes.length, memorySize - bytes.length);
  }
  const tree = makeDtb(board, place, initrd);
  finish(board, place, tree, initrd);
  return { entry, dtb: place.dtb, tree };
}

function makeDtb(
  board: VirtBoard,
  place: Pick<Placement, "initrd">,
  initrd: Uint8Array | undefined,
): Uint8Array {
  const range = initrd !== undefined && place.initrd !== undefined
    ? { start: place.initrd, end: place.initrd + initrd.length }
    : undefined;
  const dtb = board.makeFdt(range).toBytes();
  if (dtb.length <= MAX_DTB_BYTES) return dtb;
  throw new BootError("too-large", "device tree: it is larger than 2 MiB; use fewer devices");
}

function finish(
  board: VirtBoard,
  place: Pick<Placement, "initrd" | "dtb">,
  dtb: Uint8Array,
  initrd: Uint8Array | undefined,
): void {
  write(board.engine.memory, place.dtb, dtb);
  if (initrd !== undefined && place.initrd !== undefined) {
    write(board.engine.memory, place.initrd, initrd);
  }
}

function write(memory: GuestMemory, address: number, bytes: Uint8Array): void {
  if (memory.write(address, bytes)) return;
  throw new BootError("too-little-memory", "memory: kernel and device tree do not fit; give more");
}
