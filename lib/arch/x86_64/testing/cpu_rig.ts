/**
 * An {@linkcode X86Cpu} without engine: state block and RAM are plain buffers, and what the vCPU asks of
 * the engine is written down. Instructions of the host are executed from their bytes; tables and
 * descriptors are built word by word.
 */
import type { EngineServices } from "../../../engine/arch.ts";
import { Outcome } from "../../../engine/arch.ts";
import { GuestMemory } from "../../../engine/guest_memory.ts";
import { STATE_BASE, STATE_SIZE, type StateField, StateView } from "../../../engine/layout.ts";
import { RegisterBus } from "../../../devices/msr/register_bus.ts";
import { Bus } from "../../../devices/vbus/bus.ts";
import { X86Cpu } from "../cpu.ts";
import type { X86CpuName } from "../../../config/machine_config.ts";
import { X86Decoder } from "../decoder.ts";
import { hostInstructions } from "../host_instructions.ts";
import { field } from "../layout.ts";
import { stackRows } from "../rows_stack.ts";
import { stringRows } from "../rows_string.ts";
import { systemRows } from "../system_rows.ts";
import { x87Rows } from "../x87_rows.ts";
import { xsaveRows } from "../xsave_rows.ts";

const RAM_SIZE = 0x400000;
const decoder = new X86Decoder([
  ...stackRows,
  ...stringRows,
  ...systemRows,
  ...x87Rows,
  ...xsaveRows,
]);

/** Places of what {@linkcode CpuRig.protect} and {@linkcode CpuRig.long} set up. */
export const Place = {
  gdt: 0x1000,
  idt: 0x2000,
  tss: 0x3000,
  /** Page tables: four levels, then free ones. */
  tables: 0x10000,
  code: 0x20000,
  /** Tops of stacks: of CPL 3 (and of real mode), of CPL 0 by the TSS, of IST 1. */
  stack: 0x31000,
  stack0: 0x32000,
  ist1: 0x33000,
} as const;

/** Selectors in the GDT, RPL 0. */
export const Sel = {
  code32: 0x08,
  data: 0x10,
  code64: 0x18,
  /** DPL 3, as SYSRET wants them: 32-bit code, data, 64-bit code. */
  userCode32: 0x20,
  userData: 0x28,
  userCode64: 0x30,
  tss: 0x38,
  code16: 0x48,
  conforming: 0x50,
  notPresent: 0x58,
  ldt: 0x60,
  /** 16 bytes in IA-32e mode. */
  gate: 0x70,
  readOnly: 0x80,
} as const;

/** A vCPU after reset. */
export class CpuRig {
  readonly cpu: X86Cpu;
  readonly view: StateView = new StateView(new ArrayBuffer(STATE_BASE + STATE_SIZE));
  readonly memory: GuestMemory;
  readonly bus: Bus = new Bus();
  readonly ports: Bus = new Bus({ space: "ports" });
  readonly registers: RegisterBus = new RegisterBus();
  /** Vector that the local APIC gives. */
  vector = 0x40;
  /** Value of the time stamp counter. */
  tsc = 0n;
  /** Triple faults. */
  shutdowns = 0;
  #calls: string[] = [];
  #priority = 0;

  /** @param memory that of another rig, for a second vCPU. */
  constructor(
    model: X86CpuName = "max",
    memory: GuestMemory = new GuestMemory(new Uint8Array(RAM_SIZE), 0),
  ) {
    this.memory = memory;
    const note = (text: string): void => {
      this.#calls.push(text);
    };
    const engine: EngineServices = {
      flushTlb: () => note("all"),
      flushPage: (high, low) => note(`page ${(BigInt(high) << 32n | BigInt(low)).toString(16)}`),
      flushTlbs: (tlbs) => note(`tlbs ${tlbs}`),
      invalidateCode: () => {},
      attend: () => note("attend"),
      instructions: () => 0,
    };
    this.cpu = new X86Cpu({
      index: 0,
      cpus: 2,
      state: this.view,
      memory: this.memory,
      engine,
      bus: this.bus,
      ports: this.ports,
      registers: this.registers,
      apics: {
        acknowledge: () => this.vector,
        taskPriorityClass: () => this.#priority,
        setTaskPriorityClass: (_, value) => {
          this.#priority = value;
        },
        isEnabled: () => true,
      },
      tsc: { frequency: 1_000_000_000, read: () => this.tsc },
      random: (into) => into.fill(0xa5),
      shutdown: () => {
        this.shutdowns++;
      },
      model,
    });
    this.cpu.reset();
    this.#calls = [];
  }

