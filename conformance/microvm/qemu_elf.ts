/**
 * Puts a kernel that is laid out for our microvm board into QEMU's: an ELF program whose PVH entry
 * copies everything to its place and sets up the boot state, so that QEMU's own loader and tables have
 * no part in it.
 */
import type { Segment } from "../../lib/boot/elf.ts";
import type { BootPlan } from "../../lib/boot/x86_64/boot_plan.ts";
import { entryNote, makeNoteElf } from "../../lib/boot/x86_64/pvh_elf.ts";

const PAGE = 4096;
/** Below, QEMU's firmware is at work until the entry. */
const ONE_MIB = 0x10_0000;
const MSR_EFER = 0xc000_0080;
const EFER_LMA = 0x400;

/** Numbers of registers in instructions. */
const Register = { ecx: 1, edx: 2, ebx: 3, esp: 4, ebp: 5, esi: 6, edi: 7 } as const;
const Segments = { es: 0, ss: 2, ds: 3, fs: 4, gs: 5 } as const;

/** The ELF file. `tables`: what lies in memory besides the plan. There must be RAM behind the kernel. */
export function qemuElf(plan: BootPlan, tables: readonly Segment[]): Uint8Array<ArrayBuffer> {
  const pieces = [...plan.pieces, ...tables];
  const high = pieces.filter(({ address }) => address >= ONE_MIB);
  const low = pieces.filter(({ address }) => address < ONE_MIB);
  const room = low.reduce((sum, { bytes }) => sum + alignUp(bytes.length), 2 * PAGE);
  const start = freePlace(high, room);
  const staged: Segment[] = [];
  const code: number[] = [];
  let at = start + 2 * PAGE;
  for (const { address, bytes } of low) {
    staged.push({ address: at, bytes, memorySize: bytes.length });
    code.push(...copy(at, address, bytes.length));
    at += alignUp(bytes.length);
  }
  const gdtr = start + PAGE;
  code.push(...enter(plan, gdtr));
  if (code.length > PAGE) throw new Error("too many pieces");
  const { base, limit } = plan.state.gdtr;
  const operand = Uint8Array.from([limit & 0xff, limit >> 8, ...u32(base)]);
  return makeNoteElf(
    [
      { address: start, bytes: Uint8Array.from(code), memorySize: PAGE },
      { address: gdtr, bytes: operand, memorySize: PAGE },
      ...staged,
      ...high,
    ],
    [entryNote(start)],
  );
}

/** The first place behind a piece where `size` bytes are free. */
function freePlace(pieces: readonly Segment[], size: number): number {
  const ends = pieces.map(({ address, memorySize }) => alignUp(address + memorySize));
  const free = ends.find((start) =>
    pieces.every(({ address, memorySize }) =>
      start + size <= address || address + memorySize <= start
    )
  );
  if (free === undefined) throw new Error("no place is free");
  return free;
}

/** MOV ESI, from; MOV EDI, to; MOV ECX, count; REP MOVSB. */
function copy(from: number, to: number, count: number): number[] {
  return [
    ...load(Register.esi, from),
    ...load(Register.edi, to),
    ...load(Register.ecx, count),
    ...[0xf3, 0xa4],
  ];
}

/** Takes the plan's state. A TSS is not loaded: the descriptor says that it is in use already. */
function enter({ state }: BootPlan, gdtr: number): number[] {
  const { cr0, cr3, cr4, efer, general, data, cs, rip } = state;
  return [
    ...[0x0f, 0x01, 0x15, ...u32(gdtr)], // LGDT [gdtr]
    ...loadControl(4, cr4),
    ...loadControl(3, cr3),
    ...load(Register.ecx, MSR_EFER),
    ...loadEax(efer & ~EFER_LMA),
    ...[0x31, 0xd2], // XOR EDX, EDX
    ...[0x0f, 0x30], // WRMSR
    ...loadControl(0, cr0),
    ...loadEax(data.selector),
    ...Object.values(Segments).flatMap((segment) => [0x8e, 0xc0 | segment << 3]),
    ...loadEax(0),
    ...load(Register.ecx, 0),
    ...load(Register.edx, 0),
    ...load(Register.ebx, general.rbx ?? 0),
    ...load(Register.esp, general.rsp ?? 0),
    ...load(Register.ebp, 0),
    ...load(Register.esi, general.rsi ?? 0),
    ...load(Register.edi, 0),
    ...[0xea, ...u32(rip), cs.selector, 0], // JMP FAR cs:rip
  ];
}

/** MOV EAX, value; MOV CRn, EAX. */
function loadControl(register: number, value: number): number[] {
  return [...loadEax(value), 0x0f, 0x22, 0xc0 | register << 3];
}

function loadEax(value: number): number[] {
  return load(0, value);
}

/** MOV register, value. */
function load(register: number, value: number): number[] {
  return [0xb8 + register, ...u32(value)];
}

function u32(value: number): number[] {
  return [0, 8, 16, 24].map((shift) => value >>> shift & 0xff);
}

function alignUp(value: number): number {
  return Math.ceil(value / PAGE) * PAGE;
}
