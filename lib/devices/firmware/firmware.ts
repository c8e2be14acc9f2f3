/** The firmware of a board: power, versions, entropy and stolen time behind one HVC or SMC. */
import type { Lifecycle } from "../../vcpu/lifecycle/lifecycle.ts";
import { StateReader } from "../device_state.ts";
import type { DeviceState } from "../vbus/device.ts";
import { archFunctions } from "./arch_calls.ts";
import { Psci } from "./psci.ts";
import { is64, NOT_SUPPORTED, type SmcccFunction, type SmcccService } from "./smccc.ts";
import { StolenTime } from "./stolen_time.ts";
import { type RandomSource, trngFunctions } from "./trng.ts";

/** Calls that a {@linkcode Firmware} answered. */
export interface FirmwareStatistics {
  /** Calls of any kind. */
  calls: number;
  /** Calls of functions that do not exist here. */
  unknown: number;
}

/** What {@linkcode Firmware} works with. */
export interface FirmwareOptions {
  /** What the firmware may do to the machine. */
  readonly lifecycle: Lifecycle;
  /** Nanoseconds of guest time. */
  readonly now: () => number;
  /** Whether [address, address + bytes) is RAM. */
  readonly isRam: (address: bigint, bytes: bigint) => boolean;
  /** Fills an array with entropy for TRNG calls; without it there is no TRNG. */
  readonly random?: RandomSource;
  /** Guest-physical address of the stolen time structures; without it there is no stolen time. */
  readonly stolenTimeAddress?: number;
}

/**
 * Answers PSCI 1.1, the SMCCC 1.1 architecture calls, TRNG 1.0 and stolen time (PV time 1.0). Whoever
 * runs vCPUs calls {@linkcode Firmware.begin} and {@linkcode Firmware.end}.
 */
export class Firmware implements SmcccService {
  /** What has been called so far. */
  readonly statistics: FirmwareStatistics = { calls: 0, unknown: 0 };
  /** Power. */
  readonly psci: Psci;
  /** A device: the board places it at the address that was given. */
  readonly stolenTime: StolenTime | undefined;
  readonly #lifecycle: Lifecycle;
  readonly #functions: ReadonlyMap<number, SmcccFunction>;

  /** Power-on state. */
  constructor(options: FirmwareOptions) {
    const { lifecycle, now, random, stolenTimeAddress: address } = options;
    this.#lifecycle = lifecycle;
    this.psci = new Psci(options);
    if (address !== undefined) {
      this.stolenTime = new StolenTime({ cpus: lifecycle.cpuCount, address, clock: { now } });
    }
    const functions: Map<number, SmcccFunction> = new Map([
      ...archFunctions((id) => functions.has(id) && !this.psci.functions.has(id)),
      ...this.psci.functions,
      ...(random === undefined ? [] : trngFunctions(random)),
      ...(this.stolenTime?.functions ?? []),
    ]);
    this.#functions = functions;
  }

  /**
   * Calls that do not return (CPU_OFF, SYSTEM_OFF and their kind) change no register. Arguments of
   * a 32-bit function are the low halves; 32-bit results are sign-extended.
   */
  call(vcpu: number, args: readonly bigint[]): readonly bigint[] {
    this.statistics.calls++;
    const [x0 = 0n, x1 = 0n, x2 = 0n, x3 = 0n] = args;
    const id = Number(BigInt.asUintN(32, x0));
    const handler = this.#functions.get(id);
    if (handler === undefined) {
      this.statistics.unknown++;
      return [NOT_SUPPORTED];
    }
    const width = is64(id) ? 64 : 32;
    return handler(
      vcpu,
      BigInt.asUintN(width, x1),
      BigInt.asUintN(width, x2),
      BigInt.asUintN(width, x3),
    );
  }

  /** A vCPU begins its turn. */
  begin(vcpu: number): void {
    this.psci.resumed(vcpu);
    this.stolenTime?.begin(vcpu);
  }

  /** Its turn is over. `waits`: it executed WFI or WFE. */
  end(vcpu: number, waits: boolean): void {
    const off = this.#lifecycle.powerState(vcpu) !== "on";
    this.stolenTime?.end(vcpu, !waits && !off && !this.psci.asleep(vcpu));
  }

  /** The machine is reset. True if its RAM must be overwritten before anything runs. */
  reset(): boolean {
    return this.psci.reset();
  }

  /** Plain data; the stolen time, a device on the bus, is not in it. */
  state(): DeviceState {
    return { psci: this.psci.state() };
  }

  /** Puts back what `state` gave. Throws a TypeError, and changes nothing, on anything else. */
  restore(state: DeviceState): void {
    this.psci.restore(new StateReader(state, "firmware").value("psci"));
  }
}