  /** Calls of the engine, which are then forgotten. */
  takeCalls(): string[] {
    const calls = this.#calls;
    this.#calls = [];
    return calls;
  }

  // ---- state

  /** A field of the state block. */
  get(name: string, index = 0): bigint {
    const f: StateField = field(name);
    return f.type === "u32" ? BigInt(this.view.get32(f, index)) : this.view.get64(f, index);
  }

  set(name: string, value: bigint, index = 0): void {
    const f: StateField = field(name);
    if (f.type === "u32") this.view.set32(f, Number(value), index);
    else this.view.set64(f, BigInt.asUintN(64, value), index);
  }

  /** A general register by number. */
  r(n: number): bigint {
    return this.get("r", n);
  }

  setR(n: number, value: bigint): void {
    this.set("r", value, n);
  }

  get rip(): number {
    return this.cpu.context.state.rip;
  }

  set rip(value: number) {
    this.cpu.context.state.jump(value);
  }

  get rflags(): number {
    return this.cpu.context.state.rflags;
  }

  set rflags(value: number) {
    this.cpu.context.state.rflags = value;
  }

  get cpl(): number {
    return this.cpu.context.state.cpl;
  }

  selector(segment: number): number {
    return this.cpu.context.segments.selector(segment);
  }

  // ---- memory

  read(address: number, size: 2 | 4 | 8): number {
    if (size === 2) return this.memory.read16(address) ?? NaN;
    if (size === 4) return this.memory.read32(address) ?? NaN;
    return Number(BigInt.asIntN(64, this.memory.read64(address) ?? 0n));
  }

  /** `count` values of `size` bytes. */
  values(address: number, size: 2 | 4 | 8, count: number): number[] {
    return Array.from({ length: count }, (_, n) => this.read(address + n * size, size));
  }

  /** Writes an entry of a table of eight-byte entries. */
  entry(table: number, index: number, value: bigint): void {
    this.memory.write64(table + index * 8, value);
  }

  /** Writes a descriptor: `attributes` as in a segment register. */
  descriptor(selector: number, attributes: number, base = 0, limit = 0xfffff): void {
    this.entry(Place.gdt, selector >>> 3, descriptor(attributes, base, limit));
  }

  /** Writes a gate of eight bytes. */
  gate(table: number, index: number, type: number, selector: number, offset: number): void {
    this.memory.write32(table + index * 8, (selector << 16) | (offset & 0xffff));
    this.memory.write32(table + index * 8 + 4, (offset & 0xffff0000) | (type << 8));
  }

  /** Writes a gate of sixteen bytes in the IDT. */
  longGate(vector: number, offset: number, options: {
    readonly type?: number;
    readonly selector?: number;
    readonly ist?: number;
  } = {}): void {
    const { type = 0x8e, selector = Sel.code64, ist = 0 } = options;
    const at = Place.idt + vector * 16;
    this.memory.write32(at, (selector << 16) | (offset & 0xffff));
    this.memory.write32(at + 4, (offset & 0xffff0000) | (type << 8) | ist);
    this.memory.write32(at + 8, Math.floor(offset / 2 ** 32));
    this.memory.write32(at + 12, 0);
  }

  // ---- modes

  /** GDT, IDT and TSS; protected mode without paging, flat, at CPL 0 or 3. */
  protect(cpl: 0 | 3 = 0): this {
    this.#tables();
    this.set("cr0", 0x11n);
    this.#flat(Sel.code32, Sel.userCode32, cpl);
    this.cpu.reload();
    this.#calls = [];
    return this;
  }

