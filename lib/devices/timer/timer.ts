/**
 * The Arm generic timer as EL1 and EL0 see it without EL2 and EL3 (Arm ARM, D11): one counter for
 * the machine, an EL1 physical and a virtual timer per vCPU. CNTVOFF is zero, so both count the same.
 */
import type { Clock, Timer } from "../../platform/platform.ts";
import type { IrqLine } from "../irq_controller/irq_line.ts";
import {
  type Device,
  type DeviceState,
  systemRegister,
  type SystemRegisters,
} from "../vbus/device.ts";
import { restoreArrays, saveArrays, type StateArrays } from "../vbus/device_state.ts";

/** Counter frequency in Hz: one tick is 16 ns. */
export const COUNTER_FREQUENCY = 62_500_000;
const NANOSECONDS_PER_TICK = 16;

/** Private peripheral interrupts of the timers (0 is GIC interrupt id 16). */
export const TIMER_PPI = {
  /** EL2 physical: idle. */
  hypervisor: 10,
  virtual: 11,
  /** Secure EL1 physical: idle. */
  secure: 13,
  physical: 14,
} as const;

const CNTFRQ_EL0 = systemRegister(3, 3, 14, 0, 0);
const CNTPCT_EL0 = systemRegister(3, 3, 14, 0, 1);
const CNTVCT_EL0 = systemRegister(3, 3, 14, 0, 2);
const CNTKCTL_EL1 = systemRegister(3, 0, 14, 1, 0);
const CNTP_TVAL_EL0 = systemRegister(3, 3, 14, 2, 0);
const CNTP_CTL_EL0 = systemRegister(3, 3, 14, 2, 1);
const CNTP_CVAL_EL0 = systemRegister(3, 3, 14, 2, 2);
const CNTV_TVAL_EL0 = systemRegister(3, 3, 14, 3, 0);
const CNTV_CTL_EL0 = systemRegister(3, 3, 14, 3, 1);
const CNTV_CVAL_EL0 = systemRegister(3, 3, 14, 3, 2);

/** Bits of CNTx_CTL_EL0. */
const CTL = { ENABLE: 1, IMASK: 2, ISTATUS: 4 } as const;

/** Bits of CNTKCTL_EL1. */
const CNTKCTL = {
  EL0PCTEN: 1 << 0,
  EL0VCTEN: 1 << 1,
  EVNTEN: 1 << 2,
  EVNTDIR: 1 << 3,
  EL0VTEN: 1 << 8,
  EL0PTEN: 1 << 9,
  all: 0x3ff,
} as const;

/** What EL0 needs of CNTKCTL_EL1, any of these bits, to use a register. */
const EL0_ENABLES: ReadonlyMap<number, number> = new Map([
  [CNTFRQ_EL0, CNTKCTL.EL0PCTEN | CNTKCTL.EL0VCTEN],
  [CNTPCT_EL0, CNTKCTL.EL0PCTEN],
  [CNTVCT_EL0, CNTKCTL.EL0VCTEN],
  [CNTP_TVAL_EL0, CNTKCTL.EL0PTEN],
  [CNTP_CTL_EL0, CNTKCTL.EL0PTEN],
  [CNTP_CVAL_EL0, CNTKCTL.EL0PTEN],
  [CNTV_TVAL_EL0, CNTKCTL.EL0VTEN],
  [CNTV_CTL_EL0, CNTKCTL.EL0VTEN],
  [CNTV_CVAL_EL0, CNTKCTL.EL0VTEN],
]);

/** What the timer is connected to. */
export interface GenericTimerOptions {
  /** Number of vCPUs. */
  readonly cpus: number;
  /** Nanoseconds that the counter counts, and deadlines. */
  readonly clock: Clock;
  /** Private peripheral interrupt of a vCPU, as of an interrupt controller. */
  readonly ppi: (vcpu: number, n: number) => IrqLine;
  /** Exception level (0 or 1) in which a vCPU accesses a register. */
  readonly currentEl: (vcpu: number) => number;
}

/**
 * Counter and timers of all vCPUs. A register that CNTKCTL_EL1 denies to EL0 is unknown there.
 * ISTATUS and the level of the line follow the counter at every moment; while a timer is disabled
 * ISTATUS is 0.
 */
