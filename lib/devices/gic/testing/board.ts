/** A GIC on a bus with recorded vCPU inputs, and the same handful of actions for both versions. */
import { GuestMemory } from "../../../engine/guest_memory.ts";
import { Bus, type BusValue } from "../../vbus/bus.ts";
import { AccessResult } from "../../vbus/device.ts";
import { createGic, type Gic } from "../gic.ts";
import { ICC } from "../gicv3_cpu_interface.ts";

/** Offsets of the regions from the distributor. */
const GICC = 0x10000;
const GICR = 0xa0000;
const ICENABLER = 0x180;

/** What a test chooses. */
export interface TestBoardOptions {
  readonly cpus?: number;
  readonly spis?: number;
  /** RAM, LPIs and an ITS for a GICv3. */
  readonly its?: boolean;
}

/** Guest-physical address and bytes of the RAM of a board. */
export const RAM = 0x4000_0000;
const RAM_BYTES = 0x20_0000;

/** Everything a test needs of a GIC whose distributor is at address 0. */
export class TestBoard {
  readonly gic: Gic;
  readonly bus: Bus = new Bus();
  readonly cpus: number;
  readonly irq: boolean[];
  readonly fiq: boolean[];
  /** Empty without an ITS. */
  ram: GuestMemory;
  /** What waits for the host's next turn. */
  readonly turns: (() => void)[] = [];
  readonly #value: BusValue = { low: 0, high: 0 };

  constructor(version: 2 | 3, options: TestBoardOptions = {}) {
    const { cpus = 2, spis = 256, its = false } = options;
    this.cpus = cpus;
    this.irq = Array<boolean>(cpus).fill(false);
    this.fiq = Array<boolean>(cpus).fill(false);
    this.ram = new GuestMemory(new Uint8Array(its ? RAM_BYTES : 0), RAM);
    this.gic = createGic(version, {
      cpus,
      spis,
      ...(its && { its: { memory: () => this.ram, later: (work) => void this.turns.push(work) } }),
      cpuInterrupts: {
        setIrq: (vcpu, level) => void (this.irq[vcpu] = level),
        setFiq: (vcpu, level) => void (this.fiq[vcpu] = level),
      },
    });
    for (const { device, offset, size } of this.gic.regions) {
      this.bus.register(device, offset, size, "interrupt-controller");
    }
  }

  /** Group 1 through PMR 0xf0 at every vCPU, every redistributor awake; GICv2 acknowledges it. */
  start(): this {
    this.write(0x000, 3);
    for (let cpu = 0; cpu < this.cpus; cpu++) {
      if (this.gic.version === 3) {
        this.write(this.redistributor(cpu) + 0x14, 0);
        this.write(this.redistributor(cpu) + 0x10080, 0xffff_ffff);
        this.set(cpu, "PMR_EL1", 0xf0);
        this.set(cpu, "IGRPEN0_EL1", 1);
        this.set(cpu, "IGRPEN1_EL1", 1);
      } else {
        this.write(0x80, 0xffff_ffff, 4, cpu);
        this.write(GICC + 4, 0xf0, 4, cpu);
        this.write(GICC, 0x7, 4, cpu);
      }
    }
    return this;
  }

  /** A turn of the host. */
  turn(): void {
    for (const work of this.turns.splice(0)) work();
  }

  /** Address of a GICv3 redistributor. */
  redistributor(cpu: number): number {
    return GICR + 0x20000 * cpu;
  }

