/**
 * Delivery of exceptions and interrupts (SDM volume 3, chapter 6): real mode, 16-bit and 32-bit gates,
 * 64-bit gates with IST; double and triple faults.
 *
 * Deviations: there are no task gates (#GP), and no virtual-8086 mode to interrupt. Exceptions that
 * would come up in each other's delivery without end shut the vCPU down, as a triple fault does.
 */
import {
  baseOf,
  type Descriptor,
  DescriptorTables,
  dplOf,
  isCode,
  isNull,
  isPresent,
} from "./descriptor_tables.ts";
import { GuestFault, Vector } from "./guest_fault.ts";
import type { Halves } from "./host_operands.ts";
import { field } from "./layout.ts";
import type { LinearMemory } from "./linear_memory.ts";
import type { ProcessorState } from "./processor_state.ts";
import { Attribute, Gpr, RFLAGS, SystemType } from "./registers.ts";
import type { Segments } from "./segments.ts";
import { canonical, Stack } from "./stack.ts";
import { Segment } from "./state.ts";

const CR2 = field("cr2");
const IDTR_BASE = field("idtrBase");
const IDTR_LIMIT = field("idtrLimit");
const SELECTOR = field("selector");

/**
 * What is delivered.
 * - fault: RIP is that of the instruction, RF is set in what is pushed
 * - trap: RIP is that of the next instruction
 * - software: INT n, INT3, INTO, which the gate's DPL may refuse
 * - external: an interrupt
 */
export type EventKind = "fault" | "trap" | "software" | "external";

/** An exception or interrupt under way. */
export interface GuestEvent {
  readonly vector: number;
  readonly kind: EventKind;
  /** Error code, undefined if it has none. */
  readonly code: number | undefined;
}

/** Exceptions that make a double fault of another one (SDM volume 3, table 6-4 and 6-5). */
const CONTRIBUTORY: ReadonlySet<number> = new Set([
  Vector.divideError,
  Vector.invalidTss,
  Vector.segmentNotPresent,
  Vector.stackFault,
  Vector.generalProtection,
]);
/** Exceptions whose error code tells by bit 0 that they came up during a delivery. */
const WITH_EXT: ReadonlySet<number> = new Set([
  Vector.invalidTss,
  Vector.segmentNotPresent,
  Vector.stackFault,
  Vector.generalProtection,
]);

/**
 * Events that come up in one another's delivery, at most. Four are enough for a triple fault, but #AC
 * makes no double fault: where it meets itself, processors go on for ever, deaf to everything.
 */
const MOST_NESTED = 8;

/** Error code: the index is one of the IDT. */
const IDT = 2;

/** Code that an event goes to. */
interface Target {
  readonly selector: number;
  readonly descriptor: Descriptor;
  readonly cpl: number;
}

/** Delivers events to the vCPU whose state block is in place. */
export class Exceptions {
  readonly #state: ProcessorState;
  readonly #segments: Segments;
  readonly #tables: DescriptorTables;
  /** For tables, and for the stack. */
  readonly #system: LinearMemory;
  readonly #data: LinearMemory;
  readonly #stack: Stack;
  readonly #shutdown: () => void;
  /** Events so far: tells whether one came up meanwhile. */
  delivered = 0;

  /** `shutdown` is called for a triple fault. */
  constructor(
    parts: {
      readonly state: ProcessorState;
      readonly segments: Segments;
      readonly tables: DescriptorTables;
      readonly system: LinearMemory;
      readonly data: LinearMemory;
    },
    shutdown: () => void,
  ) {
    this.#state = parts.state;
    this.#segments = parts.segments;
    this.#tables = parts.tables;
    this.#system = parts.system;
    this.#data = parts.data;
    this.#stack = new Stack(parts.data);
    this.#shutdown = shutdown;
  }

  /** A fault of the instruction at the pc. */
  fault(fault: GuestFault): void {
    this.raise({ vector: fault.vector, kind: "fault", code: fault.code }, fault);
  }

  /**
   * Delivers an event, and what comes up in doing so. `cause` has the address of a page fault; `start`
   * is the address of an instruction like INT, which is to blame for what comes up.
   */
  raise(event: GuestEvent, cause?: GuestFault, start?: Halves): void {
    this.delivered++;
    this.#state.clearShadow();
    let current = event;
    this.#noteAddress(cause);
    for (let nested = 0;; nested++) {
      try {
        this.#deliver(current);
        return;
      } catch (second) {
        if (!(second instanceof GuestFault)) throw second;
        const triple = current.vector === Vector.doubleFault && current.kind === "fault";
        if (triple || nested === MOST_NESTED) {
          this.#shutdown();
          return;
        }
        if (start !== undefined) this.#state.setPc(start.high, start.low);
        this.#noteAddress(second);
        current = nextEvent(current, second);
      }
    }
  }

