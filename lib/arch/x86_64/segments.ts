/** Segment registers: what is loaded into them, by which rules (SDM volume 3, 5.5 to 5.8; volume 2, MOV). */
import {
  baseOf,
  type Descriptor,
  DescriptorTables,
  dplOf,
  isCode,
  isNull,
  isPresent,
  isWritableData,
  limitOf,
  systemType,
} from "./descriptor_tables.ts";
import { generalProtection, selectorFault, Vector } from "./guest_fault.ts";
import { field } from "./layout.ts";
import type { ProcessorState } from "./processor_state.ts";
import { Attribute, SystemType } from "./registers.ts";
import { Segment } from "./state.ts";

const SELECTOR = field("selector");
const LIMIT = field("segmentLimit");
const ATTRIBUTES = field("segmentAttributes");

/** In the type of a TSS. */
const BUSY = SystemType.tssBusy & ~SystemType.tss;

/** Segments that hold data and can be null. */
const DATA_SEGMENTS = [Segment.es, Segment.ds, Segment.fs, Segment.gs] as const;

/** A segment register with its hidden part. */
export interface SegmentValue {
  readonly selector: number;
  readonly base: number;
  /** Bytes less one. */
  readonly limit: number;
  /** {@linkcode Attribute} */
  readonly attributes: number;
}

/** Loads of segment registers. Everything that can fault does so before anything changes. */
export class Segments {
  readonly #state: ProcessorState;
  readonly #tables: DescriptorTables;

  constructor(state: ProcessorState, tables: DescriptorTables) {
    this.#state = state;
    this.#tables = tables;
  }

  selector(segment: number): number {
    return this.#state.view.get32(SELECTOR, segment);
  }

  /** All of a segment register, hidden part included. */
  get(segment: number): SegmentValue {
    const { view } = this.#state;
    return {
      selector: view.get32(SELECTOR, segment),
      base: this.#state.segmentBase(segment),
      limit: view.get32(LIMIT, segment),
      attributes: view.get32(ATTRIBUTES, segment),
    };
  }

  set(segment: number, value: SegmentValue): void {
    const { view } = this.#state;
    view.set32(SELECTOR, value.selector, segment);
    view.set32(LIMIT, value.limit, segment);
    view.set32(ATTRIBUTES, value.attributes, segment);
    this.#state.setSegmentBase(segment, value.base);
  }

  setNull(segment: number, selector: number): void {
    this.set(segment, { selector, base: 0, limit: 0, attributes: 0 });
  }

  /** As real mode does it: limit and attributes stay. */
  setReal(segment: number, selector: number): void {
    this.#state.view.set32(SELECTOR, selector & 0xffff, segment);
    this.#state.setSegmentBase(segment, (selector & 0xffff) * 16);
  }

  /** Loads a descriptor that has passed its checks; its bit "accessed" is set in the table, too. */
  setDescriptor(segment: number, selector: number, descriptor: Descriptor): void {
    this.#tables.setAccessed(descriptor);
    this.set(segment, {
      selector: selector & 0xffff,
      base: baseOf(descriptor),
      limit: limitOf(descriptor),
      attributes: descriptor.attributes | Attribute.accessed,
    });
  }

