/**
 * PSCI 1.1 (Arm DEN 0022D), with the SMCCC 1.1 discovery calls (DEN 0028) and, given a source of
 * entropy, TRNG 1.0 (DEN 0098). SMC32 results are sign-extended to 64 bits.
 */
import type { Lifecycle } from "../../vcpu/lifecycle/lifecycle.ts";
import type { SmcccService } from "./smccc.ts";
import { type RandomSource, trngCall, trngImplements } from "./trng.ts";

/** Function identifiers; bit 30 set means 64-bit arguments (DEN 0022D, section 5.1). */
export const PsciFunction = {
  VERSION: 0x84000000,
  CPU_SUSPEND_32: 0x84000001,
  CPU_OFF: 0x84000002,
  CPU_ON_32: 0x84000003,
  AFFINITY_INFO_32: 0x84000004,
  MIGRATE_INFO_TYPE: 0x84000006,
  SYSTEM_OFF: 0x84000008,
  SYSTEM_RESET: 0x84000009,
  FEATURES: 0x8400000a,
  SYSTEM_SUSPEND_32: 0x8400000e,
  SYSTEM_RESET2_32: 0x84000012,
  CPU_SUSPEND_64: 0xc4000001,
  CPU_ON_64: 0xc4000003,
  AFFINITY_INFO_64: 0xc4000004,
  SYSTEM_SUSPEND_64: 0xc400000e,
  SYSTEM_RESET2_64: 0xc4000012,
} as const;

/** Results (DEN 0022D, section 5.2.2). */
export const PsciResult = {
  SUCCESS: 0n,
  NOT_SUPPORTED: -1n,
  INVALID_PARAMETERS: -2n,
  DENIED: -3n,
  ALREADY_ON: -4n,
  ON_PENDING: -5n,
  INVALID_ADDRESS: -9n,
} as const;

const SMCCC_VERSION = 0x80000000;
const SMCCC_ARCH_FEATURES = 0x80000001;
/** Mitigations that an emulated in-order core does not need (DEN 0028, section 7). */
const ARCH_WORKAROUND_1 = 0x80008000;
const ARCH_WORKAROUND_2 = 0x80007fff;
const ARCH_WORKAROUND_3 = 0x80003fff;

const PSCI_1_1 = 0x10001n;
const SMCCC_1_1 = 0x10001n;
/** MIGRATE_INFO_TYPE: there is no Trusted OS that would have to be migrated. */
const NO_MIGRATION = 2n;
/** power_state in the original format: every bit but StateID (15:0) and StateType (16). */
const POWER_STATE_REFUSED = 0xfffe0000n;
const POWER_STATE_DOWN = 1n << 16n;

/** Calls that {@linkcode Psci} answered. */
export interface PsciStatistics {
  /** Calls of any kind. */
  calls: number;
  /** Calls of functions that do not exist here. */
  unknown: number;
}

/** Options of {@linkcode Psci}. */
export interface PsciOptions {
  /** Fills an array with entropy for TRNG calls; without it there is no TRNG. */
  readonly random?: RandomSource;
}

/** The firmware of a board, over what the machine can do. Has no state of its own. */
export class Psci implements SmcccService {
  /** What has been called so far. */
  readonly statistics: PsciStatistics = { calls: 0, unknown: 0 };
  readonly #lifecycle: Lifecycle;
  readonly #random: RandomSource | undefined;

  /** `lifecycle` is what the firmware may do to the machine. */
  constructor(lifecycle: Lifecycle, options: PsciOptions = {}) {
    this.#lifecycle = lifecycle;
    this.#random = options.random;
  }