  #noteAddress(fault: GuestFault | undefined): void {
    if (fault?.vector !== Vector.pageFault) return;
    const at = CR2.address >>> 2;
    this.#state.words[at] = fault.addressLow;
    this.#state.words[at + 1] = fault.addressHigh;
  }

  #deliver(event: GuestEvent): void {
    this.#system.rights = this.#state.systemRights;
    if (!this.#state.protectedMode) this.#deliverReal(event);
    else if (this.#state.longMode) this.#deliverLong(event);
    else this.#deliverProtected(event);
  }

  #idt(offset: number, last: number, event: GuestEvent): number {
    const { view } = this.#state;
    if (last > view.get32(IDTR_LIMIT)) throw idtFault(Vector.generalProtection, event);
    return (view.high(IDTR_BASE) | 0) * 2 ** 32 + view.low(IDTR_BASE) + offset;
  }

  #deliverReal(event: GuestEvent): void {
    const state = this.#state;
    const { vector } = event;
    const at = this.#idt(vector * 4, vector * 4 + 3, event);
    this.#data.rights = state.rights(0);
    const target = this.#system.read32(at);
    const stack = this.#stack;
    stack.beginCurrent(state);
    stack.push(2, state.rflags);
    stack.push(2, state.view.get32(SELECTOR, Segment.cs));
    stack.push(2, state.rip);
    stack.commit(state);
    state.systemFlags &= ~(RFLAGS.IF | RFLAGS.TF | RFLAGS.AC | RFLAGS.RF);
    this.#segments.setReal(Segment.cs, target >>> 16);
    state.jump(target & 0xffff);
  }

  /** The checks of a gate; its type. */
  #checkGate(high: number, allowed: readonly number[], event: GuestEvent): number {
    const type = (high >>> 8) & 31;
    if (!allowed.includes(type)) throw idtFault(Vector.generalProtection, event);
    if (event.kind === "software" && ((high >>> 13) & 3) < this.#state.cpl) {
      throw idtFault(Vector.generalProtection, event);
    }
    if ((high & 0x8000) === 0) throw idtFault(Vector.segmentNotPresent, event);
    return type;
  }

  /** The code segment that a gate leads to. */
  #target(selector: number, event: GuestEvent): Target {
    const ext = externalBit(event);
    if (isNull(selector)) throw new GuestFault(Vector.generalProtection, ext);
    const descriptor = this.#tables.read(selector, Vector.generalProtection, ext);
    const { cpl } = this.#state;
    const dpl = dplOf(descriptor);
    const code = (selector & 0xfffc) | ext;
    if (!isCode(descriptor) || dpl > cpl) throw new GuestFault(Vector.generalProtection, code);
    if (!isPresent(descriptor)) throw new GuestFault(Vector.segmentNotPresent, code);
    const conforming = (descriptor.attributes & Attribute.conforming) !== 0;
    return { selector, descriptor, cpl: conforming ? cpl : dpl };
  }

  #deliverLong(event: GuestEvent): void {
    const state = this.#state;
    const { vector, code } = event;
    const at = this.#idt(vector * 16, vector * 16 + 15, event);
    const system = this.#system;
    system.readPair(at);
    const { pairLow: low, pairHigh: high } = system;
    const upper = system.read32(at + 8);
    const type = this.#checkGate(high, LONG_GATES, event);
    const target = this.#target(low >>> 16, event);
    const both = Attribute.long | Attribute.big;
    if ((target.descriptor.attributes & both) !== Attribute.long) {
      throw new GuestFault(
        Vector.generalProtection,
        (target.selector & 0xfffc) | externalBit(event),
      );
    }
    const ist = high & 7;
    const inner = target.cpl < state.cpl;
    let stackHigh = state.high(Gpr.rsp);
    let stackLow = state.low(Gpr.rsp);
    if (ist !== 0 || inner) {
      const place = this.#tables.tssField(ist !== 0 ? 28 + 8 * ist : 4 + 8 * target.cpl, 8);
      system.readPair(place);
      stackLow = system.pairLow;
      stackHigh = system.pairHigh;
    }
    const pointer = canonical(stackHigh, (stackLow & ~15) >>> 0);
    const rip = canonical(upper, ((low & 0xffff) | (high & 0xffff0000)) >>> 0);
    if (Number.isNaN(pointer)) throw new GuestFault(Vector.stackFault, externalBit(event));
    if (Number.isNaN(rip)) throw new GuestFault(Vector.generalProtection, externalBit(event));
    this.#data.rights = state.rights(target.cpl);
    const stack = this.#stack;
    stack.begin(0, pointer, 64);
    stack.push(8, state.view.get32(SELECTOR, Segment.ss));
    stack.push(8, state.low(Gpr.rsp), state.high(Gpr.rsp));
    stack.push(8, this.#pushedFlags(event));
    stack.push(8, state.view.get32(SELECTOR, Segment.cs));
    if (state.code64) stack.push(8, state.pcLow, state.pcHigh);
    else stack.push(8, state.rip);
    if (code !== undefined) stack.push(8, code);
    this.#segments.setCode(target.selector, target.descriptor, target.cpl);
    if (inner) this.#segments.setNull(Segment.ss, target.cpl);
    stack.commit(state);
    this.#enter(type, rip);
  }

  #deliverProtected(event: GuestEvent): void {
    const state = this.#state;
    const { vector, code } = event;
    const at = this.#idt(vector * 8, vector * 8 + 7, event);
    this.#system.readPair(at);
    const { pairLow: low, pairHigh: high } = this.#system;
    const type = this.#checkGate(high, LEGACY_GATES, event);
    const target = this.#target(low >>> 16, event);
    const wide = type >= SystemType.interruptGate;
    const size = wide ? 4 : 2;
    const rip = wide ? ((low & 0xffff) | (high & 0xffff0000)) >>> 0 : low & 0xffff;
    const stack = this.#stack;
    const inner = target.cpl < state.cpl;
    this.#data.rights = state.rights(target.cpl);
    if (inner) {
      const ext = externalBit(event);
      const { selector, pointer } = this.innerStack(target.cpl);
      if (isNull(selector)) throw new GuestFault(Vector.invalidTss, ext);
      const ss = this.#segments.stackDescriptor(selector, target.cpl, Vector.invalidTss, ext);
      const big = (ss.attributes & Attribute.big) !== 0;
      stack.begin(baseOf(ss), pointer, big ? 32 : 16);
      stack.push(size, state.view.get32(SELECTOR, Segment.ss));
      stack.push(size, state.low(Gpr.rsp));
      this.#pushReturn(size, event, code);
      this.#tables.setAccessed(target.descriptor);
      this.#segments.setDescriptor(Segment.ss, selector, ss);
    } else {
      stack.beginCurrent(state);
      this.#pushReturn(size, event, code);
    }
    this.#segments.setCode(target.selector, target.descriptor, target.cpl);
    stack.commit(state);
    this.#enter(type, rip);
  }

  #pushReturn(size: number, event: GuestEvent, code: number | undefined): void {
    const state = this.#state;
    this.#stack.push(size, this.#pushedFlags(event));
    this.#stack.push(size, state.view.get32(SELECTOR, Segment.cs));
    this.#stack.push(size, state.rip);
    if (code !== undefined) this.#stack.push(size, code);
  }

  /** Stack of an inner privilege level, from a TSS of 16 or 32 bits. */
  innerStack(cpl: number): { readonly selector: number; readonly pointer: number } {
    if (this.#tables.wideTss) {
      const at = this.#tables.tssField(4 + 8 * cpl, 6);
      return { pointer: this.#system.read32(at), selector: this.#system.read16(at + 4) };
    }
    const at = this.#tables.tssField(2 + 4 * cpl, 4);
    return { pointer: this.#system.read16(at), selector: this.#system.read16(at + 2) };
  }

  /** RF keeps an instruction breakpoint from hitting again when the faulting instruction restarts. */
  #pushedFlags({ kind }: GuestEvent): number {
    return this.#state.rflags | (kind === "fault" ? RFLAGS.RF : 0);
  }

  #enter(type: number, rip: number): void {
    const state = this.#state;
    // Interrupt gates have an even type, trap gates an odd one.
    const masked = (type & 1) === 0 ? RFLAGS.IF : 0;
    state.systemFlags &= ~(RFLAGS.TF | RFLAGS.NT | RFLAGS.RF | RFLAGS.VM | masked);
    state.jump(rip);
  }
}

