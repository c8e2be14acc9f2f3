/**
 * Random guests of x86-64 on the microvm board: in real mode, in 16-bit, 32-bit and 64-bit code, with and
 * without each kind of paging, over random descriptor tables, gates, TSS and page tables.
 */
import { X86Cpu } from "../../arch/x86_64/cpu.ts";
import { field } from "../../arch/x86_64/layout.ts";
import { Mode } from "../../arch/x86_64/mode.ts";
import { CR0, CR4, EFER, Gpr } from "../../arch/x86_64/registers.ts";
import { Segment } from "../../arch/x86_64/state.ts";
import { validateMachineConfig } from "../../config/machine_config.ts";
import { TscMsr } from "../../devices/apic/tsc.ts";
import type { BoardOptions } from "../board.ts";
import { MicrovmBoard } from "../microvm.ts";
import { MicrovmMap, MicrovmPort, microvmVirtioAddress } from "../microvm_map.ts";
import { FUZZ_MEMORY, type FuzzGuest, fuzzMachine } from "./fuzz_board.ts";
import { type CodeKind, fillCode, fillDescriptors, fillTable } from "./random_code_x64.ts";
import type { Random } from "./random_numbers.ts";

/** Places in RAM. */
const GDT = 0x1000;
const IDT = 0x2000;
const TSS = 0x3000;
const LDT = 0x4000;
const STACK = 0x8000;
const TABLES = 0x10000;
const TABLE_PAGES = 8;
const CODE = 0x20000;
/** A power of two. */
const CODE_BYTES = 4 * 4096;
/** Handlers of exceptions, one for each vector. */
const HANDLERS = 0x30000;
const HANDLER_BYTES = 64;
const VECTORS = 256;

/** Selectors of descriptors that are as they should be, most of the time. */
const CODE_SELECTOR = 0x08;
const DATA_SELECTOR = 0x10;
const TSS_SELECTOR = 0x18;
const USER_CODE_SELECTOR = 0x28;
const USER_DATA_SELECTOR = 0x30;
/** Vectors with an error code. */
const WITH_CODE: readonly number[] = [8, 10, 11, 12, 13, 14, 17];

/** Addresses where something answers, and some where nothing does. */
const PLACES: readonly number[] = [
  ...[MicrovmMap.localApic, MicrovmMap.ioApic, MicrovmMap.ioApic2, MicrovmMap.acpiPower],
  ...[23, 22, 21, 20, 19, 0].map(microvmVirtioAddress),
  ...[0, MicrovmMap.videoHole, MicrovmMap.deviceHole, 0xffff_f000],
  ...[GDT, IDT, TSS, LDT, STACK, TABLES, TABLES + 0x3000, CODE, CODE + 0x2000, HANDLERS],
  ...[FUZZ_MEMORY - 4096, FUZZ_MEMORY],
];
const TABLE_ADDRESSES: readonly number[] = Array.from(
  { length: TABLE_PAGES },
  (_, n) => TABLES + n * 4096,
);
const PORTS: readonly number[] = Object.values(MicrovmPort);
const MSRS: readonly number[] = [
  ...[0x10, 0x1b, 0x3a, 0x3b, 0x8b, 0xfe, 0x174, 0x175, 0x176, 0x1a0, 0x200, 0x250, 0x277, 0x2ff],
  ...[0x6e0, 0x802, 0x808, 0x80b, 0x80f, 0x830, 0x832, 0x838, 0x83f],
  ...[0xc0000080, 0xc0000081, 0xc0000082, 0xc0000084, 0xc0000100, 0xc0000101, 0xc0000102],
];

/** What runs: the size of code, and the paging. */
const MODES = [
  { bits: 16, paging: "none", real: true },
  { bits: 16, paging: "32-bit", real: false },
  { bits: 32, paging: "none", real: false },
  { bits: 32, paging: "32-bit", real: false },
  { bits: 32, paging: "pae", real: false },
  { bits: 32, paging: "4-level", real: false },
  { bits: 64, paging: "4-level", real: false },
  { bits: 64, paging: "4-level", real: false },
  { bits: 64, paging: "4-level", real: false },
] as const;
type GuestMode = typeof MODES[number];

/** Attributes of code by its bits; data is flat. */
const CODE_ATTRIBUTES = { 16: 0x809b, 32: 0xc09b, 64: 0xa09b } as const;
const DATA_ATTRIBUTES = 0xc093;
const CODE_MODES = { 16: Mode.code16, 32: Mode.code32, 64: Mode.code64 } as const;