  /** The same, with 4-level paging that maps the first 4 MiB one to one for everybody, in 64-bit code. */
  long(cpl: 0 | 3 = 0): this {
    this.#tables();
    const { tables } = Place;
    this.entry(tables, 0, BigInt(tables + 0x1000) | 7n);
    this.entry(tables + 0x1000, 0, BigInt(tables + 0x2000) | 7n);
    for (let n = 0; n < 2; n++) this.entry(tables + 0x2000, n, BigInt(n * 0x200000) | 0x87n);
    this.set("cr3", BigInt(tables));
    this.set("cr4", 0x620n);
    this.set("efer", 0xd01n);
    this.set("cr0", 0x80010011n);
    this.#flat(Sel.code64, Sel.userCode64, cpl);
    this.cpu.reload();
    this.#calls = [];
    return this;
  }

  #tables(): void {
    this.descriptor(Sel.code32, 0xc09b);
    this.descriptor(Sel.data, 0xc093);
    this.descriptor(Sel.code64, 0xa09b);
    this.descriptor(Sel.userCode32, 0xc0fb);
    this.descriptor(Sel.userData, 0xc0f3);
    this.descriptor(Sel.userCode64, 0xa0fb);
    this.descriptor(Sel.tss, 0x89, Place.tss, 0xfff);
    this.descriptor(Sel.code16, 0x009b);
    this.descriptor(Sel.conforming, 0xc09f);
    this.descriptor(Sel.notPresent, 0xc013);
    this.descriptor(Sel.ldt, 0x82, 0x4000, 0xff);
    this.descriptor(Sel.readOnly, 0xc091);
    this.set("gdtrBase", BigInt(Place.gdt));
    this.set("gdtrLimit", 0xffn);
    this.set("idtrBase", BigInt(Place.idt));
    this.set("idtrLimit", 0xfffn);
  }

  #flat(code: number, userCode: number, cpl: 0 | 3): void {
    const { context } = this.cpu;
    const long = code === Sel.code64;
    // Stacks of CPL 0: at 4 in both TSS formats.
    if (long) {
      this.memory.write64(Place.tss + 4, BigInt(Place.stack0));
      this.memory.write64(Place.tss + 36, BigInt(Place.ist1));
    } else {
      this.memory.write32(Place.tss + 4, Place.stack0);
      this.memory.write16(Place.tss + 8, Sel.data);
    }
    context.segments.set(8, {
      selector: Sel.tss,
      base: Place.tss,
      limit: 0xfff,
      attributes: 0x8b,
    });
    const dpl = cpl << 5;
    context.segments.set(2, {
      selector: cpl === 0 ? code : userCode | 3,
      base: 0,
      limit: 0xffffffff,
      attributes: (long ? 0xa09b : 0xc09b) | dpl,
    });
    for (const segment of [1, 3, 4, 5, 6]) {
      context.segments.set(segment, {
        selector: cpl === 0 ? Sel.data : Sel.userData | 3,
        base: 0,
        limit: 0xffffffff,
        attributes: 0xc093 | dpl,
      });
    }
    context.state.cpl = cpl;
    this.rip = Place.code;
    this.setR(4, BigInt(Place.stack));
  }

  // ---- execution

  /**
   * Executes an instruction of the host, given in hexadecimal, at the present RIP. Gives the outcome; the
   * pc is behind it when that is "next".
   */
  execute(hex: string): Outcome {
    const bytes = Uint8Array.from(hex.split(" "), (text) => parseInt(text, 16));
    const decoded = decoder.decode(bytes, 0, bytes.length, this.cpu.mode());
    if (decoded === undefined || decoded === "cut") throw new Error(`${hex} is no instruction`);
    if (decoded.length !== bytes.length) throw new Error(`${hex} has ${decoded.length} bytes`);
    // What semantics leave to the host goes by the row's title.
    const { host, title } = decoded.handler.row;
    const name = host ?? title;
    if (!hostInstructions.has(name)) throw new Error(`${hex} is not the host's`);
    const outcome = this.cpu.host(name, decoded);
    if (outcome === Outcome.next) this.cpu.context.state.advance(decoded.length);
    return outcome;
  }
}

/** A descriptor as eight bytes. */
export function descriptor(attributes: number, base: number, limit: number): bigint {
  return BigInt(limit & 0xffff) | (BigInt(base & 0xffffff) << 16n) |
    (BigInt(attributes & 0xf0ff) << 40n) | (BigInt((limit >>> 16) & 15) << 48n) |
    (BigInt(base >>> 24) << 56n);
}
