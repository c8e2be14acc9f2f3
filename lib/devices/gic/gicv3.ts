/**
 * GICv3 (Arm IHI 0069) with one security state and affinity routing always on (GICD_CTLR.DS and .ARE
 * read as one). This file holds the state and decides what is signalled to whom; the registers are
 * in gicv3_distributor.ts, gicv3_redistributor.ts and gicv3_cpu_interface.ts, the LPIs in
 * gicv3_lpis.ts.
 */
import type { CpuInterrupts, IrqController, IrqLine } from "../irq_controller/irq_line.ts";
import type { DeviceState } from "../vbus/device.ts";
import { StateReader } from "../device_state.ts";
import { clearArrays, restoreArrays, saveArrays, type StateArrays } from "../vbus/device_state.ts";
import { GicV3Lpis, type LpiOptions } from "./gicv3_lpis.ts";
import { CpuSignals } from "./cpu_signals.ts";
import { InputLines } from "./input_lines.ts";
import { InterruptTable, lowestBit, SPI_BASE, SPURIOUS } from "./interrupt_table.ts";
import { LPI_BASE } from "./lpi_set.ts";
import {
  activeBit,
  groupMask,
  IDLE_PRIORITY,
  MIN_BINARY_POINT,
  runningPriority,
} from "./priority.ts";
import { NOBODY, SpiRoutes } from "./spi_routes.ts";

/** Bits of GICD_CTLR. */
export const GICD_CTLR = {
  EnableGrp0: 0x01,
  EnableGrp1: 0x02,
  ARE: 0x10,
  DS: 0x40,
} as const;

/** Bits of ICC_CTLR_EL1 that can be written. */
export const ICC_CTLR = { CBPR: 1, EOImode: 2 } as const;

/** What a GICv3 is made of. */
export interface GicV3Options {
  /** Number of vCPUs, 1 to 512. */
  readonly cpus: number;
  /** Shared peripheral interrupts, 1 to 988; rounded up to a multiple of 32. */
  readonly spis: number;
  /** The interrupt inputs of the vCPUs. */
  readonly cpuInterrupts: CpuInterrupts;
  /** Affinity of a vCPU as Aff3:Aff2:Aff1:Aff0, eight bits each. @default sixteen vCPUs per Aff1 */
  readonly affinity?: (cpu: number) => number;
  /** Where the tables of LPIs are; without it there are no LPIs. */
  readonly lpis?: Pick<LpiOptions, "memory" | "longWork">;
}

/** State and signalling of a GICv3. */
export class GicV3 implements IrqController {
  /** Number of vCPUs. */
  readonly cpus: number;
  /** State of each interrupt. */
  readonly table: InterruptTable;
  /** Packed affinity by vCPU. */
  readonly affinity: Uint32Array;

  /** Group enables of GICD_CTLR (word 0). */
  readonly #control: Uint32Array = new Uint32Array(1);
  /** Where SPIs go. */
  readonly #routes: SpiRoutes;

  /** The LPIs; undefined without them (GICD_TYPER.LPIS). */
  readonly lpis: GicV3Lpis | undefined;

  /** GICR_WAKER.ProcessorSleep. */
  readonly asleep: Uint8Array;
  /** ICC_PMR_EL1 by vCPU. */
  readonly pmr: Uint8Array;
  /** ICC_BPR0_EL1 by vCPU, 2 to 7. */
  readonly bpr0: Uint8Array;
  /** ICC_BPR1_EL1 by vCPU, 3 to 7. */
  readonly bpr1: Uint8Array;
  /** ICC_IGRPEN0_EL1 by vCPU. */
  readonly enable0: Uint8Array;
  /** ICC_IGRPEN1_EL1 by vCPU. */
  readonly enable1: Uint8Array;
  /** The writable bits of ICC_CTLR_EL1 by vCPU. */
  readonly control: Uint8Array;
  /** ICC_AP0R0_EL1 by vCPU: active priorities of group 0. */
  readonly active0: Uint32Array;
  /** ICC_AP1R0_EL1 by vCPU: active priorities of group 1. */
  readonly active1: Uint32Array;

  /** Highest priority pending interrupt of each vCPU. */
  readonly #highest: Uint16Array;
  readonly #highestPriority: Uint16Array;
  readonly #signals: CpuSignals;
  readonly #evaluate = (cpu: number): void => this.evaluate(cpu);
  readonly #lines: InputLines;

