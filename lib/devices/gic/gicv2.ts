/**
 * GICv2 (Arm IHI 0048B) without the Security Extensions, with both interrupt groups. This file
 * holds the state and decides what is signalled to whom; the registers are in
 * gicv2_distributor.ts and gicv2_cpu_interface.ts.
 *
 * All eight priority bits are implemented, seven of them can decide preemption.
 */
import type { CpuInterrupts, IrqController, IrqLine } from "../irq_controller/irq_line.ts";
import type { DeviceState } from "../vbus/device.ts";
import { clearArrays, restoreArrays, saveArrays, type StateArrays } from "../vbus/device_state.ts";
import { CpuSignals } from "./cpu_signals.ts";
import { InputLines } from "./input_lines.ts";
import { InterruptTable, lowestBit, SPI_BASE, SPURIOUS } from "./interrupt_table.ts";
import { groupMask } from "./priority.ts";

/** "The interrupt is of group 1, and GICC_CTLR.AckCtl does not let this register take it." */
export const OTHER_GROUP = 1022;

/** Bits of GICC_CTLR. */
export const GICC_CTLR = {
  EnableGrp0: 0x001,
  EnableGrp1: 0x002,
  AckCtl: 0x004,
  FIQEn: 0x008,
  CBPR: 0x010,
  EOImode: 0x200,
  all: 0x21f,
} as const;

/** Largest number of vCPUs: targets are one byte. */
export const MAX_CPUS = 8;
/** Words of active priorities per group and vCPU: one bit for each of 128 preemption levels. */
const ACTIVE_WORDS = 4;
/** Running priority when nothing is active; GICC_RPR shows 0xff. */
const IDLE = 0x100;
const SGI_COUNT = 16;
const SGI_MASK = 0xffff;

/** What a GICv2 is made of. */
export interface GicV2Options {
  /** Number of vCPUs, 1 to 8. */
  readonly cpus: number;
  /** Shared peripheral interrupts, 1 to 988; rounded up to a multiple of 32. */
  readonly spis: number;
  /** The interrupt inputs of the vCPUs. */
  readonly cpuInterrupts: CpuInterrupts;
}

/** State and signalling of a GICv2. */
export class GicV2 implements IrqController {
  /** Number of vCPUs. */
  readonly cpus: number;
  /** State of each interrupt. */
  readonly table: InterruptTable;
  /** GICD_CTLR (word 0). */
  readonly #distributorControl: Uint32Array = new Uint32Array(1);
  /** Target bytes by SPI. */
  readonly #targets: Uint8Array;
  /** By vCPU and SGI: the vCPUs from which it is pending. */
  readonly #sgiSources: Uint8Array;

  /** GICC_CTLR by vCPU. */
  readonly control: Uint32Array;
  /** GICC_PMR by vCPU. */
  readonly pmr: Uint8Array;
  /** GICC_BPR by vCPU, 0 to 7. */
  readonly bpr: Uint8Array;
  /** GICC_ABPR by vCPU, 1 to 7. */
  readonly abpr: Uint8Array;
  /** GICC_APR<n> at 4 * vCPU + n: active priorities of group 0. */
  readonly active0: Uint32Array;
  /** GICC_NSAPR<n> at 4 * vCPU + n: active priorities of group 1. */
  readonly active1: Uint32Array;

  readonly #highest: Uint16Array;
  readonly #highestPriority: Uint16Array;
  readonly #signals: CpuSignals;
  readonly #evaluate = (cpu: number): void => this.evaluate(cpu);
  readonly #lines: InputLines;

