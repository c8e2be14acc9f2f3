/**
 * Executes x86-64 instructions one at a time without the engine: each handler is a function, memory
 * is what the vectors are recorded with (state.ts), mapped by page tables. For trying out rows.
 */
import {
  Access,
  type ArchBinding,
  type EngineServices,
  type Helper,
  Outcome,
} from "../../lib/engine/arch.ts";
import { Slots } from "../../lib/engine/code_context.ts";
import { GuestMemory } from "../../lib/engine/guest_memory.ts";
import { HelperTable } from "../../lib/engine/helpers.ts";
import { bindOperands, type Decoded, Slot } from "../../lib/engine/instruction.ts";
import { moduleStore } from "../../lib/engine/module_store.ts";
import { type Imports, instantiate, newModule, writeSingle } from "../../lib/engine/interpreter.ts";
import { byteRegisterOffset } from "../../lib/engine/interpreter_builder.ts";
import { Miss, StateView } from "../../lib/engine/layout.ts";
import {
  BYTE_RECORDS,
  Exit,
  Record,
  TLB_BASE,
  TLB_ENTRY,
  TLB_MASK,
  TLB_STRIDE,
  TLB_WRITE,
} from "../../lib/engine/memory_map.ts";
import { faultOf, X86Cpu } from "../../lib/arch/x86_64/cpu.ts";
import { operandsOf, X86Decoder } from "../../lib/arch/x86_64/decoder.ts";
import { Fault } from "../../lib/arch/x86_64/fault_numbers.ts";
import { flagModel } from "../../lib/arch/x86_64/flags.ts";
import {
  generalProtection,
  GuestFault,
  invalidOpcode,
  Vector,
} from "../../lib/arch/x86_64/guest_fault.ts";
import type { X86Handler } from "../../lib/arch/x86_64/handler.ts";
import type { HostContext } from "../../lib/arch/x86_64/host_context.ts";
import { hostInstructions } from "../../lib/arch/x86_64/host_instructions.ts";
import { layout } from "../../lib/arch/x86_64/layout.ts";
import { type Mmu, NOT_CANONICAL, TRANSLATED } from "../../lib/arch/x86_64/mmu.ts";
import { enabled, Tlb } from "../../lib/arch/x86_64/mode.ts";
import type { ProcessorState } from "../../lib/arch/x86_64/processor_state.ts";
import { Attribute, CR0, CR4, EFER, RFLAGS } from "../../lib/arch/x86_64/registers.ts";
import type { X86Row } from "../../lib/arch/x86_64/row.ts";
import { Segment } from "../../lib/arch/x86_64/state.ts";
import { bareWiring } from "./cpu_state.ts";
import { CODE, WINDOW } from "./state.ts";

/** Physical memory: page tables, then the window with what is read-only behind it, then code. */
const PHYSICAL = { tables: 0x1000, window: 0x10000, code: 0x20000, size: 0x40000 } as const;
/** Host address of physical address 0. */
const RAM = 0x100000;
const HOST_PAGES = (RAM + PHYSICAL.size) >> 16;
const RECORD_AT = 0xf0000;
const [PRESENT, WRITABLE, USER] = [1n, 2n, 4n];
const NO_EXECUTE = 1n << 63n;
/** How often an instruction may miss before that is taken for a fault of this rig. */
const MOST_MISSES = 8;
const CODE_BYTES = CODE.slots * CODE.slotBytes + 4096;

type Single = (record: number, pc: bigint, tlb: number) => Exit;

/**
 * An instruction has two accesses that begin in one page, and one of them ends in the next: more than
 * one entry of a TLB can say.
 */
export class TwoPagesError extends Error {}

/** One vCPU at CPL 3 in 64-bit mode. */
export class SingleMachine {
  readonly decoder: X86Decoder;
  readonly view: StateView;
  readonly state: ProcessorState;
  readonly memory: GuestMemory;
  readonly mmu: Mmu;
  readonly #binding: ArchBinding;
  readonly #helpers: HelperTable;
  readonly #imports: Imports;
  readonly #words: Int32Array;
  readonly #bytes: Uint8Array;
  readonly #singles = new Map<X86Handler, Single>();
  readonly #context: HostContext;
  /** Entries of the TLBs that are only for the current instruction, as indices of words. */
  readonly #patched: number[] = [];

