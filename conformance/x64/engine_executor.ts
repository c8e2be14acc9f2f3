/**
 * The engine as an executor of cases: 64-bit code at CPL 3, with page tables, descriptor tables and
 * handlers of exceptions that halt.
 */
import type { Engine } from "../../lib/engine/engine.ts";
import type { GuestMemory } from "../../lib/engine/guest_memory.ts";
import type { StateView } from "../../lib/engine/layout.ts";
import type { X86Cpu } from "../../lib/arch/x86_64/cpu.ts";
import { Vector } from "../../lib/arch/x86_64/guest_fault.ts";
import { field } from "../../lib/arch/x86_64/layout.ts";
import { Attribute, CR0, CR4, EFER, Gpr } from "../../lib/arch/x86_64/registers.ts";
import { Segment } from "../../lib/arch/x86_64/state.ts";
import { bareEngine, type Way } from "../../lib/arch/x86_64/testing/bare_engine.ts";
import { loadState, storeState } from "./cpu_state.ts";
import type { CaseCode, Executor } from "./replay.ts";
import { CODE, Ending, slotAddress, State, WINDOW } from "./state.ts";

/** Linear address of physical address 0 for CPL 0, up to the page tables. */
const KERNEL = 0xffff800000000000n;
/** Physical memory. */
const Place = {
  gdt: 0x1000,
  idt: 0x2000,
  tss: 0x3000,
  stackTop: 0x5000,
  /** A HLT for each vector, 16 bytes apart. */
  handlers: 0x6000,
  /** Page tables: PML4, PDPT, page directories and page tables of the low memory and of the cases. */
  tables: 0x8000,
  window: 0x10000,
  code: 0x20000,
  size: 0x40000,
} as const;
const CODE_BYTES = CODE.slots * CODE.slotBytes + 4096;
const Selector = { code: 8, data: 0x10, userData: 0x23, userCode: 0x2b, tss: 0x30 } as const;

const [PRESENT, WRITABLE, USER] = [1n, 2n, 4n];
const NO_EXECUTE = 1n << 63n;
/** Vectors whose exceptions push an error code. */
const WITH_CODE: ReadonlySet<number> = new Set([8, 10, 11, 12, 13, 14, 17]);
/** Instructions of a case at most: strings repeat themselves. */
const BUDGET = 10_000;
/** And in so many slices: an instruction that never ends is an end, too. */
const SLICES = 10;

/** The engine with one vCPU and the memory of the cases. */
export class EngineExecutor implements Executor {
  readonly name: Way;
  readonly engine: Engine;
  readonly #cpu: X86Cpu;
  readonly #view: StateView;
  readonly #memory: GuestMemory;
  readonly #window: Uint8Array;
  readonly #code: Uint8Array = new Uint8Array(CODE.slots * CODE.slotBytes);

  /** @param codeBytes how much of CODE and what is behind it is mapped */
  constructor(way: Way, codeBytes: number = CODE_BYTES) {
    this.name = way;
    const { engine, cpu } = bareEngine(way, Place.size);
    this.engine = engine;
    this.#cpu = cpu;
    this.#view = engine.state;
    this.#memory = engine.memory;
    this.#window = this.#memory.bytes.subarray(Place.window, Place.window + WINDOW.size);
    this.#writePages(codeBytes);
    this.#writeTables();
    this.#writeSystemState();
    cpu.reload();
  }

