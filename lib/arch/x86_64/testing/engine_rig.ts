/**
 * A vCPU on the engine, for code in hexadecimal: 64-bit or 32-bit code at CPL 0, or real mode, with a few
 * MiB of RAM and nothing around it. Each exception ends in a HLT of its own.
 */
import type { Engine } from "../../../engine/engine.ts";
import type { GuestMemory } from "../../../engine/guest_memory.ts";
import { Bus } from "../../../devices/vbus/bus.ts";
import type { X86Cpu } from "../cpu.ts";
import { field } from "../layout.ts";
import { Attribute, CR0, CR4, EFER, Gpr } from "../registers.ts";
import { Segment } from "../state.ts";
import { bareEngine, type Way } from "./bare_engine.ts";

const RAM_SIZE = 0x400000;
/** Where things are. RAM is mapped one to one in 64-bit code. */
export const Place = {
  gdt: 0x1000,
  idt: 0x2000,
  tables: 0x3000,
  /** A HLT for each vector. */
  handlers: 0x7000,
  code: 0x8000,
  stack: 0x20000,
} as const;

/** A vCPU after reset. */
export class EngineRig {
  readonly engine: Engine;
  readonly cpu: X86Cpu;
  readonly memory: GuestMemory;
  readonly bus: Bus = new Bus();
  readonly #way: Way;

  constructor(way: Way) {
    this.#way = way;
    const { engine, cpu } = bareEngine(way, RAM_SIZE, this.bus);
    this.engine = engine;
    this.cpu = cpu;
    this.memory = engine.memory;
  }

  r(n: number): bigint {
    return this.engine.state.get64(field("r"), n);
  }

  setR(n: number, value: bigint): void {
    this.engine.state.set64(field("r"), BigInt.asUintN(64, value), n);
  }

  get rflags(): number {
    return this.cpu.context.state.rflags;
  }

  set rflags(value: number) {
    this.cpu.context.state.rflags = value;
  }

  /** 64-bit code at CPL 0. */
  long(): this {
    const { memory, engine: { state }, cpu } = this;
    memory.write64(Place.tables, BigInt(Place.tables + 0x1000) | 3n);
    memory.write64(Place.tables + 0x1000, BigInt(Place.tables + 0x2000) | 3n);
    for (let n = 0; n < RAM_SIZE / 0x200000; n++) {
      memory.write64(Place.tables + 0x2000 + 8 * n, BigInt(n * 0x200000) | 0x83n);
    }
    memory.write64(Place.gdt + 8, 0x00209b0000000000n);
    for (let vector = 0; vector < 32; vector++) {
      const at = Place.handlers + vector;
      memory.write(at, Uint8Array.of(0xf4));
      memory.write64(Place.idt + 16 * vector, BigInt(at) | (8n << 16n) | (0x8en << 40n));
      memory.write64(Place.idt + 16 * vector + 8, 0n);
    }
    state.set64(field("idtrBase"), BigInt(Place.idt));
    state.set32(field("idtrLimit"), 0x1ff);
    state.set64(field("gdtrBase"), BigInt(Place.gdt));
    state.set32(field("gdtrLimit"), 0xf);
    state.set32(field("cr0"), CR0.PE | CR0.MP | CR0.ET | CR0.NE | CR0.WP | CR0.PG);
    state.set32(field("cr4"), CR4.PAE | CR4.OSFXSR | CR4.OSXMMEXCPT);
    state.set32(field("efer"), EFER.NXE | EFER.LMA | EFER.LME);
    state.set64(field("cr3"), BigInt(Place.tables));
    const present = Attribute.present | Attribute.nonSystem | Attribute.writable;
    cpu.context.segments.set(Segment.cs, {
      selector: 8,
      base: 0,
      limit: 0xffffffff,
      attributes: present | Attribute.code | Attribute.long,
    });
    this.setR(Gpr.rsp, BigInt(Place.stack));
    cpu.reload();
    return this;
  }

  /** 32-bit code at CPL 0 without paging, flat. */
  protect(): this {
    const { memory, engine: { state }, cpu: { context: { segments } } } = this;
    memory.write64(Place.gdt + 8, 0x00cf9b000000ffffn);
    memory.write64(Place.gdt + 16, 0x00cf93000000ffffn);
    for (let vector = 0; vector < 32; vector++) {
      const at = Place.handlers + vector;
      memory.write(at, Uint8Array.of(0xf4));
      memory.write64(Place.idt + 8 * vector, BigInt(at) | (8n << 16n) | (0x8en << 40n));
    }
    state.set64(field("idtrBase"), BigInt(Place.idt));
    state.set32(field("idtrLimit"), 0xff);
    state.set64(field("gdtrBase"), BigInt(Place.gdt));
    state.set32(field("gdtrLimit"), 0x17);
    state.set32(field("cr0"), CR0.PE | CR0.MP | CR0.ET | CR0.NE);
    const flat = { base: 0, limit: 0xffffffff } as const;
    const data = Attribute.present | Attribute.nonSystem | Attribute.writable | Attribute.big;
    segments.set(Segment.cs, { ...flat, selector: 8, attributes: data | Attribute.code });
    for (const segment of [Segment.es, Segment.ss, Segment.ds, Segment.fs, Segment.gs]) {
      segments.set(segment, { ...flat, selector: 16, attributes: data });
    }
    this.setR(Gpr.rsp, BigInt(Place.stack));
    this.cpu.reload();
    return this;
  }

  /** Real mode, with the segments at multiples of 64 KiB: CS 0, DS 1, ES 2, SS 3. */
  real(): this {
    const { segments } = this.cpu.context;
    for (let vector = 0; vector < 32; vector++) {
      const at = Place.handlers + vector;
      this.memory.write(at, Uint8Array.of(0xf4));
      this.memory.write32(4 * vector, at);
    }
    segments.setReal(Segment.cs, 0);
    segments.setReal(Segment.ds, 0x1000);
    segments.setReal(Segment.es, 0x2000);
    segments.setReal(Segment.ss, 0x3000);
    return this;
  }

  /**
   * Executes code up to a HLT. Gives the vector of the exception that ended it, or undefined if it was the
   * code's own.
   */
  run(hex: string, slice = 10_000): number | undefined {
    const bytes = hex.split(" ").map((text) => parseInt(text, 16));
    this.memory.write(Place.code, Uint8Array.of(...bytes, 0xf4));
    this.cpu.context.state.jump(Place.code);
    if (this.#way === "region") this.engine.compileAt(0, [Place.code], bytes.length);
    for (let slices = 0; slices < 1000; slices++) {
      if (this.engine.run(0, slice).reason === "wait") {
        const at = this.cpu.context.state.rip - 1;
        return at < Place.code ? at - Place.handlers : undefined;
      }
    }
    throw new Error(`${hex} does not end`);
  }

  /** What an exception has left on the stack: RIP of the instruction, behind the error code if it has one. */
  faultAddress(hasCode: boolean): number {
    return Number(this.memory.read64(Number(this.r(Gpr.rsp)) + (hasCode ? 8 : 0)) ?? 0n);
  }
}