  constructor(rows: readonly X86Row[], helpers: readonly Helper[]) {
    this.decoder = new X86Decoder(rows);
    const memory = new WebAssembly.Memory({
      initial: HOST_PAGES,
      maximum: HOST_PAGES,
      shared: true,
    });
    const table = new WebAssembly.Table({ initial: Slots.end, element: "anyfunc" });
    this.#imports = { memory, table };
    this.#bytes = new Uint8Array(memory.buffer);
    this.#words = new Int32Array(memory.buffer);
    this.view = new StateView(memory.buffer);
    this.memory = new GuestMemory(this.#bytes.subarray(RAM, RAM + PHYSICAL.size), 0);
    this.#binding = {
      flags: flagModel,
      helpers,
      general: layout.get("r"),
      vector: layout.get("xmm"),
      zeroRegister: false,
      writableIsReadable: true,
      segmentBases: layout.get("segmentBase"),
    };
    this.#helpers = new HelperTable(helpers, Slots.helpers);
    this.#helpers.install(this.#imports, moduleStore(this.decoder), Slots.end);
    this.#writeTables();
    const wiring = bareWiring(this.memory, noEngine);
    const options = { ...wiring, state: this.view, model: "max" } as const;
    const cpu = new X86Cpu(options);
    this.#context = cpu.context;
    this.state = cpu.context.state;
    this.#writeSystemState();
    cpu.reload();
    this.mmu = cpu.context.mmu;
    this.#fillTlb();
  }

  /** The bytes of the window. */
  get window(): Uint8Array {
    return this.memory.bytes.subarray(PHYSICAL.window, PHYSICAL.window + WINDOW.size);
  }

  /** The bytes of the code pages, with a page of HLT behind them. */
  get code(): Uint8Array {
    return this.memory.bytes.subarray(PHYSICAL.code, PHYSICAL.code + CODE_BYTES);
  }