  /** In its power-on state. Throws a RangeError if it cannot serve so many vCPUs or interrupts. */
  constructor(options: GicV2Options) {
    const { cpus, spis, cpuInterrupts } = options;
    if (!Number.isInteger(cpus) || cpus < 1 || cpus > MAX_CPUS) {
      throw new RangeError("a GICv2 serves 1 to 8 vCPUs");
    }
    this.cpus = cpus;
    this.table = new InterruptTable(cpus, spis);
    const count = (this.table.words - 1) * 32;
    this.#targets = new Uint8Array(count);
    this.#sgiSources = new Uint8Array(cpus * SGI_COUNT);
    this.control = new Uint32Array(cpus);
    this.pmr = new Uint8Array(cpus);
    this.bpr = new Uint8Array(cpus);
    this.abpr = new Uint8Array(cpus);
    this.active0 = new Uint32Array(cpus * ACTIVE_WORDS);
    this.active1 = new Uint32Array(cpus * ACTIVE_WORDS);
    this.#highest = new Uint16Array(cpus);
    this.#highestPriority = new Uint16Array(cpus);
    this.#signals = new CpuSignals(cpus, cpuInterrupts);
    this.#lines = new InputLines(this.table, (slot) => {
      this.#refresh(slot);
      this.settle();
    });
    this.reset();
  }

  // ---- input lines

  spi(n: number): IrqLine {
    return this.#lines.spi(n);
  }

  ppi(vcpu: number, n: number): IrqLine {
    return this.#lines.ppi(vcpu, n);
  }

  // ---- distributor

  /** Group enables: bits 1:0 of GICD_CTLR. */
  get groupEnables(): number {
    return this.#distributorControl[0];
  }

  set groupEnables(value: number) {
    this.#distributorControl[0] = value & 3;
    this.evaluateAll();
  }

  /** GICD_ITARGETSR of one interrupt: the vCPU itself for SGIs and PPIs; zero with one vCPU. */
  targets(cpu: number, intid: number): number {
    if (this.cpus === 1 || !this.table.exists(intid)) return 0;
    return intid < SPI_BASE ? 1 << cpu : this.#targets[intid - SPI_BASE];
  }

  /** Writes GICD_ITARGETSR of one SPI; a pending interrupt moves to its new targets. */
  setTargets(intid: number, value: number): void {
    if (this.cpus === 1 || intid < SPI_BASE || !this.table.exists(intid)) return;
    this.#targets[intid - SPI_BASE] = value & ((1 << this.cpus) - 1);
    this.#refresh(this.table.slot(0, intid));
  }

  /** Makes an SGI pending at vCPU `to` from the vCPUs in `sources`. */
  addSgi(to: number, intid: number, sources: number): void {
    this.#setSgi(to, intid, this.#sgiSources[to * SGI_COUNT + intid] | sources);
  }

  /** Takes pending states of an SGI away. */
  removeSgi(to: number, intid: number, sources: number): void {
    this.#setSgi(to, intid, this.#sgiSources[to * SGI_COUNT + intid] & ~sources);
  }

  /** The vCPUs from which an SGI is pending (GICD_SPENDSGIR). */
  sgiSources(to: number, intid: number): number {
    return this.#sgiSources[to * SGI_COUNT + intid];
  }

  #setSgi(to: number, intid: number, sources: number): void {
    this.#sgiSources[to * SGI_COUNT + intid] = sources & ((1 << this.cpus) - 1);
    const bit = 1 << intid;
    if (this.#sgiSources[to * SGI_COUNT + intid] !== 0) this.table.latch[to] |= bit;
    else this.table.latch[to] &= ~bit;
    this.#refresh(to * 32 + intid);
  }

  /** After enable, pending, active or trigger bits `changed` of a word changed. Call `settle` then. */
  refreshWord(row: number, changed: number): void {
    for (let bits = changed; bits !== 0; bits &= bits - 1) {
      this.#refresh(row * 32 + lowestBit(bits));
    }
  }

  /** After group or priority changed: the ready sets stand, the order may not. */
  evaluateAll(): void {
    this.#signals.markAll();
    this.settle();
  }

  /** Puts an interrupt into the ready sets of its targets, or takes it out. */
  #refresh(slot: number): void {
    const ready = this.table.isReady(slot);
    const shared = slot - this.cpus * 32;
    if (shared < 0) {
      const cpu = slot >>> 5;
      if (this.table.setReady(cpu, slot & 31, ready)) this.#signals.mark(cpu);
      return;
    }
    const targets = this.cpus === 1 ? 1 : this.#targets[shared];
    for (let cpu = 0; cpu < this.cpus; cpu++) {
      const here = ready && ((targets >>> cpu) & 1) !== 0;
      if (this.table.setReady(cpu, shared + SPI_BASE, here)) this.#signals.mark(cpu);
    }
  }

  // ---- CPU interface

  /** Whether interrupt `intid` as vCPU `cpu` sees it is in group 1. */
  isGroup1(cpu: number, intid: number): boolean {
    return this.table.isGroup1(this.table.slot(cpu, intid));
  }

  /** GICC_RPR. */
  runningPriority(cpu: number): number {
    return Math.min(this.#running(cpu), 0xff);
  }

  #running(cpu: number): number {
    for (let n = 0; n < ACTIVE_WORDS; n++) {
      const index = cpu * ACTIVE_WORDS + n;
      const word = this.active0[index] | this.active1[index];
      if (word !== 0) return (n * 32 + lowestBit(word)) << 1;
    }
    return IDLE;
  }

  /**
   * GICC_HPPIR, or GICC_AHPPIR with `alias`: the highest priority pending interrupt that the
   * priority mask lets through, with the number of its sender for an SGI.
   */
  pending(cpu: number, alias: boolean): number {
    const intid = this.#highest[cpu];
    if (this.#highestPriority[cpu] >= this.pmr[cpu]) return SPURIOUS;
    const special = this.#refusal(cpu, intid, alias);
    return special !== 0 ? special : intid | this.#sender(cpu, intid);
  }

  /** GICC_IAR, or GICC_AIAR with `alias`: takes the interrupt. */
  acknowledge(cpu: number, alias: boolean): number {
    const intid = this.#highest[cpu];
    const priority = this.#highestPriority[cpu];
    if (priority >= this.pmr[cpu]) return SPURIOUS;
    const special = this.#refusal(cpu, intid, alias);
    if (special !== 0) return special;
    if (!this.#preempts(cpu, intid, priority)) return SPURIOUS;
    const group1 = this.isGroup1(cpu, intid);
    const level = (priority & this.#groupMask(cpu, group1)) >>> 1;
    const index = cpu * ACTIVE_WORDS + (level >>> 5);
    (group1 ? this.active1 : this.active0)[index] |= 1 << (level & 31);
    const slot = this.table.slot(cpu, intid);
    const sender = this.#sender(cpu, intid);
    this.table.activate(slot);
    if (intid < SGI_COUNT) this.removeSgi(cpu, intid, 1 << (sender >>> 10));
    else this.#refresh(slot);
    this.#signals.mark(cpu);
    this.settle();
    return intid | sender;
  }

  /** 0 if a register may take the interrupt, else the id that it shows instead. */
  #refusal(cpu: number, intid: number, alias: boolean): number {
    const group1 = this.isGroup1(cpu, intid);
    if (alias) return group1 ? 0 : SPURIOUS;
    return group1 && (this.control[cpu] & GICC_CTLR.AckCtl) === 0 ? OTHER_GROUP : 0;
  }

  /** Bits 12:10 of GICC_IAR: the lowest vCPU from which an SGI is pending. */
  #sender(cpu: number, intid: number): number {
    if (intid >= SGI_COUNT) return 0;
    const sources = this.#sgiSources[cpu * SGI_COUNT + intid];
    return sources === 0 ? 0 : lowestBit(sources) << 10;
  }

  /**
   * GICC_EOIR (or GICC_AEOIR): drops the priority of the group to which the interrupt belongs and,
   * unless EOImode splits the two, deactivates it.
   */
  endOfInterrupt(cpu: number, intid: number, alias: boolean): void {
    if (!this.table.exists(intid) || this.#running(cpu) === IDLE) return;
    const group1 = this.isGroup1(cpu, intid);
    if (alias && !group1) return;
    const active = group1 ? this.active1 : this.active0;
    for (let n = 0; n < ACTIVE_WORDS; n++) {
      const index = cpu * ACTIVE_WORDS + n;
      if (active[index] === 0) continue;
      active[index] &= active[index] - 1;
      break;
    }
    this.#signals.mark(cpu);
    if ((this.control[cpu] & GICC_CTLR.EOImode) === 0) this.#deactivate(cpu, intid);
    this.settle();
  }

  /** GICC_DIR: deactivates; without effect unless EOImode is set. */
  deactivate(cpu: number, intid: number): void {
    if ((this.control[cpu] & GICC_CTLR.EOImode) === 0 || !this.table.exists(intid)) return;
    this.#deactivate(cpu, intid);
    this.settle();
  }

  #deactivate(cpu: number, intid: number): void {
    const slot = this.table.slot(cpu, intid);
    this.table.deactivate(slot);
    this.#refresh(slot);
  }

  #groupMask(cpu: number, group1: boolean): number {
    const own = group1 && (this.control[cpu] & GICC_CTLR.CBPR) === 0;
    return groupMask(own ? this.abpr[cpu] - 1 : this.bpr[cpu]);
  }

  #preempts(cpu: number, intid: number, priority: number): boolean {
    const running = this.#running(cpu);
    return running === IDLE ||
      (priority & this.#groupMask(cpu, this.isGroup1(cpu, intid))) < running;
  }

  /** Looks again at the vCPU after one of its own registers changed. */
  evaluate(cpu: number): void {
    const control = this.control[cpu];
    const enables = control & this.#distributorControl[0];
    const intid = this.table.best(
      cpu,
      (enables & GICC_CTLR.EnableGrp0) !== 0 ? -1 : 0,
      (enables & GICC_CTLR.EnableGrp1) !== 0 ? -1 : 0,
    );
    const priority = this.table.bestPriority;
    this.#highest[cpu] = intid;
    this.#highestPriority[cpu] = priority;
    const signalled = priority < this.pmr[cpu] && this.#preempts(cpu, intid, priority);
    const fiq = signalled && (control & GICC_CTLR.FIQEn) !== 0 && !this.isGroup1(cpu, intid);
    const irq = signalled && !fiq;
    this.#signals.drive(cpu, irq, fiq);
  }

  /** Looks again at every vCPU whose ready set changed. */
  settle(): void {
    this.#signals.settle(this.#evaluate);
  }

  // ---- reset and state

  /** Power-on state. Input lines keep their levels. */
  reset(): void {
    this.table.reset();
    // SGIs are always enabled.
    this.table.enable.fill(SGI_MASK, 0, this.cpus);
    clearArrays(this.#registers);
    this.abpr.fill(1);
    this.#rebuild();
  }

  /** The whole controller. */
  state(): DeviceState {
    return saveArrays(this.#saved);
  }

  /** Puts back a state of a GICv2 of the same size. Throws a TypeError on anything else. */
  restore(state: DeviceState): void {
    restoreArrays(this.#saved, state);
    this.#rebuild();
    this.#signals.repeat();
  }

  get #registers(): StateArrays {
    return {
      distributorControl: this.#distributorControl,
      targets: this.#targets,
      sgiSources: this.#sgiSources,
      control: this.control,
      pmr: this.pmr,
      bpr: this.bpr,
      abpr: this.abpr,
      active0: this.active0,
      active1: this.active1,
    };
  }

  get #saved(): StateArrays {
    return { ...this.table.arrays, ...this.#registers };
  }

  /** Computes from the registers all that follows from them. */
  #rebuild(): void {
    this.table.clearReady();
    for (let slot = 0; slot < this.table.slots; slot++) this.#refresh(slot);
    this.evaluateAll();
  }
}