  #writePages(codeBytes: number): void {
    const entry = (table: number, index: number, value: bigint): void => {
      this.#memory.write64(Place.tables + 0x1000 * table + 8 * index, value);
    };
    const next = (table: number): bigint =>
      BigInt(Place.tables + 0x1000 * table) | PRESENT | WRITABLE | USER;
    entry(0, 256, next(1));
    entry(1, 0, next(2));
    entry(2, 0, next(3));
    entry(0, 0, next(6));
    entry(6, WINDOW.address >>> 30, next(4));
    entry(4, (WINDOW.address >>> 21) & 511, next(5));
    for (let at = 0; at < Place.tables; at += 4096) {
      entry(3, at >>> 12, BigInt(at) | PRESENT | WRITABLE);
    }
    const pages = (address: number, physical: number, bytes: number, rights: bigint): void => {
      for (let at = 0; at < bytes; at += 4096) {
        entry(5, ((address + at) >>> 12) & 511, BigInt(physical + at) | PRESENT | USER | rights);
      }
    };
    pages(WINDOW.address, Place.window, WINDOW.size, WRITABLE | NO_EXECUTE);
    const [behind, physical] = [WINDOW.address, Place.window].map((at) => at + WINDOW.size);
    pages(behind, physical, WINDOW.readOnlySize, NO_EXECUTE);
    pages(CODE.address, Place.code, codeBytes, 0n);
    this.#memory.write(Place.code, new Uint8Array(CODE_BYTES).fill(CODE.filler));
  }

  #writeTables(): void {
    const memory = this.#memory;
    memory.write64(Place.gdt + Selector.code, 0x00209b0000000000n);
    memory.write64(Place.gdt + Selector.data, 0x0000930000000000n);
    memory.write64(Place.gdt + (Selector.userData & ~7), 0x0000f30000000000n);
    memory.write64(Place.gdt + (Selector.userCode & ~7), 0x0020fb0000000000n);
    // IST 1: whatever the stack pointer is, and whatever the CPL.
    memory.write64(Place.tss + 0x24, KERNEL + BigInt(Place.stackTop));
    // No port is allowed.
    memory.write16(Place.tss + 0x66, 0xffff);
    for (let vector = 0; vector < 32; vector++) {
      const at = Place.handlers + 16 * vector;
      memory.write(at, Uint8Array.of(CODE.filler));
      // Interrupt gates; those of INT3 and INTO of DPL 3.
      const type = vector === Vector.breakpoint || vector === Vector.overflow ? 0xeen : 0x8en;
      const gate = BigInt(at) | (BigInt(Selector.code) << 16n) | (1n << 32n) | (type << 40n);
      memory.write64(Place.idt + 16 * vector, gate | ((KERNEL & 0xffff0000n) << 32n));
      memory.write64(Place.idt + 16 * vector + 8, KERNEL >> 32n);
    }
  }

  #writeSystemState(): void {
    const set = (name: string, value: number, index = 0): void =>
      this.#view.set32(field(name), value, index);
    const setBase = (name: string, place: number, index = 0): void =>
      this.#view.set64(field(name), KERNEL + BigInt(place), index);
    set("cr0", CR0.PE | CR0.MP | CR0.ET | CR0.NE | CR0.WP | CR0.AM | CR0.PG);
    set("cr4", CR4.PAE | CR4.OSFXSR | CR4.OSXMMEXCPT | CR4.OSXSAVE | CR4.FSGSBASE);
    set("efer", EFER.NXE | EFER.LMA | EFER.LME | EFER.SCE);
    this.#view.set64(field("cr3"), BigInt(Place.tables));
    setBase("gdtrBase", Place.gdt);
    set("gdtrLimit", 0x3f);
    setBase("idtrBase", Place.idt);
    set("idtrLimit", 0x1ff);
    set("selector", Selector.tss, Segment.tr);
    setBase("segmentBase", Place.tss, Segment.tr);
    set("segmentLimit", 0x67, Segment.tr);
    set("segmentAttributes", Attribute.present | 0xb, Segment.tr);
  }

  run(
    code: readonly CaseCode[],
    before: (index: number, state: State) => void,
    result: (index: number, after: State) => void,
  ): void {
    this.#code.fill(CODE.filler);
    for (const { index, bytes } of code) {
      this.#code.set(bytes, slotAddress(index) - CODE.address);
    }
    this.#memory.write(Place.code, this.#code);
    const state = new State();
    let compiled = this.name !== "region";
    for (const { index } of code) {
      before(index, state);
      this.#load(state);
      if (!compiled) {
        this.engine.compileAt(0, code.map((one) => slotAddress(one.index)), CODE.slotBytes);
        compiled = true;
      }
      this.#execute(state);
      result(index, state);
    }
  }

  /** Runs code at an address of CODE from a state, which it turns into the one that it ends in. */
  runAt(address: number, bytes: Uint8Array, state: State): void {
    this.#memory.write(Place.code + address - CODE.address, bytes);
    this.#load(state);
    this.#execute(state);
  }

  #execute(state: State): void {
    let left = BUDGET;
    let reason = "";
    for (let slices = 0; slices < SLICES && left > 0 && reason !== "wait"; slices++) {
      const slice = this.engine.run(0, left);
      left -= slice.executed;
      reason = slice.reason;
    }
    state.vector = Ending.timeout;
    state.error = 0;
    state.address = 0n;
    if (reason === "wait") this.#readException(state);
    storeState(this.#cpu, state);
    new Uint8Array(state.memory.buffer).set(this.#window);
  }

  /** What the exception has left on the stack of CPL 0. */
  #readException(state: State): void {
    const { state: cpu } = this.#cpu.context;
    const vector = (cpu.pcLow - Place.handlers) >> 4;
    let frame = cpu.low(Gpr.rsp);
    const word = (n: number): bigint => this.#memory.read64(frame + 8 * n) ?? 0n;
    state.vector = vector;
    if (WITH_CODE.has(vector)) {
      state.error = Number(word(0));
      frame += 8;
    }
    this.#view.set64(field("pc"), word(0));
    cpu.rflags = Number(word(2));
    this.#view.set64(field("r"), word(3), Gpr.rsp);
    if (vector === Vector.pageFault) state.address = this.#view.get64(field("cr2"));
    const at = Number(word(0)) - CODE.address;
    const halted = vector === Vector.generalProtection && at >= 0 && at < CODE_BYTES &&
      this.#memory.bytes[Place.code + at] === CODE.filler;
    if (!halted) return;
    state.vector = Ending.end;
    state.error = 0;
  }

  #load(state: State): void {
    const view = this.#view;
    const { state: cpu } = this.#cpu.context;
    cpu.cpl = 3;
    const present = Attribute.present | Attribute.nonSystem | Attribute.writable |
      (3 << Attribute.dplShift);
    const segment = (number: number, selector: number, attributes: number): void => {
      view.set32(field("selector"), selector, number);
      view.set32(field("segmentAttributes"), attributes, number);
      view.set32(field("segmentLimit"), 0xffffffff, number);
      view.set64(field("segmentBase"), 0n, number);
    };
    segment(Segment.cs, Selector.userCode, present | Attribute.code | Attribute.long);
    for (const number of [Segment.ss, Segment.ds, Segment.es]) {
      segment(number, Selector.userData, present);
    }
    loadState(this.#cpu, state);
    this.#window.set(new Uint8Array(state.memory.buffer));
  }
}