  #writeTables(): void {
    const tables = new DataView(this.memory.bytes.buffer, RAM);
    const entry = (table: number, index: number, value: bigint): void =>
      tables.setBigUint64(PHYSICAL.tables + 0x1000 * table + 8 * index, value, true);
    const all = PRESENT | WRITABLE | USER;
    const next = (table: number): bigint => BigInt(PHYSICAL.tables + 0x1000 * table) | all;
    entry(0, 0, next(1));
    entry(1, WINDOW.address >>> 30, next(2));
    entry(2, (WINDOW.address >>> 21) & 511, next(3));
    const pages = (address: number, physical: number, bytes: number, rights: bigint): void => {
      for (let at = 0; at < bytes; at += 4096) {
        entry(3, ((address + at) >>> 12) & 511, BigInt(physical + at) | PRESENT | USER | rights);
      }
    };
    pages(WINDOW.address, PHYSICAL.window, WINDOW.size, WRITABLE | NO_EXECUTE);
    const behind = [WINDOW.address, PHYSICAL.window].map((at) => at + WINDOW.size);
    pages(behind[0], behind[1], WINDOW.readOnlySize, NO_EXECUTE);
    pages(CODE.address, PHYSICAL.code, CODE_BYTES, 0n);
  }

  #writeSystemState(): void {
    const set = (name: string, value: number): void => this.view.set32(layout.get(name), value);
    set("cr0", CR0.PE | CR0.MP | CR0.ET | CR0.NE | CR0.WP | CR0.AM | CR0.PG);
    set("cr4", CR4.PAE | CR4.OSFXSR | CR4.OSXMMEXCPT | CR4.OSXSAVE | CR4.FSGSBASE);
    set("efer", EFER.NXE | EFER.LMA | EFER.LME | EFER.SCE);
    this.view.set64(layout.get("cr3"), BigInt(PHYSICAL.tables));
    this.state.cpl = 3;
    const code = Attribute.long | Attribute.code | Attribute.present | Attribute.nonSystem;
    this.view.set32(layout.get("segmentAttributes"), code, Segment.cs);
    for (const segment of [Segment.ss, Segment.ds, Segment.es]) {
      const data = Attribute.writable | Attribute.present | Attribute.nonSystem;
      this.view.set32(layout.get("segmentAttributes"), data, segment);
    }
  }

  #fillTlb(): void {
    this.#words.fill(-1, TLB_BASE >> 2, (TLB_BASE + 4 * TLB_STRIDE) >> 2);
    const fill = (address: number, bytes: number, writable: boolean): void => {
      for (let at = address; at < address + bytes; at += 4096) {
        this.#enter(Tlb.user, at, 0, at, Miss.read);
        if (writable) this.#enter(Tlb.user, at, 0, at, Miss.write);
      }
    };
    fill(WINDOW.address, WINDOW.size, true);
    fill(WINDOW.address + WINDOW.size, WINDOW.readOnlySize, false);
    fill(CODE.address, CODE_BYTES, false);
  }

  /** Fills the entry of the page of `address`, tagged with a page. Gives the index of its words. */
  #enter(tlb: number, address: number, tagHigh: number, tagLow: number, kind: number): number {
    const write = kind === Miss.write ? TLB_WRITE : 0;
    const at = (TLB_BASE + tlb * TLB_STRIDE + write +
      ((address >>> 12) & TLB_MASK) * TLB_ENTRY) >> 2;
    this.#words[at] = tagLow & ~4095;
    this.#words[at + 1] = tagHigh;
    this.mmu.translate(0, address, Access.read, Tlb.user);
    this.#words[at + 2] = (RAM + this.mmu.page) - (address & ~4095);
    return at;
  }

  /** The address of a miss is to be there at the next try. Throws the fault if it cannot be. */
  #resolve(decoded: Decoded): void {
    bindOperands(decoded);
    const handler = decoded.handler as X86Handler;
    const address = this.view.get64(layout.get("missAddress"));
    const info = this.view.get32(layout.get("missInfo"));
    const size = info & Miss.size;
    const write = (info & Miss.write) !== 0;
    if ((info & Miss.aligned) !== 0 && address % BigInt(size) !== 0n) throw generalProtection();
    if (BigInt.asIntN(48, address) !== BigInt.asIntN(64, address)) {
      throw this.#notCanonical(handler, address);
    }
    const tlb = info >>> Miss.tlbShift;
    if (tlb === Tlb.userAligned && size <= 8 && address % BigInt(size) !== 0n) {
      throw new GuestFault(Vector.alignmentCheck, 0);
    }
    const last = address + BigInt(size - 1);
    for (const at of [address, last & ~4095n]) {
      if (at > last) continue;
      const [high, low] = halves(at);
      const why = this.mmu.translate(high, low, write ? Access.write : Access.read, tlb);
      if (why === NOT_CANONICAL) throw this.#notCanonical(handler, address);
      if (why !== TRANSLATED) throw new GuestFault(Vector.pageFault, why, high, low);
    }
    const [tagHigh, tagLow] = halves(last);
    const low = Number(address & 0xffffffffn);
    for (const kind of [Miss.read, Miss.write]) {
      if ((info & kind) !== 0) {
        this.#patched.push(this.#enter(tlb, low, tagHigh, tagLow, kind));
      }
    }
  }

  /** #SS for what uses the stack, or addresses with RSP or RBP; else #GP. */
  #notCanonical({ memory, view: o, row }: X86Handler, address: bigint): GuestFault {
    const both = /^(PUSH|POP|CALL|RET|ENTER|LEAVE)/.test(row.title);
    let stack = both;
    for (let n = 0; n < o.length; n++) {
      if (memory === undefined || o[n].raw !== memory) continue;
      const { high, low } = this.#context.operands.offset(o[n]);
      const named = address === (BigInt(high) << 32n | BigInt(low));
      if (named || !both) stack = memory.segment === 0 && (memory.base === 4 || memory.base === 5);
    }
    return stack ? new GuestFault(Vector.stackFault, 0) : generalProtection();
  }

  /** What the TLB had before the instruction. */
  #restore(): void {
    if (this.#patched.length === 0) return;
    this.#patched.length = 0;
    this.#fillTlb();
  }

  /** Executes the instruction at the pc. Throws a {@linkcode GuestFault}, also for a single step. */
  step(): void {
    const traps = (this.state.systemFlags & RFLAGS.TF) !== 0;
    this.#execute();
    if (traps) throw new GuestFault(Vector.debug);
  }

  #execute(): void {
    const { pcLow, pcHigh } = this.state;
    const at = (pcHigh !== 0 ? -1 : pcLow) - CODE.address;
    if (at < 0 || at >= CODE_BYTES - 16) {
      if ((pcHigh << 16) >> 16 !== (pcHigh | 0)) throw generalProtection();
      const why = this.mmu.translate(pcHigh, pcLow, Access.execute, Tlb.user);
      throw new GuestFault(Vector.pageFault, why, pcHigh, pcLow);
    }
    const { mode } = this.state;
    const decoded = this.decoder.decode(this.code, at, at + 16, mode);
    if (decoded === undefined || decoded === "cut") throw new GuestFault(Vector.invalidOpcode);
    const { handler, length } = decoded;
    const { instruction } = handler;
    if (!enabled(instruction.feature, mode)) {
      throw instruction.feature === "cpl0" ? generalProtection() : invalidOpcode();
    }
    if (instruction.host !== undefined) {
      this.#host(instruction.host, decoded);
      return;
    }
    this.#writeRecord(decoded);
    const run = this.#single(handler);
    const tlb = TLB_BASE + (mode & 3) * TLB_STRIDE;
    const pc = this.view.get64(layout.get("pc"));
    for (let misses = 0; misses < MOST_MISSES; misses++) {
      const exit = run(RECORD_AT, pc, tlb);
      if (exit === Exit.miss) {
        this.#resolve(decoded);
        continue;
      }
      this.#restore();
      if (exit === Exit.go) this.state.advance(length);
      else if (exit === Exit.fault) {
        const fault = this.view.get32(layout.get("faultNumber"));
        if (fault !== Fault.byHost) throw faultOf(fault, this.state);
        this.#host(handler.row.title, decoded);
      } else if (exit !== Exit.jumped) throw new Error(`${instruction.name}: exit ${exit}`);
      return;
    }
    throw new TwoPagesError(instruction.name);
  }

  #host(name: string, decoded: Decoded): void {
    this.#interrupt(name, decoded);
    const execute = hostInstructions.get(name);
    if (execute === undefined) throw new Error(`no instruction "${name}"`);
    this.#context.data.rights = this.state.rights(3);
    this.#context.system.rights = Tlb.supervisor;
    const outcome = execute(this.#context, operandsOf(decoded), decoded.length);
    if (outcome !== Outcome.jumped) this.state.advance(decoded.length);
  }

  /** Software interrupts: the IDT of the vectors lets CPL 3 through to INT3 alone. */
  #interrupt(name: string, decoded: Decoded): void {
    if (name === "int3") {
      this.state.advance(decoded.length);
      throw new GuestFault(Vector.breakpoint);
    }
    if (name === "int") {
      throw new GuestFault(Vector.generalProtection, (decoded.immLow & 0xff) * 8 + 2);
    }
  }

  #writeRecord({ handler, slots, immLow, immHigh, displacement, length }: Decoded): void {
    this.#bytes.set(slots.subarray(0, 4), RECORD_AT + Record.slots);
    for (const { kind, slot } of handler.operands) {
      if (kind === "reg8") {
        this.#bytes[RECORD_AT + Record.slots + slot] = byteRegisterOffset(slots[slot]);
      }
    }
    this.#bytes.set(slots.subarray(Slot.address), RECORD_AT + Record.address);
    this.#words[(RECORD_AT + Record.imm) >> 2] = immLow;
    this.#words[(RECORD_AT + Record.imm + 4) >> 2] = immHigh;
    this.#words[(RECORD_AT + Record.displacement) >> 2] = displacement;
    this.#bytes[RECORD_AT + Record.length] = length;
  }

  #single(handler: X86Handler): Single {
    let single = this.#singles.get(handler);
    if (single === undefined) {
      const module = newModule(Slots.end);
      const links = this.#helpers.links(module);
      writeSingle(module, "f", handler, this.#binding, layout, links, BYTE_RECORDS);
      single = instantiate(new WebAssembly.Module(module.finish()), this.#imports).f as Single;
      this.#singles.set(handler, single);
    }
    return single;
  }

  /** A fault leaves the TLB with entries for one instruction. */
  afterFault(): void {
    this.#restore();
  }
}

const halves = (value: bigint): [number, number] => [
  Number((value >> 32n) & 0xffffffffn),
  Number(value & 0xffffffffn),
];

/** There is nothing to forget: code is decoded anew each time, and TLBs are filled here. */
const noEngine: EngineServices = {
  flushTlb: () => {},
  flushPage: () => {},
  flushTlbs: () => {},
  invalidateCode: () => {},
  attend: () => {},
  instructions: () => 0,
};