  /** In its power-on state. Throws a RangeError if it cannot serve so many vCPUs or interrupts. */
  constructor(options: GicV3Options) {
    const { cpus, spis, cpuInterrupts, affinity = defaultAffinity, lpis } = options;
    if (!Number.isInteger(cpus) || cpus < 1 || cpus > 512) {
      throw new RangeError("a GICv3 serves 1 to 512 vCPUs");
    }
    this.cpus = cpus;
    this.table = new InterruptTable(cpus, spis);
    this.affinity = Uint32Array.from({ length: cpus }, (_, cpu) => affinity(cpu));
    const count = (this.table.words - 1) * 32;
    this.#signals = new CpuSignals(cpus, cpuInterrupts);
    this.#routes = new SpiRoutes(count, this.affinity);
    this.lpis = lpis &&
      new GicV3Lpis({ ...lpis, cpus, changed: (cpu) => this.#signals.mark(cpu) });
    this.asleep = new Uint8Array(cpus);
    this.pmr = new Uint8Array(cpus);
    this.bpr0 = new Uint8Array(cpus);
    this.bpr1 = new Uint8Array(cpus);
    this.enable0 = new Uint8Array(cpus);
    this.enable1 = new Uint8Array(cpus);
    this.control = new Uint8Array(cpus);
    this.active0 = new Uint32Array(cpus);
    this.active1 = new Uint32Array(cpus);
    this.#highest = new Uint16Array(cpus);
    this.#highestPriority = new Uint16Array(cpus);
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
    return this.#control[0];
  }

  set groupEnables(value: number) {
    this.#control[0] = value & (GICD_CTLR.EnableGrp0 | GICD_CTLR.EnableGrp1);
    this.evaluateAll();
  }

  /** GICD_IROUTER of an SPI that exists, low or high word. */
  route(intid: number, high: boolean): number {
    return this.#routes.get(intid - SPI_BASE, high);
  }

  /** Writes half of GICD_IROUTER; a pending interrupt moves to its new target. */
  setRoute(intid: number, high: boolean, value: number): void {
    this.#withdraw(intid);
    this.#routes.set(intid - SPI_BASE, high, value);
    this.#refresh(this.table.slot(0, intid));
    this.settle();
  }

  /** GICD_SETSPI_NSR and GICD_CLRSPI_NSR: a message for an SPI; nothing if there is no such one. */
  messageSpi(intid: number, pending: boolean): void {
    if (intid < SPI_BASE || !this.table.exists(intid)) return;
    const slot = this.table.slot(0, intid);
    this.table.setMessage(slot, pending);
    this.#refresh(slot);
    this.settle();
  }

  /**
   * Sends SGI `intid` of a group to vCPU `to` (IHI 0069, 12.2.19): it becomes pending there if it
   * belongs to that group.
   */
  sendSgi(to: number, intid: number, group1: boolean): void {
    const slot = to * 32 + intid;
    if (this.table.isGroup1(slot) !== group1) return;
    this.table.latch[to] |= 1 << intid;
    this.#refresh(slot);
  }

  /** The vCPU with a packed affinity, undefined if there is none. */
  cpuWithAffinity(affinity: number): number | undefined {
    return this.#routes.cpuWithAffinity(affinity);
  }

  // ---- changes of many interrupts

  /** After enable, pending, active or trigger bits `changed` of a word changed. Call `settle` then. */
  refreshWord(row: number, changed: number): void {
    for (let bits = changed; bits !== 0; bits &= bits - 1) {
      this.#refresh(row * 32 + lowestBit(bits));
    }
  }

  /** After group or priority changed: the ready sets stand, the order may not. */
  evaluateAll(): void {
    this.#reroute();
    this.#signals.markAll();
    this.settle();
  }

  /** GICR_WAKER.ProcessorSleep of a vCPU. */
  setAsleep(cpu: number, asleep: boolean): void {
    this.asleep[cpu] = asleep ? 1 : 0;
    this.evaluateAll();
  }

  /** Puts an interrupt into the ready set of its target, or takes it out. */
  #refresh(slot: number): void {
    const shared = slot - this.cpus * 32;
    if (shared < 0) {
      const cpu = slot >>> 5;
      if (this.table.setReady(cpu, slot & 31, this.table.isReady(slot))) this.#signals.mark(cpu);
      return;
    }
    const ready = this.table.isReady(slot);
    let cpu = this.#routes.target[shared];
    if (cpu === NOBODY && ready && this.#routes.isAny(shared)) cpu = this.#choose(shared);
    if (cpu === NOBODY) return;
    if (this.table.setReady(cpu, shared + SPI_BASE, ready)) this.#signals.mark(cpu);
    // The next occurrence of a 1-of-N interrupt is anybody's again.
    if (!ready && this.#routes.isAny(shared)) this.#routes.target[shared] = NOBODY;
  }

  #withdraw(intid: number): void {
    const cpu = this.#routes.target[intid - SPI_BASE];
    if (cpu !== NOBODY && this.table.setReady(cpu, intid, false)) this.#signals.mark(cpu);
  }

  /** A vCPU for a 1-of-N interrupt. */
  #choose(n: number): number {
    const group1 = this.table.isGroup1(this.cpus * 32 + n);
    return this.#routes.choose(n, (cpu) => this.#takesPart(cpu, group1));
  }

  /** Whether a vCPU takes 1-of-N interrupts of a group: awake, and the group enabled there. */
  #takesPart(cpu: number, group1: boolean): boolean {
    return this.asleep[cpu] === 0 && (group1 ? this.enable1 : this.enable0)[cpu] !== 0;
  }