/** CR0 and CR4 bits that cases set or not; what they need for their mode comes besides. */
const CR0_ANY = CR0.MP | CR0.EM | CR0.TS | CR0.NE | CR0.WP | CR0.AM;
const CR4_ANY = CR4.TSD | CR4.DE | CR4.MCE | CR4.PGE | CR4.PCE | CR4.UMIP | CR4.FSGSBASE |
  CR4.OSXSAVE | CR4.SMEP | CR4.SMAP;

/** Without what keeps handlers of CPL 0 from the user's pages, where all of RAM is then. */
const CR4_USER = CR4_ANY & ~(CR4.SMEP | CR4.SMAP);

/** What to make a {@linkcode FuzzBoard} of. */
export class MicrovmGuest implements FuzzGuest {
  readonly board: MicrovmBoard;
  readonly registers: readonly number[];
  readonly #words: Uint32Array;
  #mode: GuestMode = MODES[0];
  #cpl: 0 | 3 = 0;

  /** `packed`: virtio devices offer packed queues. */
  constructor(options: BoardOptions, packed = false) {
    const config = validateMachineConfig({ ...fuzzMachine(packed), arch: "x86_64", cpu: "max" });
    if (config.arch !== "x86_64") throw new Error("the guests are for x86_64");
    this.board = new MicrovmBoard({
      ...options,
      config,
      // Cases bring their own code.
      image: { kernel: { kind: "pvh", program: { entry: 0, segments: [] } }, initrd: undefined },
    });
    this.registers = [...this.board.localApics.ids, ...Object.values(TscMsr)];
    const { bytes } = this.board.engine.memory;
    this.#words = new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
  }