/** Types of gates in the IDT, in IA-32e mode and outside of it. */
const LONG_GATES: readonly number[] = [SystemType.interruptGate, SystemType.trapGate];
const LEGACY_GATES: readonly number[] = [
  SystemType.interruptGate16,
  SystemType.trapGate16,
  SystemType.interruptGate,
  SystemType.trapGate,
];

/** EXT of error codes. */
function externalBit({ kind }: GuestEvent): number {
  return kind === "software" ? 0 : 1;
}

function idtFault(vector: Vector, event: GuestEvent): GuestFault {
  return new GuestFault(vector, event.vector * 8 + IDT + externalBit(event));
}

/** What is delivered when `second` comes up while `first` is. */
function nextEvent(first: GuestEvent, second: GuestFault): GuestEvent {
  const exception = first.kind === "fault" || first.kind === "trap";
  const serious = CONTRIBUTORY.has(second.vector);
  const double = exception &&
    ((CONTRIBUTORY.has(first.vector) && serious) ||
      (first.vector === Vector.pageFault && (serious || second.vector === Vector.pageFault)));
  if (double) return { vector: Vector.doubleFault, kind: "fault", code: 0 };
  const ext = WITH_EXT.has(second.vector) ? externalBit(first) : 0;
  const code = second.code === undefined ? undefined : second.code | ext;
  return { vector: second.vector, kind: "fault", code };
}