  read(address: number, size: 1 | 2 | 4 | 8 = 4, vcpu = 0): number {
    if (this.bus.read(address, size, this.#value, vcpu) !== AccessResult.ok) return NaN;
    return this.#value.low;
  }

  write(address: number, value: number, size: 1 | 2 | 4 = 4, vcpu = 0): void {
    this.bus.write(address, size, value, 0, vcpu);
  }

  /** Reads a system register; NaN if it is undefined. */
  get(cpu: number, register: keyof typeof ICC): number {
    const value = this.gic.registers?.readRegister(cpu, ICC[register]);
    return value === undefined ? NaN : Number(value);
  }

  set(cpu: number, register: keyof typeof ICC, value: number | bigint): void {
    this.gic.registers?.writeRegister(cpu, ICC[register], BigInt(value));
  }

  /** Base of the registers of one interrupt as a vCPU reaches them: the SGI frame or the distributor. */
  #base(intid: number, cpu: number): number {
    return this.gic.version === 3 && intid < 32 ? this.redistributor(cpu) + 0x10000 : 0;
  }

  /** Reads the bit of an interrupt in a register with one bit per interrupt (0x080 ... 0x380). */
  bit(register: number, intid: number, cpu = 0): boolean {
    const word = this.read(this.#base(intid, cpu) + register + 4 * (intid >> 5), 4, cpu);
    return ((word >>> (intid & 31)) & 1) !== 0;
  }

  /** Writes one to the bit of an interrupt. */
  setBit(register: number, intid: number, cpu = 0): void {
    const address = this.#base(intid, cpu) + register + 4 * (intid >> 5);
    this.write(address, 1 << (intid & 31), 4, cpu);
  }

  priority(intid: number, priority: number, cpu = 0): void {
    this.write(this.#base(intid, cpu) + 0x400 + intid, priority, 1, cpu);
  }

  edge(intid: number, cpu = 0): void {
    const address = this.#base(intid, cpu) + 0xc00 + 4 * (intid >> 4);
    this.write(address, this.read(address, 4, cpu) | (2 << (2 * (intid & 15))), 4, cpu);
  }

  /** Group 1, priority, target and enable of an interrupt. */
  enable(
    intid: number,
    options: { priority?: number; cpu?: number; group?: 0 | 1; edge?: boolean } = {},
  ): void {
    const { priority = 0xa0, cpu = 0, group = 1, edge = false } = options;
    const groups = this.#base(intid, cpu) + 0x80 + 4 * (intid >> 5);
    const bit = 1 << (intid & 31);
    const before = this.read(groups, 4, cpu);
    this.write(groups, group === 1 ? before | bit : before & ~bit, 4, cpu);
    if (edge) this.edge(intid, cpu);
    this.priority(intid, priority, cpu);
    if (intid >= 32) {
      if (this.gic.version === 3) this.write(0x6000 + 8 * intid, cpu);
      else this.write(0x800 + intid, 1 << cpu, 1);
    }
    this.setBit(0x100, intid, cpu);
  }

  disable(intid: number, cpu = 0): void {
    this.setBit(ICENABLER, intid, cpu);
  }

  /** Takes a group 1 interrupt (GICv2: any). */
  acknowledge(cpu = 0): number {
    return this.gic.version === 3 ? this.get(cpu, "IAR1_EL1") : this.read(GICC + 0xc, 4, cpu);
  }

  end(intid: number, cpu = 0): void {
    if (this.gic.version === 3) this.set(cpu, "EOIR1_EL1", intid);
    else this.write(GICC + 0x10, intid, 4, cpu);
  }

  deactivate(intid: number, cpu = 0): void {
    if (this.gic.version === 3) this.set(cpu, "DIR_EL1", intid);
    else this.write(GICC + 0x1000, intid, 4, cpu);
  }

  /** EOImode: split priority drop and deactivation. */
  splitEnd(cpu = 0): void {
    if (this.gic.version === 3) this.set(cpu, "CTLR_EL1", 2);
    else this.write(GICC, 0x207, 4, cpu);
  }

  running(cpu = 0): number {
    return this.gic.version === 3 ? this.get(cpu, "RPR_EL1") : this.read(GICC + 0x14, 4, cpu);
  }

  highest(cpu = 0): number {
    return this.gic.version === 3 ? this.get(cpu, "HPPIR1_EL1") : this.read(GICC + 0x18, 4, cpu);
  }

  mask(priority: number, cpu = 0): void {
    if (this.gic.version === 3) this.set(cpu, "PMR_EL1", priority);
    else this.write(GICC + 4, priority, 4, cpu);
  }

  /** Binary point of group 1. */
  binaryPoint(value: number, cpu = 0): void {
    if (this.gic.version === 3) this.set(cpu, "BPR1_EL1", value);
    else this.write(GICC + 0x1c, value, 4, cpu);
  }
}

/** A generator of pseudo-random integers below n, the same on every run. */
export function randomFrom(seed: number): (n: number) => number {
  let state = seed >>> 0;
  return (n) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * n);
  };
}
