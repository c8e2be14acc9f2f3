/**
 * One vCPU as those see it who start, stop and watch it: its state, what is asked of it, and where it
 * is to begin. What it executes is not known here.
 *
 * A vCPU makes progress only between `beginEmulation` (or a successful `tryBeginEmulation`) and
 * `endEmulation`: its turn. Pauses, resets and the stopped world are honoured where a turn begins. A
 * turn must be finite, and `recall` must make it end soon.
 */
import { AsyncLatch, type Latch } from "../latch.ts";
import { CpuState, type CpuStateName } from "./cpu_state.ts";
import { CPU_FEATURES, CpuFeature, type CpuFeatureName, type Requestor } from "./features.ts";

/** What a {@linkcode CpuModel} is made of. */
export interface CpuModelOptions {
  /** Number of the vCPU. */
  readonly id: number;
  /** Makes the turn that is under way end soon. */
  readonly recall: () => void;
  /** Makes the latches. @default {@linkcode AsyncLatch} */
  readonly latch?: () => Latch;
}

/** Where a vCPU begins, and with what in its first register. */
export interface BootParameters {
  readonly entry: bigint;
  readonly context: bigint;
}

/** A vCPU to be started, stopped and watched. */
export class CpuModel {
  /** Number of the vCPU. */
  readonly id: number;
  readonly #state = new CpuState();
  readonly #features: Readonly<Record<CpuFeatureName, CpuFeature>>;
  readonly #recall: () => void;
  /** Signalled when a pause or the stopped world ends. */
  readonly #goOn: Latch;
  /** Signalled by whatever ends a wait for an interrupt. */
  readonly #attention: Latch;
  #boot: BootParameters | undefined;
  #onDone: (id: number) => void = () => {};

  /** A vCPU that is OFF but not paused: its first turn may begin at once. */
  constructor({ id, recall, latch = () => new AsyncLatch() }: CpuModelOptions) {
    this.id = id;
    this.#recall = recall;
    this.#goOn = latch();
    this.#attention = latch();
    const features = CPU_FEATURES.map((name) => [name, new CpuFeature()] as const);
    this.#features = Object.fromEntries(features) as Record<CpuFeatureName, CpuFeature>;
  }

  /** Its state. */
  get state(): CpuStateName {
    return this.#state.name;
  }

  /** Whether it has its turn. */
  get emulating(): boolean {
    return this.#state.emulating;
  }

  /** One of its features, to be read. Requests go through {@linkcode CpuModel.request}. */
  feature(name: CpuFeatureName): CpuFeature {
    return this.#features[name];
  }

  /** Whether somebody pauses it, or the guest has switched it off. */
  get paused(): boolean {
    return this.#features.off.enabled;
  }

  /** Whether the guest has not switched it off; pauses by a debugger do not count. */
  get turnedOn(): boolean {
    return !this.#features.off.enabledBy("vmm");
  }

  // ---- requests, by anybody

  /** Asks for a feature or no longer. It has an effect from the vCPU's next turn on. */
  request(name: CpuFeatureName, requestor: Requestor, on: boolean): void {
    this.#features[name].request(requestor, on);
    if (name === "off" && !on) this.#goOn.signal();
    if (!on) return;
    this.recall();
  }

  /** Has it begin anew, in its power-on state, at its next turn. */
  reset(boot: BootParameters): void {
    this.#boot = boot;
    this.recall();
  }

  /** Whether a reset was asked for that has not been taken. */
  get resetPending(): boolean {
    return this.#boot !== undefined;
  }

  /** Takes the reset that was asked for, if any: where to begin. By the vCPU, in its turn. */
  takeReset(): BootParameters | undefined {
    const boot = this.#boot;
    this.#boot = undefined;
    return boot;
  }

  /** An interrupt has come: ends the turn, so that it is seen, or the wait. */
  notifyInterrupt(): void {
    this.recall();
  }

  // ---- by the vCPU

  /** Begins a turn unless paused or the world is stopped. */
  tryBeginEmulation(): boolean {
    const off = this.#state.name === "OFF" || this.#state.name === "OFF_ROUNDEDUP";
    if (this.paused) {
      if (!off) this.#state.toOff();
      return false;
    }
    if (off) this.#state.toOn();
    return this.#state.toEmulating();
  }

  /** Begins a turn as soon as it is neither paused nor the world stopped. */
  async beginEmulation(): Promise<void> {
    while (!this.tryBeginEmulation()) await this.#goOn.wait();
  }

  /** Ends the turn. */
  endEmulation(): void {
    if (this.#state.toOn()) this.#onDone(this.id);
  }

  /**
   * Within a turn, waits until `pending` says that an interrupt is there, a debugger wants the
   * registers, or the world is to stop. Only the first is true: otherwise the turn must end, and the
   * wait may begin again in the next.
   */
  async waitForInterrupt(pending: () => boolean): Promise<boolean> {
    while (!pending()) {
      if (this.#state.roundedUp || this.paused || this.#features.dump.enabled) return false;
      await this.#attention.wait();
    }
    return true;
  }

  // ---- by who stops the world: lib/vcpu/vcpu_roundup

  /** Into the stopped world; true if its turn is still under way. `onDone` hears when that ends. */
  roundUp(onDone: (id: number) => void): boolean {
    this.#onDone = onDone;
    return this.#state.roundUp();
  }

  /** Has a turn that is under way end soon, and a wait within it at once. */
  recall(): void {
    if (this.#state.emulating) this.#recall();
    this.#attention.signal();
  }

  /** Out of the stopped world. */
  resume(): void {
    this.#state.resume();
    this.#goOn.signal();
  }
}
