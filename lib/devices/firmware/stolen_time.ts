/**
 * Stolen time (Arm DEN 0057): how long a vCPU was ready to run and did not get its turn, told to the
 * guest in a structure per vCPU, so that its scheduler does not charge that time to a task.
 */
import type { Clock } from "../../platform/platform.ts";
import { AccessResult, type BusAccess, type Device, type DeviceState } from "../vbus/device.ts";
import { restoreArrays, saveArrays, type StateArrays } from "../vbus/device_state.ts";
import { NOT_SUPPORTED, type SmcccFunction, type SmcccFunctions, word } from "./smccc.ts";

/** Function identifiers. */
export const PvTimeFunction = { FEATURES: 0xc5000020, ST: 0xc5000021 } as const;

/** Bytes of a vCPU's structure: revision (0), attributes (0), nanoseconds stolen; 8 bytes at 8. */
export const STOLEN_TIME_BYTES = 64;
const STOLEN_TIME = 8;

/** What {@linkcode StolenTime} needs to know. */
export interface StolenTimeOptions {
  /** Number of vCPUs. */
  readonly cpus: number;
  /** Guest-physical address of its window, a multiple of 64. */
  readonly address: number;
  /** Time that can be stolen. */
  readonly clock: Pick<Clock, "now">;
}

/**
 * The structures, in a window of 64 bytes per vCPU that the guest reads as memory and whose writes
 * are ignored; and the calls that tell where they are. Whoever runs vCPUs calls
 * {@linkcode StolenTime.begin} and {@linkcode StolenTime.end}.
 *
 * Deviation: time counts from the end of a vCPU's turn. A vCPU that wakes while another runs counts
 * from its own next turn on.
 */
export class StolenTime implements Device {
  /** For people. */
  readonly name = "pv-time";
  readonly #address: number;
  readonly #clock: Pick<Clock, "now">;
  /** Nanoseconds by vCPU. */
  readonly #stolen: Float64Array;
  /** When a vCPU that is ready ended its turn; NaN for one that runs or is not ready. */
  readonly #readySince: Float64Array;
  /** The calls. */
  readonly functions: SmcccFunctions;

  /** Nothing stolen. */
  constructor(options: StolenTimeOptions) {
    const { cpus, address, clock } = options;
    this.#address = address;
    this.#clock = clock;
    this.#stolen = new Float64Array(cpus);
    this.#readySince = new Float64Array(cpus).fill(NaN);
    const functions: Map<number, SmcccFunction> = new Map<number, SmcccFunction>([
      [PvTimeFunction.FEATURES, (_, id) => [functions.has(word(id)) ? 0n : NOT_SUPPORTED]],
      [PvTimeFunction.ST, (vcpu) => [BigInt(this.#address + vcpu * STOLEN_TIME_BYTES)]],
    ]);
    this.functions = functions;
  }

  /** A vCPU begins its turn. */
  begin(vcpu: number): void {
    const waited = this.#clock.now() - this.#readySince[vcpu];
    if (waited > 0) this.#stolen[vcpu] += waited;
    this.#readySince[vcpu] = NaN;
  }

  /** The turn is over. `ready`: the vCPU would go on; else it is off or waits. */
  end(vcpu: number, ready: boolean): void {
    this.#readySince[vcpu] = ready ? this.#clock.now() : NaN;
  }

  /** Nanoseconds stolen from a vCPU so far. */
  stolen(vcpu: number): number {
    return this.#stolen[vcpu];
  }

  access(access: BusAccess): AccessResult {
    if (access.write) return AccessResult.ok;
    const vcpu = Math.floor(access.offset / STOLEN_TIME_BYTES);
    if (vcpu >= this.#stolen.length) return AccessResult.ok;
    const at = access.offset % STOLEN_TIME_BYTES - STOLEN_TIME;
    if (at < 0 || at >= 8) return AccessResult.ok;
    const shifted = Math.floor(this.#stolen[vcpu]) / 2 ** (8 * at);
    access.value = Math.floor(shifted) % 2 ** 32;
    return AccessResult.ok;
  }

  reset(): void {
    this.#stolen.fill(0);
    this.#readySince.fill(NaN);
  }

  shutdown(): void {}

  state(): DeviceState {
    return saveArrays(this.#saved);
  }

  /** Time until now, in which nobody ran, was not stolen. */
  restore(state: DeviceState): void {
    const before = this.#stolen.slice();
    restoreArrays(this.#saved, state);
    if (!this.#stolen.every((time) => time >= 0 && time <= Number.MAX_SAFE_INTEGER)) {
      this.#stolen.set(before);
      throw new TypeError("state of pv-time holds no times");
    }
    this.#readySince.fill(NaN);
  }

  get #saved(): StateArrays {
    return { stolen: this.#stolen };
  }
}
