/** The time stamp counters: IA32_TSC and IA32_TSC_ADJUST of each vCPU (Intel SDM vol. 3, 18.17). */
import { StateReader } from "../device_state.ts";
import type { DeviceState, SystemRegisters } from "../vbus/device.ts";

/** Numbers of the registers. */
export const TscMsr = { counter: 0x10, adjust: 0x3b } as const;

const NANOSECONDS_PER_SECOND = 1_000_000_000n;
const ALL = 0xffffffff_ffffffffn;

/** What the counters work with. */
export interface TscOptions {
  /** Number of vCPUs. */
  readonly cpus: number;
  /** Nanoseconds of guest time from 0. */
  readonly clock: { now(): number };
  /** Counts per second, the same for all. @default 1_000_000_000 */
  readonly frequency?: number;
}

/** One counter for the machine, and what each vCPU adds to it. */
export class TimeStampCounters implements SystemRegisters {
  /** Counts per second. */
  readonly frequency: number;
  /** Numbers of the registers, for a bus. */
  readonly ids: readonly number[] = Object.values(TscMsr);
  readonly #clock: { now(): number };
  readonly #hertz: bigint;
  readonly #adjust: BigUint64Array;
  /** Nanoseconds to add to the clock's. */
  #offset = 0;
  #changed: (vcpu: number) => void = () => {};

  /** All count from 0. Throws a RangeError if the frequency is no integer from 1 to 2^40. */
  constructor(options: TscOptions) {
    const { cpus, clock, frequency = 1_000_000_000 } = options;
    if (!Number.isInteger(frequency) || frequency < 1 || frequency > 2 ** 40) {
      throw new RangeError(`${frequency} Hz is no frequency of a time stamp counter`);
    }
    this.frequency = frequency;
    this.#hertz = BigInt(frequency);
    this.#clock = clock;
    this.#adjust = new BigUint64Array(cpus);
  }

  /** Called when a guest has changed the counter of a vCPU. One callback. */
  onChanged(callback: (vcpu: number) => void): void {
    this.#changed = callback;
  }

  /** RDTSC: the counter of a vCPU, 64 bits. */
  read(vcpu: number): bigint {
    return BigInt.asUintN(64, this.#machine() + this.#adjust[vcpu]);
  }

  /**
   * The first time in nanoseconds of the clock at which the counter of a vCPU has reached a value; the
   * past if it has already, Infinity if the clock does not get there.
   */
  timeOf(vcpu: number, value: bigint): number {
    const now = this.read(vcpu);
    if (value <= now) return 0;
    const ticks = this.#machine() + value - now;
    const time = (ticks * NANOSECONDS_PER_SECOND + this.#hertz - 1n) / this.#hertz;
    return time > BigInt(Number.MAX_SAFE_INTEGER) ? Infinity : Number(time) - this.#offset;
  }

  readRegister(vcpu: number, id: number): bigint | undefined {
    if (vcpu < 0 || vcpu >= this.#adjust.length) return undefined;
    if (id === TscMsr.counter) return this.read(vcpu);
    return id === TscMsr.adjust ? this.#adjust[vcpu] : undefined;
  }

  /** A write of the counter shows in IA32_TSC_ADJUST too. */
  writeRegister(vcpu: number, id: number, value: bigint): boolean {
    if (vcpu < 0 || vcpu >= this.#adjust.length) return false;
    if (id === TscMsr.adjust) this.#adjust[vcpu] = value;
    else if (id === TscMsr.counter) this.#adjust[vcpu] += value - this.read(vcpu);
    else return false;
    this.#changed(vcpu);
    return true;
  }

  /** All count what the machine counts. The machine's counter goes on. */
  reset(): void {
    this.#adjust.fill(0n);
    this.#adjust.forEach((_, vcpu) => this.#changed(vcpu));
  }

  /** The moment, and what each vCPU adds. */
  state(): DeviceState {
    const adjust = Array.from(this.#adjust, (value) => value.toString(16));
    return { now: this.#clock.now() + this.#offset, adjust };
  }

  /** The counters go on from the saved moment. Throws a TypeError. */
  restore(state: DeviceState): void {
    const from = new StateReader(state, "time stamp counters");
    const now = from.integer("now", Number.MAX_SAFE_INTEGER);
    const adjust = from.array("adjust", this.#adjust.length).map((text) => {
      if (typeof text !== "string" || !/^[0-9a-f]{1,16}$/.test(text)) {
        throw new TypeError("state of time stamp counters: adjust is not hexadecimal");
      }
      return BigInt(`0x${text}`) & ALL;
    });
    if (adjust.length !== this.#adjust.length) {
      throw new TypeError("state of time stamp counters: another number of vCPUs");
    }
    this.#offset = now - this.#clock.now();
    this.#adjust.set(adjust);
    adjust.forEach((_, vcpu) => this.#changed(vcpu));
  }

  /** The counter without adjustment. */
  #machine(): bigint {
    const nanoseconds = BigInt(this.#clock.now() + this.#offset);
    // One count for each nanosecond, as boards have it: guests read it by the hundred thousand.
    if (this.#hertz === NANOSECONDS_PER_SECOND) return nanoseconds;
    return (nanoseconds * this.#hertz) / NANOSECONDS_PER_SECOND;
  }
}