  /**
   * Call with X0..X7 of a vCPU; gives the registers that change, X0 first. Calls that do not return
   * (CPU_OFF, SYSTEM_OFF and their kind) change none.
   */
  call(vcpu: number, args: readonly bigint[]): readonly bigint[] {
    this.statistics.calls++;
    const id = Number(BigInt.asUintN(32, args[0] ?? 0n));
    // 32-bit calls look at the low half of each register only.
    const width = (id & 0x40000000) !== 0 ? 64 : 32;
    const x1 = BigInt.asUintN(width, args[1] ?? 0n);
    const x2 = BigInt.asUintN(width, args[2] ?? 0n);
    const x3 = BigInt.asUintN(width, args[3] ?? 0n);
    switch (id) {
      case PsciFunction.VERSION:
        return [PSCI_1_1];
      case PsciFunction.FEATURES:
        return [this.#features(Number(x1))];
      case PsciFunction.MIGRATE_INFO_TYPE:
        return [NO_MIGRATION];
      case PsciFunction.CPU_ON_32:
      case PsciFunction.CPU_ON_64:
        return [this.#cpuOn(x1, x2, x3)];
      case PsciFunction.CPU_OFF:
        this.#lifecycle.turnOff(vcpu);
        return [];
      case PsciFunction.CPU_SUSPEND_32:
      case PsciFunction.CPU_SUSPEND_64:
        return this.#cpuSuspend(vcpu, BigInt.asUintN(32, x1), x2, x3);
      case PsciFunction.AFFINITY_INFO_32:
      case PsciFunction.AFFINITY_INFO_64:
        return [this.#affinityInfo(x1, x2)];
      case PsciFunction.SYSTEM_OFF:
        this.#lifecycle.stop("power-off");
        return [];
      case PsciFunction.SYSTEM_RESET:
        this.#lifecycle.stop("reset");
        return [];
      case PsciFunction.SYSTEM_RESET2_32:
      case PsciFunction.SYSTEM_RESET2_64:
        // Type 0, SYSTEM_WARM_RESET, is the only one; it is a reset like any other.
        if (BigInt.asUintN(32, x1) !== 0n) return [PsciResult.INVALID_PARAMETERS];
        this.#lifecycle.stop("reset");
        return [];
      case PsciFunction.SYSTEM_SUSPEND_32:
      case PsciFunction.SYSTEM_SUSPEND_64:
        return this.#systemSuspend(vcpu, x1, x2);
      case SMCCC_VERSION:
        return [SMCCC_1_1];
      case SMCCC_ARCH_FEATURES:
        return [this.#archFeatures(Number(BigInt.asUintN(32, x1)))];
      case ARCH_WORKAROUND_1:
      case ARCH_WORKAROUND_2:
      case ARCH_WORKAROUND_3:
        return [];
    }
    const trng = this.#random && trngCall(id, x1, this.#random);
    if (trng !== undefined) return trng;
    this.statistics.unknown++;
    return [PsciResult.NOT_SUPPORTED];
  }

  #features(id: number): bigint {
    if (id === SMCCC_VERSION) return PsciResult.SUCCESS;
    for (const known of Object.values(PsciFunction)) {
      // For CPU_SUSPEND the flags: original power_state format, no OS-initiated mode.
      if (known === id) return PsciResult.SUCCESS;
    }
    return PsciResult.NOT_SUPPORTED;
  }

  #archFeatures(id: number): bigint {
    switch (id) {
      case SMCCC_VERSION:
      case SMCCC_ARCH_FEATURES:
        return 0n;
      case ARCH_WORKAROUND_1:
      case ARCH_WORKAROUND_3:
        return 1n; // may be called, is not needed
      case ARCH_WORKAROUND_2:
        return -2n; // NOT_REQUIRED
      default:
        return this.#random !== undefined && trngImplements(id) ? 0n : -1n;
    }
  }

  /** Number of the vCPU with these MPIDR affinity fields; -1 if there is none. */
  #find(affinity: bigint): number {
    for (let vcpu = 0; vcpu < this.#lifecycle.cpuCount; vcpu++) {
      if (this.#lifecycle.affinity(vcpu) === affinity) return vcpu;
    }
    return -1;
  }

  #cpuOn(affinity: bigint, entry: bigint, context: bigint): bigint {
    const target = this.#find(affinity);
    if (target < 0) return PsciResult.INVALID_PARAMETERS;
    switch (this.#lifecycle.powerState(target)) {
      case "on":
        return PsciResult.ALREADY_ON;
      case "on-pending":
        return PsciResult.ON_PENDING;
    }
    if (!this.#isEntry(entry)) return PsciResult.INVALID_ADDRESS;
    this.#lifecycle.turnOn(target, entry, context);
    return PsciResult.SUCCESS;
  }

  #cpuSuspend(vcpu: number, powerState: bigint, entry: bigint, context: bigint): readonly bigint[] {
    if ((powerState & POWER_STATE_REFUSED) !== 0n) return [PsciResult.INVALID_PARAMETERS];
    if ((powerState & POWER_STATE_DOWN) === 0n) {
      this.#lifecycle.suspend(vcpu);
      return [PsciResult.SUCCESS];
    }
    if (!this.#isEntry(entry)) return [PsciResult.INVALID_ADDRESS];
    this.#lifecycle.suspend(vcpu, entry, context);
    return [];
  }

  #systemSuspend(vcpu: number, entry: bigint, context: bigint): readonly bigint[] {
    for (let other = 0; other < this.#lifecycle.cpuCount; other++) {
      if (other !== vcpu && this.#lifecycle.powerState(other) !== "off") return [PsciResult.DENIED];
    }
    if (!this.#isEntry(entry)) return [PsciResult.INVALID_ADDRESS];
    this.#lifecycle.suspend(vcpu, entry, context);
    return [];
  }

  /** 0 on, 1 off, 2 on-pending. Since PSCI 1.0 levels above 0 need not be known. */
  #affinityInfo(affinity: bigint, level: bigint): bigint {
    const target = BigInt.asUintN(32, level) === 0n ? this.#find(affinity) : -1;
    if (target < 0) return PsciResult.INVALID_PARAMETERS;
    const state = this.#lifecycle.powerState(target);
    return state === "on" ? 0n : state === "off" ? 1n : 2n;
  }

  #isEntry(address: bigint): boolean {
    return (address & 3n) === 0n && this.#lifecycle.isMemory(address);
  }
}