  fill(random: Random): void {
    const { memory } = this.board.engine;
    this.#mode = random.pick(MODES);
    this.#cpl = random.pick([0, 0, 3]);
    const { bits, paging, real } = this.#mode;
    const kind: CodeKind = random.pick(["mixed", "mixed", "memory", "system", "branches"]);
    const mode = CODE_MODES[bits] | (real ? 0 : Mode.protected) | Mode.cpl0 | Mode.fpu | Mode.sse;
    fillCode(random, memory.bytes.subarray(CODE, CODE + CODE_BYTES), kind, mode);
    for (const table of TABLE_ADDRESSES) {
      fillTable(random, this.#page(table), paging !== "32-bit", TABLE_ADDRESSES, PLACES);
    }
    this.#mapRam();
    for (const table of [GDT, LDT]) fillDescriptors(random, this.#page(table), PLACES);
    this.#fillSegments(random);
    this.#fillTask(random);
    this.#fillVectors(random);
    memory.written(0, HANDLERS + VECTORS * HANDLER_BYTES);
  }

  codeAddress(random: Random): number {
    return CODE + random.below(CODE_BYTES);
  }

  begin(random: Random, vcpu: number): void {
    const { engine: { state } } = this.board;
    const { bits, paging, real } = this.#mode;
    const cpu = this.board.engine.cpu(vcpu);
    if (!(cpu instanceof X86Cpu)) throw new Error("the engine has another CPU");
    const { context } = cpu;
    for (let n = 0; n < 16; n++) state.set64(field("r"), this.#value(random), n);
    state.set64(field("r"), BigInt(this.#stackPointer(random)), Gpr.rsp);
    for (let n = 0; n < 32; n++) state.u64[(field("xmm").address >>> 3) + n] = random.long();
    if (random.oneIn(4)) state.set64(field("dr"), BigInt(random.word() | 0x400), 7);
    for (let n = 0; n < 4; n++) state.set64(field("dr"), this.#value(random), n);
    const long = paging === "4-level";
    const cr0 = (real ? 0 : CR0.PE) | (paging === "none" ? 0 : CR0.PG) | CR0.ET |
      (random.oneIn(2) ? random.word() & CR0_ANY : 0);
    const cr4 = CR4.OSFXSR |
      (random.oneIn(2) ? random.word() & (this.#cpl === 0 ? CR4_ANY : CR4_USER) : 0) |
      (long || paging === "pae" ? CR4.PAE : CR4.PSE) |
      (long && random.oneIn(4) ? CR4.PCIDE : 0);
    state.set32(field("cr0"), cr0 >>> 0);
    state.set32(field("cr4"), cr4);
    state.set64(field("cr3"), BigInt(TABLES));
    const efer = long ? EFER.LME | EFER.LMA : 0;
    state.set32(field("efer"), efer | EFER.SCE | (random.oneIn(2) ? EFER.NXE : 0));
    state.set64(field("gdtrBase"), BigInt(GDT));
    state.set32(field("gdtrLimit"), random.oneIn(8) ? random.below(4096) : 0xfff);
    if (!real) state.set64(field("idtrBase"), BigInt(IDT));
    state.set32(field("idtrLimit"), random.oneIn(16) ? random.below(4096) : 0xfff);
    for (const [name, id] of [["star", 0], ["lstar", 1], ["sysenterEip", 2]] as const) {
      const target = BigInt(this.codeAddress(random));
      state.set64(field(name), id === 0 ? 0x0018_0008n << 32n : target);
    }
    if (!real) this.#setSegments(context, bits);
    // Any flags, VM aside, which nothing can set.
    context.state.rflags = (random.oneIn(2) ? random.word() & ~0x20000 : 0) |
      (random.oneIn(2) ? 0x200 : 0);
    context.state.jump(this.codeAddress(random));
    cpu.reload();
    if (random.oneIn(2)) this.#startTimer(random, vcpu);
  }

  /** Interrupts now and then, by the timer of the vCPU's local APIC. */
  #startTimer(random: Random, vcpu: number): void {
    const write = (offset: number, value: number): void => {
      this.board.bus.write(MicrovmMap.localApic + offset, 4, value, 0, vcpu);
    };
    write(0xf0, 0x1ff); // SVR: enabled
    write(0x320, 0x20000 | (16 + random.below(VECTORS - 16))); // LVT timer: periodic
    write(0x380, 1 + random.below(1_000_000)); // initial count
  }

  #page(address: number): Uint32Array {
    return this.#words.subarray(address / 4, address / 4 + 1024);
  }

  /** The tables' first entries map the first MiBs one to one, whatever there are of levels. */
  #mapRam(): void {
    const { paging } = this.#mode;
    const words = this.#words;
    const table = (n: number): number => TABLE_ADDRESSES[n] / 4;
    // A large page, of the user if user code runs there.
    const page = this.#cpl === 0 ? 0x83 : 0x87;
    if (paging === "32-bit") words[table(0)] = page;
    else if (paging === "pae") {
      words.set([TABLE_ADDRESSES[1] | 1, 0], table(0));
      words.set([page, 0], table(1));
    } else {
      words.set([TABLE_ADDRESSES[1] | 7, 0], table(0));
      words.set([TABLE_ADDRESSES[2] | 7, 0], table(1));
      words.set([page, 0], table(2));
    }
  }

  #fillSegments(random: Random): void {
    if (random.oneIn(8)) return;
    const { bits } = this.#mode;
    const set = (selector: number, attributes: number, base = 0, limit = 0xfffff): void => {
      const at = (GDT + selector) / 4;
      this.#words[at] = ((base & 0xffff) << 16) | (limit & 0xffff);
      this.#words[at + 1] = (attributes << 8) | (limit & 0xf0000) | ((base >>> 16) & 0xff);
    };
    set(CODE_SELECTOR, CODE_ATTRIBUTES[bits]);
    set(DATA_SELECTOR, DATA_ATTRIBUTES);
    set(TSS_SELECTOR, 0x89, TSS, 0xfff);
    this.#words.fill(0, (GDT + TSS_SELECTOR + 8) / 4, (GDT + TSS_SELECTOR + 16) / 4);
    set(USER_CODE_SELECTOR, CODE_ATTRIBUTES[bits] | 0x60);
    set(USER_DATA_SELECTOR, DATA_ATTRIBUTES | 0x60);
  }

  /** Stacks, and a map of ports. */
  #fillTask(random: Random): void {
    const words = this.#page(TSS);
    for (let n = 1; n < words.length; n += 2) {
      words[n] = this.#stackPointer(random);
      words[n + 1] = this.#mode.paging === "4-level" || random.oneIn(16) ? 0 : DATA_SELECTOR;
    }
    // The map's place is in the upper half.
    words[25] = random.oneIn(2) ? 0x0068_0000 : random.word();
  }

  /** Gates or vectors that lead to handlers, most of them, and the handlers. */
  #fillVectors(random: Random): void {
    const { bytes } = this.board.engine.memory;
    const words = this.#words;
    const { bits, paging, real } = this.#mode;
    const long = paging === "4-level";
    for (let vector = 0; vector < VECTORS; vector++) {
      const handler = HANDLERS + vector * HANDLER_BYTES;
      const at = bytes.subarray(handler, handler + HANDLER_BYTES);
      at.set(this.#handler(random, vector));
      if (real) {
        words[vector] = ((handler >>> 4) << 16) | (random.oneIn(16) ? random.below(0x10000) : 0);
        continue;
      }
      const type = random.oneIn(16) ? random.below(256) : random.pick([0x8e, 0x8e, 0xee, 0x8f]);
      const selector = random.oneIn(16) ? random.below(0x10000) : CODE_SELECTOR;
      const ist = random.oneIn(4) ? random.below(8) : 0;
      const gate = IDT / 4 + vector * (long ? 4 : 2);
      if (gate + 4 > (IDT + 4096) / 4) continue;
      words[gate] = (selector << 16) | (handler & 0xffff);
      words[gate + 1] = (handler & 0xffff0000) | (type << 8) | (long ? ist : 0);
      if (!long) continue;
      words[gate + 2] = random.oneIn(32) ? random.word() : 0;
      words[gate + 3] = 0;
    }
    // In IA-32e mode handlers are 64-bit code.
    if (long && bits === 32) words[(GDT + CODE_SELECTOR) / 4 + 1] = 0x00af9b00;
  }

  /** Goes on some bytes behind what was interrupted, or where that leads to within the code. */
  #handler(random: Random, vector: number): number[] {
    const { bits, paging, real } = this.#mode;
    const skipped = 1 + random.below(4);
    const within = CODE_BYTES - 1;
    if (real) {
      // add word ptr [esp], skipped; and word ptr [esp], within; mov word ptr [esp + 2], segment; iret
      return [
        ...[0x67, 0x83, 0x04, 0x24, skipped, 0x67, 0x81, 0x24, 0x24, within & 0xff, within >>> 8],
        ...[0x67, 0xc7, 0x44, 0x24, 2, (CODE >>> 4) & 0xff, CODE >>> 12, 0xcf],
      ];
    }
    const hasCode = WITH_CODE.includes(vector);
    const long = paging === "4-level";
    // Operands and addresses of 32 bits also in 16-bit code.
    const wide = long ? [0x48] : bits === 16 ? [0x66] : [];
    const operand = bits === 16 ? [0x67, ...wide] : wide;
    return [
      ...(hasCode ? [...wide, 0x83, 0xc4, long ? 8 : 4] : []), // add esp, 4
      ...[...operand, 0x83, 0x04, 0x24, skipped], // add dword ptr [esp], skipped
      ...[...operand, 0x81, 0x24, 0x24, ...dword(within)], // and dword ptr [esp], within
      ...[...operand, 0x81, 0x0c, 0x24, ...dword(CODE)], // or dword ptr [esp], CODE
      ...[...wide, 0xcf], // iretd
    ];
  }

  #setSegments({ segments, state }: X86Cpu["context"], bits: 16 | 32 | 64): void {
    const cpl = this.#cpl;
    const flat = (selector: number, attributes: number) => ({
      selector: selector | cpl,
      base: 0,
      limit: 0xffffffff,
      attributes: attributes | (cpl << 5),
    });
    segments.set(
      Segment.cs,
      flat(cpl === 0 ? CODE_SELECTOR : USER_CODE_SELECTOR, CODE_ATTRIBUTES[bits]),
    );
    for (const segment of [Segment.es, Segment.ss, Segment.ds, Segment.fs, Segment.gs]) {
      segments.set(
        segment,
        flat(cpl === 0 ? DATA_SELECTOR : USER_DATA_SELECTOR, DATA_ATTRIBUTES),
      );
    }
    segments.set(Segment.tr, { selector: TSS_SELECTOR, base: TSS, limit: 0xfff, attributes: 0x8b });
    state.cpl = cpl;
  }

  #stackPointer(random: Random): number {
    return random.oneIn(16) ? random.word() : STACK + random.below(0x1000) * 8;
  }

  /** What instructions may want in a register: an address, a port, a number of an MSR, anything. */
  #value(random: Random): bigint {
    switch (random.below(8)) {
      case 0:
        return random.long();
      case 1:
        return BigInt(random.pick(PORTS));
      case 2:
        return BigInt(random.pick(MSRS));
      case 3:
        return BigInt(random.below(0x80));
      default:
        return BigInt(random.pick(PLACES) + random.pick([0, 0, 8, 0x80, 0x300, 0xff8]));
    }
  }
}

/** Four bytes, lowest first. */
function dword(value: number): number[] {
  return [0, 8, 16, 24].map((shift) => (value >>> shift) & 0xff);
}