  /** Loads CS with a code segment that has passed its checks, and the CPL with it. */
  setCode(selector: number, descriptor: Descriptor, cpl: number): void {
    this.setDescriptor(Segment.cs, (selector & 0xfffc) | cpl, descriptor);
    this.#state.cpl = cpl;
    if (this.#state.code64) this.#state.setSegmentBase(Segment.cs, 0);
  }

  /** MOV, POP and LDS into ES, SS, DS, FS or GS. */
  load(segment: number, selector: number): void {
    if (!this.#state.protectedMode) {
      this.setReal(segment, selector);
      return;
    }
    const { cpl } = this.#state;
    if (segment === Segment.ss) {
      this.#loadStack(selector, cpl);
      return;
    }
    if (isNull(selector)) {
      this.setNull(segment, selector);
      return;
    }
    const descriptor = this.#tables.read(selector);
    const { attributes } = descriptor;
    const readable = (attributes & Attribute.nonSystem) !== 0 &&
      (attributes & (Attribute.code | Attribute.writable)) !== Attribute.code;
    if (!readable) throw generalProtection(selector);
    const conforming = isCode(descriptor) && (attributes & Attribute.conforming) !== 0;
    if (!conforming && Math.max(selector & 3, cpl) > dplOf(descriptor)) {
      throw generalProtection(selector);
    }
    if (!isPresent(descriptor)) throw selectorFault(Vector.segmentNotPresent, selector);
    this.setDescriptor(segment, selector, descriptor);
  }

  #loadStack(selector: number, cpl: number): void {
    if (isNull(selector)) {
      if (!this.#state.code64 || cpl === 3 || (selector & 3) !== cpl) throw generalProtection();
      this.setNull(Segment.ss, selector);
      return;
    }
    const descriptor = this.stackDescriptor(selector, cpl, Vector.generalProtection);
    this.setDescriptor(Segment.ss, selector, descriptor);
  }

  /** The descriptor of a stack for a privilege level. Faults with `vector`, or #SS if not present. */
  stackDescriptor(selector: number, cpl: number, vector: Vector, ext = 0): Descriptor {
    const descriptor = this.#tables.read(selector, vector, ext);
    const right = (selector & 3) === cpl && isWritableData(descriptor) && dplOf(descriptor) === cpl;
    if (!right) throw selectorFault(vector, selector | ext);
    if (!isPresent(descriptor)) throw selectorFault(Vector.stackFault, selector | ext);
    return descriptor;
  }

  /** After a return to less privilege: data segments that CPL may not have become null. */
  dropPrivileged(cpl: number): void {
    for (const segment of DATA_SEGMENTS) {
      const attributes = this.#state.segmentAttributes(segment);
      const dpl = (attributes >>> Attribute.dplShift) & 3;
      const conforming = (attributes & (Attribute.code | Attribute.conforming)) ===
        (Attribute.code | Attribute.conforming);
      if (attributes !== 0 && dpl < cpl && !conforming) this.setNull(segment, 0);
    }
  }

  /** LLDT. */
  loadLdt(selector: number): void {
    if (isNull(selector)) {
      this.setNull(Segment.ldtr, selector);
      return;
    }
    if ((selector & 4) !== 0) throw generalProtection(selector);
    const descriptor = this.#tables.read(selector);
    if (systemType(descriptor) !== SystemType.ldt) throw generalProtection(selector);
    if (!isPresent(descriptor)) throw selectorFault(Vector.segmentNotPresent, selector);
    this.set(Segment.ldtr, this.#system(selector, descriptor));
  }

  /** LTR. */
  loadTask(selector: number): void {
    if (isNull(selector)) throw generalProtection();
    if ((selector & 4) !== 0) throw generalProtection(selector);
    const descriptor = this.#tables.read(selector);
    const type = systemType(descriptor);
    const available = type === SystemType.tss ||
      (type === SystemType.tss16 && !this.#state.longMode);
    if (!available) throw generalProtection(selector);
    if (!isPresent(descriptor)) throw selectorFault(Vector.segmentNotPresent, selector);
    const value = this.#system(selector, descriptor);
    this.#tables.setBusy(descriptor);
    this.set(Segment.tr, { ...value, attributes: value.attributes | BUSY });
  }

  #system(selector: number, descriptor: Descriptor): SegmentValue {
    let base = baseOf(descriptor);
    if (this.#state.longMode) {
      const upper = this.#tables.upperWord(descriptor);
      if ((upper << 16) >> 16 !== (upper | 0)) throw generalProtection(selector);
      base += (upper | 0) * 2 ** 32;
    }
    return { selector, base, limit: limitOf(descriptor), attributes: descriptor.attributes };
  }
}