  /** Offers 1-of-N interrupts again whose vCPU does not take part any more, or that have none. */
  #reroute(): void {
    if (!this.#routes.someAny) return;
    const { target } = this.#routes;
    for (let n = 0; n < target.length; n++) {
      const slot = this.cpus * 32 + n;
      if (!this.#routes.isAny(n) || !this.table.isReady(slot)) continue;
      const cpu = target[n];
      if (cpu !== NOBODY && this.#takesPart(cpu, this.table.isGroup1(slot))) continue;
      this.#withdraw(n + SPI_BASE);
      target[n] = NOBODY;
      this.#refresh(slot);
    }
  }

  // ---- CPU interface

  /** Highest priority pending interrupt of a vCPU in an enabled group, SPURIOUS if none. */
  highest(cpu: number): number {
    return this.#highest[cpu];
  }

  /** Whether interrupt `intid` as vCPU `cpu` sees it is in group 1. */
  isGroup1(cpu: number, intid: number): boolean {
    return intid >= LPI_BASE || this.table.isGroup1(this.table.slot(cpu, intid));
  }

  /** ICC_RPR_EL1. */
  runningPriority(cpu: number): number {
    return runningPriority(this.active0[cpu] | this.active1[cpu]);
  }

  /** ICC_BPR1_EL1: with CBPR it shows ICC_BPR0_EL1 plus one (IHI 0069, 12.2.6). */
  binaryPoint1(cpu: number): number {
    if ((this.control[cpu] & ICC_CTLR.CBPR) === 0) return this.bpr1[cpu];
    return Math.min(this.bpr0[cpu] + 1, 7);
  }

  /** ICC_IAR<n>_EL1: takes the signalled interrupt if it is of that group, else gives SPURIOUS. */
  acknowledge(cpu: number, group1: boolean): number {
    const signals = this.#signals;
    if (!(group1 ? signals.irq(cpu) : signals.fiq(cpu))) return SPURIOUS;
    const intid = this.#highest[cpu];
    const bit = activeBit(this.#highestPriority[cpu] & this.#groupMask(cpu, group1));
    (group1 ? this.active1 : this.active0)[cpu] |= bit;
    if (intid >= LPI_BASE) this.lpis?.clear(cpu, intid); // LPIs have no active state
    else {
      const slot = this.table.slot(cpu, intid);
      this.table.activate(slot);
      this.#refresh(slot);
    }
    this.#signals.mark(cpu);
    this.settle();
    return intid;
  }

  /**
   * ICC_EOIR<n>_EL1: drops the running priority and, unless EOImode splits the two, deactivates.
   * Without effect if the most urgent active priority is not of that group.
   */
  endOfInterrupt(cpu: number, group1: boolean, intid: number): void {
    if (!this.table.exists(intid) && this.lpis?.exists(cpu, intid) !== true) return;
    const mine = group1 ? this.active1 : this.active0;
    const other = group1 ? this.active0 : this.active1;
    // Of two equal ones group 0 counts as the more urgent.
    const rank = group1 ? 0 : 1;
    if (mine[cpu] === 0 || runningPriority(mine[cpu]) >= runningPriority(other[cpu]) + rank) return;
    mine[cpu] &= mine[cpu] - 1;
    this.#signals.mark(cpu);
    const together = (this.control[cpu] & ICC_CTLR.EOImode) === 0;
    if (together && intid < LPI_BASE) this.#deactivate(cpu, intid);
    this.settle();
  }

  /** ICC_DIR_EL1: deactivates; without effect unless EOImode is set. */
  deactivate(cpu: number, intid: number): void {
    if ((this.control[cpu] & ICC_CTLR.EOImode) === 0 || !this.table.exists(intid)) return;
    this.#deactivate(cpu, intid);
    this.settle();
  }

  #deactivate(cpu: number, intid: number): void {
    const slot = this.table.slot(cpu, intid);
    this.table.deactivate(slot);
    this.#refresh(slot);
  }

  #groupMask(cpu: number, group1: boolean): number {
    const own = group1 && (this.control[cpu] & ICC_CTLR.CBPR) === 0;
    return groupMask(own ? this.bpr1[cpu] - 1 : this.bpr0[cpu]);
  }

  /** Looks again at the vCPU after one of its own registers changed. */
  evaluate(cpu: number): void {
    const { table, lpis } = this;
    const enables = this.#control[0];
    const enabled0 = (enables & GICD_CTLR.EnableGrp0) !== 0 && this.enable0[cpu] !== 0;
    const enabled1 = (enables & GICD_CTLR.EnableGrp1) !== 0 && this.enable1[cpu] !== 0;
    let intid = table.best(cpu, enabled0 ? -1 : 0, enabled1 ? -1 : 0);
    let priority = table.bestPriority;
    if (lpis !== undefined && enabled1 && lpis.bestPriority[cpu] < priority) {
      intid = lpis.best[cpu];
      priority = lpis.bestPriority[cpu];
    }
    this.#highest[cpu] = intid;
    this.#highestPriority[cpu] = priority;
    let group1 = false;
    let signalled = false;
    if (priority < this.pmr[cpu]) {
      group1 = this.isGroup1(cpu, intid);
      const running = this.runningPriority(cpu);
      const mask = this.#groupMask(cpu, group1);
      signalled = running === IDLE_PRIORITY || (priority & mask) < (running & mask);
    }
    this.#signals.drive(cpu, signalled && group1, signalled && !group1);
  }

  /** Looks again at every vCPU whose ready set changed. */
  settle(): void {
    this.#signals.settle(this.#evaluate);
  }

  // ---- reset and state

  /** Power-on state. Input lines keep their levels. */
  reset(): void {
    this.table.reset();
    clearArrays(this.#registers);
    this.lpis?.reset();
    this.asleep.fill(1);
    this.bpr0.fill(MIN_BINARY_POINT);
    this.bpr1.fill(MIN_BINARY_POINT + 1);
    this.#rebuild();
  }

  /** The whole controller but the tables in guest RAM. */
  state(): DeviceState {
    return { registers: saveArrays(this.#saved), lpis: this.lpis?.state() ?? null };
  }

  /** Puts back a state of a GICv3 of the same size. Throws a TypeError, and changes nothing, on anything else. */
  restore(state: DeviceState): void {
    const reader = new StateReader(state, "GICv3");
    const [registers, lpis] = [reader.value("registers"), reader.value("lpis")];
    const before = saveArrays(this.#saved);
    restoreArrays(this.#saved, registers);
    try {
      if (this.lpis !== undefined) this.lpis.restore(lpis);
      else if (lpis !== null) throw new TypeError("this GICv3 has no LPIs");
    } catch (error) {
      restoreArrays(this.#saved, before);
      throw error;
    }
    this.#rebuild();
    this.#signals.repeat();
  }

  get #registers(): StateArrays {
    return {
      distributorControl: this.#control,
      ...this.#routes.arrays,
      asleep: this.asleep,
      pmr: this.pmr,
      bpr0: this.bpr0,
      bpr1: this.bpr1,
      enable0: this.enable0,
      enable1: this.enable1,
      control: this.control,
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
    this.#routes.rebuild();
    for (let slot = 0; slot < this.table.slots; slot++) this.#refresh(slot);
    this.#signals.markAll();
    this.settle();
  }
}

function defaultAffinity(cpu: number): number {
  return ((cpu >>> 4) << 8) | (cpu & 15);
}
