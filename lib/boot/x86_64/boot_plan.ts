/** What goes where in memory, and in which state the first vCPU begins: everything that a board needs to start a kernel. */
import { BootError } from "../boot_error.ts";
import type { Segment } from "../elf.ts";
import { E820_MAX_ENTRIES, makeBootParams, makeRngSeed } from "./boot_params.ts";
import {
  type BootState,
  linux32State,
  linux64State,
  makeGdt,
  makePageTables,
  pvhState,
} from "./boot_state.ts";
import type { BzImage } from "./bzimage.ts";
import type { X86Kernel } from "./kernel.ts";
import { COMMAND_LINE_ROOM, LowMemory } from "./low_memory.ts";
import { highestRam, isRam, type MemoryMap, ramBytes } from "./memory_map.ts";
import { makeStartInfo } from "./pvh.ts";

const PAGE = 4096;
/** What 32-bit addresses, and so modules of PVH and the identity map, reach. */
const FOUR_GIB = 2 ** 32;
const MIB = 2 ** 20;

/** What to start, and on what. */
export interface BootRequest {
  readonly kernel: X86Kernel;
  readonly initrd?: Uint8Array;
  readonly cmdline: string;
  /** At most 128 ranges. RAM from 0 is taken for granted up to {@linkcode LowMemory}.end. */
  readonly memory: MemoryMap;
  /** Guest-physical address of the ACPI root pointer; 0: there is none. */
  readonly rsdp: number;
  /** Bytes for the kernel's random generator, if it is a bzImage of Linux 6.0 or later; at most 2 KiB. */
  readonly rngSeed?: Uint8Array;
}

/** How to start it. */
export interface BootPlan {
  /** In RAM, without overlaps, by ascending address. */
  readonly pieces: readonly Segment[];
  readonly state: BootState;
}

/** Places everything. Throws a BootError "too-little-memory", "overlap" or "too-large". */
export function planBoot(request: BootRequest): BootPlan {
  if (request.memory.length > E820_MAX_ENTRIES) {
    throw new RangeError(`memory map: ${request.memory.length} ranges are too many`);
  }
  const { kernel } = request;
  const { pieces, state } = kernel.kind === "bzimage"
    ? planLinux(request, kernel.image)
    : planPvh(request, kernel.program);
  const all = [...pieces, piece(state.gdtr.base, makeGdt(state))];
  if (state.cr3 !== 0) all.push(piece(state.cr3, makePageTables(state.cr3)));
  all.sort((a, b) => a.address - b.address);
  check(request.memory, all);
  return { pieces: all, state };
}

function planLinux(request: BootRequest, image: BzImage): BootPlan {
  const { memory, rsdp, rngSeed } = request;
  const { address, code, memorySize, long } = image;
  const end = address + memorySize;
  needRam(request, address, memorySize);
  const initrd = placeInitrd(request, end, Math.min(image.initrdMax + 1, FOUR_GIB));
  const params = makeBootParams(image, {
    memory,
    rsdp,
    cmdline: LowMemory.commandLine,
    initrd: { address: initrd?.address ?? 0, size: initrd?.bytes.length ?? 0 },
    setupData: rngSeed === undefined ? 0 : LowMemory.setupData,
  });
  const pieces: Segment[] = [
    { address, bytes: code, memorySize },
    piece(LowMemory.bootParams, params),
    commandLine(request.cmdline, image.cmdlineMax),
  ];
  if (initrd !== undefined) pieces.push(initrd);
  if (rngSeed !== undefined) pieces.push(piece(LowMemory.setupData, makeRngSeed(rngSeed)));
  const entry = address + image.entryOffset;
  const state = long ? linux64State : linux32State;
  return { pieces, state: state(entry, LowMemory.bootParams) };
}

function planPvh(
  request: BootRequest,
  { entry, segments }: { readonly entry: number; readonly segments: readonly Segment[] },
): BootPlan {
  const { memory, rsdp } = request;
  for (const { address, memorySize } of segments) needRam(request, address, memorySize);
  const end = Math.max(...segments.map(({ address, memorySize }) => address + memorySize));
  const initrd = placeInitrd(request, end, FOUR_GIB);
  const info = makeStartInfo(LowMemory.startInfo, {
    memory,
    rsdp,
    cmdline: LowMemory.commandLine,
    modules: initrd === undefined ? [] : [{ address: initrd.address, size: initrd.bytes.length }],
  });
  const pieces: Segment[] = [
    ...segments,
    piece(LowMemory.startInfo, info),
    commandLine(request.cmdline, COMMAND_LINE_ROOM - 1),
  ];
  if (initrd !== undefined) pieces.push(initrd);
  return { pieces, state: pvhState(entry, LowMemory.startInfo) };
}

function piece(address: number, bytes: Uint8Array): Segment {
  return { address, bytes, memorySize: bytes.length };
}

function commandLine(text: string, max: number): Segment {
  const bytes = new TextEncoder().encode(`${text}\0`);
  const most = Math.min(max, COMMAND_LINE_ROOM - 1);
  if (bytes.length - 1 <= most) return piece(LowMemory.commandLine, bytes);
  throw new BootError(
    "too-large",
    `command line: it has ${bytes.length - 1} bytes, this kernel takes ${most}; make it shorter`,
  );
}

/** As high as the kernel allows, so that it is out of the way of what the kernel unpacks. */
function placeInitrd(
  { initrd, memory }: BootRequest,
  floor: number,
  limit: number,
): Segment | undefined {
  if (initrd === undefined || initrd.length === 0) return undefined;
  const address = highestRam(memory, initrd.length, { floor, limit, alignment: PAGE });
  if (address !== undefined) return piece(address, initrd);
  throw new BootError(
    "too-little-memory",
    `memory: ${mib(ramBytes(memory))} are too little for the kernel, which ends at ${
      hex(floor)
    }, and an initrd of ${mib(initrd.length)} below ${hex(limit)}; give at least ${
      mib(floor + initrd.length + PAGE)
    }`,
  );
}

/** The kernel's memory must be RAM. */
function needRam({ memory }: BootRequest, address: number, size: number): void {
  if (isRam(memory, address, size)) return;
  const wanted = `kernel: it wants memory at ${hex(address)} to ${hex(address + size)}`;
  if (address >= MIB && address + size <= FOUR_GIB) {
    throw new BootError(
      "too-little-memory",
      `${wanted}; give more than ${mib(ramBytes(memory))} of memory`,
    );
  }
  throw new BootError("overlap", `${wanted}, which is not RAM; link it to 1 MiB or above`);
}

/** `pieces` ascend. */
function check(memory: MemoryMap, pieces: readonly Segment[]): void {
  pieces.forEach(({ address, memorySize }, i) => {
    if (!isRam(memory, address, memorySize)) {
      throw new BootError("too-little-memory", `memory: there is none at ${hex(address)}`);
    }
    const next = pieces[i + 1];
    if (next !== undefined && address + memorySize > next.address) {
      throw new BootError(
        "overlap",
        `kernel: it wants memory at ${hex(next.address)}, where something else is up to ${
          hex(address + memorySize)
        }; link it to 1 MiB or above`,
      );
    }
  });
}

function hex(value: number): string {
  return `0x${value.toString(16)}`;
}

function mib(bytes: number): string {
  return `${Math.ceil(bytes / MIB)} MiB`;
}
