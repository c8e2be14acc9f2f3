/**
 * What is asked of a vCPU, and by whom. Two can ask: the machine itself (VMM) and whoever looks into
 * it, a debugger (VMI). What either wants is in effect.
 */

/** Who asks. */
export type Requestor = "vmm" | "vmi";

/** What can be asked. */
export const CPU_FEATURES = [
  /** The vCPU does not run. By the VMM: the guest has switched it off. */
  "off",
  /** Instructions run one by one, and each is told. */
  "single-step",
  /** Writes of registers that control translation are told (as HCR_EL2.TVM traps them). */
  "register-trap",
  /** Firmware calls are told. */
  "hypercall-trap",
  /** The registers are wanted at the next chance. */
  "dump",
] as const;
/** One of {@linkcode CPU_FEATURES}. */
export type CpuFeatureName = typeof CPU_FEATURES[number];

/** Bits of the cell: VMM, VMI, and that something has changed since it was last read. */
const BIT: Readonly<Record<Requestor, number>> = { vmm: 1, vmi: 2 };
const REQUESTS = 3;
const DIRTY = 4;

/** One feature of one vCPU. The value lies in one 32-bit cell that may be shared between threads. */
export class CpuFeature {
  readonly #cell: Int32Array;

  /** `cell`: one element, 0 at first. @default one of its own */
  constructor(cell: Int32Array = new Int32Array(1)) {
    this.#cell = cell;
  }

  /** Whether anybody wants it. */
  get enabled(): boolean {
    return (Atomics.load(this.#cell, 0) & REQUESTS) !== 0;
  }

  /** Whether `requestor` wants it. */
  enabledBy(requestor: Requestor): boolean {
    return (Atomics.load(this.#cell, 0) & BIT[requestor]) !== 0;
  }

  /** Asks for it, or no longer. */
  request(requestor: Requestor, on: boolean): void {
    if (on) Atomics.or(this.#cell, 0, BIT[requestor] | DIRTY);
    else {
      Atomics.and(this.#cell, 0, ~BIT[requestor]);
      // After the change: who clears the mark first, and reads then, misses nothing.
      Atomics.or(this.#cell, 0, DIRTY);
    }
  }

  /**
   * Whether anything was asked since the last call. Clears that mark, so the value must be read
   * after this call, never before.
   */
  takeDirty(): boolean {
    return (Atomics.and(this.#cell, 0, ~DIRTY) & DIRTY) !== 0;
  }
}