export class GenericTimer implements SystemRegisters, Omit<Device, "access"> {
  /** For people. */
  readonly name = "generic-timer";
  readonly #clock: Clock;
  readonly #currentEl: (vcpu: number) => number;
  /** Nanoseconds to add to the clock, so that the counter goes on after a restore. */
  #offset = 0;
  readonly #frequency: Uint32Array;
  readonly #kernelControl: Uint32Array;
  /** By timer: 2 * vCPU, plus 1 for the virtual one. */
  readonly #control: Uint8Array;
  readonly #compare: BigUint64Array;
  readonly #lines: readonly IrqLine[];
  readonly #high: Uint8Array;
  readonly #deadlines: (Timer | undefined)[];
  /** Clock time of the deadline, Infinity if none is set. */
  readonly #deadlineTimes: number[];
  readonly #expired: readonly (() => void)[];

  /** Timers disabled, lines low. */
  constructor(options: GenericTimerOptions) {
    const { cpus, clock, ppi, currentEl } = options;
    this.#clock = clock;
    this.#currentEl = currentEl;
    this.#frequency = new Uint32Array(cpus).fill(COUNTER_FREQUENCY);
    this.#kernelControl = new Uint32Array(cpus);
    const timers = Array.from({ length: 2 * cpus }, (_, timer) => timer);
    this.#control = new Uint8Array(timers.length);
    this.#compare = new BigUint64Array(timers.length);
    this.#high = new Uint8Array(timers.length);
    this.#deadlines = timers.map(() => undefined);
    this.#deadlineTimes = timers.map(() => Infinity);
    this.#lines = timers.map((timer) =>
      ppi(timer >>> 1, (timer & 1) === 0 ? TIMER_PPI.physical : TIMER_PPI.virtual)
    );
    this.#expired = timers.map((timer) => (): void => {
      this.#deadlineTimes[timer] = Infinity;
      this.#update(timer);
    });
  }

  /** The counter, in ticks of 16 ns. */
  counter(): number {
    return Math.floor((this.#clock.now() + this.#offset) / NANOSECONDS_PER_TICK);
  }

  /**
   * Clock time in nanoseconds of the next event of the event stream of a vCPU (D11.2.3), which ends
   * a WFE; Infinity if it has none.
   */
  nextEvent(vcpu: number): number {
    const control = this.#kernelControl[vcpu];
    if ((control & CNTKCTL.EVNTEN) === 0) return Infinity;
    // An event is a change of bit EVNTI to 1 (EVNTDIR 0) or to 0 (EVNTDIR 1).
    const half = 2 ** ((control >>> 4) & 15);
    const phase = (control & CNTKCTL.EVNTDIR) === 0 ? half : 0;
    const ticks = Math.floor((this.counter() - phase) / (2 * half) + 1) * (2 * half) + phase;
    return ticks * NANOSECONDS_PER_TICK - this.#offset;
  }

  readRegister(vcpu: number, id: number): bigint | undefined {
    if (!this.#allowed(vcpu, id)) return undefined;
    switch (id) {
      case CNTVCT_EL0:
      case CNTPCT_EL0:
        return BigInt(this.counter());
      case CNTFRQ_EL0:
        return BigInt(this.#frequency[vcpu]);
      case CNTKCTL_EL1:
        return BigInt(this.#kernelControl[vcpu]);
      case CNTP_CTL_EL0:
      case CNTV_CTL_EL0:
        return BigInt(this.#readControl(timerOf(vcpu, id)));
      case CNTP_CVAL_EL0:
      case CNTV_CVAL_EL0:
        return this.#compare[timerOf(vcpu, id)];
      case CNTP_TVAL_EL0:
      case CNTV_TVAL_EL0:
        return BigInt.asUintN(32, this.#compare[timerOf(vcpu, id)] - BigInt(this.counter()));
      default:
        return undefined;
    }
  }

  writeRegister(vcpu: number, id: number, value: bigint): boolean {
    if (!this.#allowed(vcpu, id)) return false;
    switch (id) {
      case CNTP_CVAL_EL0:
      case CNTV_CVAL_EL0:
        this.#compare[timerOf(vcpu, id)] = value;
        break;
      case CNTP_TVAL_EL0:
      case CNTV_TVAL_EL0:
        this.#compare[timerOf(vcpu, id)] = BigInt(this.counter()) + BigInt.asIntN(32, value);
        break;
      case CNTP_CTL_EL0:
      case CNTV_CTL_EL0:
        this.#control[timerOf(vcpu, id)] = Number(value & 3n);
        break;
      case CNTKCTL_EL1:
        this.#kernelControl[vcpu] = Number(value & BigInt(CNTKCTL.all));
        return true;
      case CNTFRQ_EL0:
        // EL1 is the highest exception level and may tell what it likes; the counter does not care.
        if (this.#currentEl(vcpu) === 0) return false;
        this.#frequency[vcpu] = Number(value & 0xffff_ffffn);
        return true;
      default:
        return false;
    }
    this.#update(timerOf(vcpu, id));
    return true;
  }

  /** Timers disabled, lines low. The counter goes on: it belongs to the machine, not to a vCPU. */
  reset(): void {
    this.#frequency.fill(COUNTER_FREQUENCY);
    this.#kernelControl.fill(0);
    this.#control.fill(0);
    this.#compare.fill(0n);
    this.#updateAll();
  }

  /** Lets go of the deadlines. */
  shutdown(): void {
    for (let timer = 0; timer < this.#lines.length; timer++) this.#schedule(timer, Infinity);
  }

  /** Registers and the moment. */
  state(): DeviceState {
    return { now: this.#clock.now() + this.#offset, registers: saveArrays(this.#saved) };
  }

  /** The counter goes on from the saved moment. Throws a TypeError on what is not a timer's state. */
  restore(state: DeviceState): void {
    const { now, registers } = (state ?? {}) as { readonly [key: string]: DeviceState };
    if (typeof now !== "number" || !Number.isSafeInteger(now) || now < 0) {
      throw new TypeError("timer state has no valid time");
    }
    restoreArrays(this.#saved, registers ?? null);
    for (let timer = 0; timer < this.#control.length; timer++) this.#control[timer] &= 3;
    this.#offset = now - this.#clock.now();
    this.#updateAll();
  }

  get #saved(): StateArrays {
    return {
      frequency: this.#frequency,
      kernelControl: this.#kernelControl,
      control: this.#control,
      compare: this.#compare,
    };
  }

  #allowed(vcpu: number, id: number): boolean {
    if (this.#currentEl(vcpu) !== 0) return true;
    const enables = EL0_ENABLES.get(id);
    return enables !== undefined && (this.#kernelControl[vcpu] & enables) !== 0;
  }

  #readControl(timer: number): number {
    this.#update(timer);
    const control = this.#control[timer];
    return (control & CTL.ENABLE) !== 0 && this.#met(timer) ? control | CTL.ISTATUS : control;
  }

  /** The timer condition: the counter has reached the compare value, both unsigned (D11.2.4). */
  #met(timer: number): boolean {
    return BigInt(this.counter()) >= this.#compare[timer];
  }

  /** Drives the line as the registers and the counter demand, and sets the deadline of its rise. */
  #update(timer: number): void {
    const armed = (this.#control[timer] & (CTL.ENABLE | CTL.IMASK)) === CTL.ENABLE;
    const met = armed && this.#met(timer);
    const time = Number(this.#compare[timer]) * NANOSECONDS_PER_TICK - this.#offset;
    // Beyond the range of the clock the counter never gets there.
    this.#schedule(timer, armed && !met && time <= Number.MAX_SAFE_INTEGER ? time : Infinity);
    const high = met ? 1 : 0;
    if (high === this.#high[timer]) return;
    this.#high[timer] = high;
    this.#lines[timer].set(met);
  }

  #updateAll(): void {
    for (let timer = 0; timer < this.#lines.length; timer++) this.#update(timer);
  }

  #schedule(timer: number, time: number): void {
    if (this.#deadlineTimes[timer] === time) return;
    this.#deadlines[timer]?.cancel();
    this.#deadlineTimes[timer] = time;
    this.#deadlines[timer] = time === Infinity
      ? undefined
      : this.#clock.at(time, this.#expired[timer]);
  }
}

/** Index of the timer that one of the CNTP_* or CNTV_* registers belongs to. */
function timerOf(vcpu: number, id: number): number {
  return 2 * vcpu + (id >= CNTV_TVAL_EL0 ? 1 : 0);
}
