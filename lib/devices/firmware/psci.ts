/**
 * Power State Coordination Interface 1.1 (Arm DEN 0022): vCPUs on, off and asleep, the machine off,
 * reset and asleep. The optional functions that move a Trusted OS (MIGRATE) do not exist here.
 */
import type { Lifecycle } from "../../vcpu/lifecycle/lifecycle.ts";
import { StateReader } from "../device_state.ts";
import type { DeviceState } from "../vbus/device.ts";
import { PowerLevel, type PowerState, PowerStates, readPowerState } from "./power_states.ts";
import { NOT_SUPPORTED, type SmcccFunction, type SmcccFunctions, word } from "./smccc.ts";

/** Function identifiers; bit 30 set means 64-bit arguments (DEN 0022, section 5.1). */
export const PsciFunction = {
  VERSION: 0x84000000,
  CPU_SUSPEND_32: 0x84000001,
  CPU_SUSPEND_64: 0xc4000001,
  CPU_OFF: 0x84000002,
  CPU_ON_32: 0x84000003,
  CPU_ON_64: 0xc4000003,
  AFFINITY_INFO_32: 0x84000004,
  AFFINITY_INFO_64: 0xc4000004,
  MIGRATE_INFO_TYPE: 0x84000006,
  SYSTEM_OFF: 0x84000008,
  SYSTEM_RESET: 0x84000009,
  FEATURES: 0x8400000a,
  CPU_FREEZE: 0x8400000b,
  CPU_DEFAULT_SUSPEND_32: 0x8400000c,
  CPU_DEFAULT_SUSPEND_64: 0xc400000c,
  NODE_HW_STATE_32: 0x8400000d,
  NODE_HW_STATE_64: 0xc400000d,
  SYSTEM_SUSPEND_32: 0x8400000e,
  SYSTEM_SUSPEND_64: 0xc400000e,
  SET_SUSPEND_MODE: 0x8400000f,
  STAT_RESIDENCY_32: 0x84000010,
  STAT_RESIDENCY_64: 0xc4000010,
  STAT_COUNT_32: 0x84000011,
  STAT_COUNT_64: 0xc4000011,
  SYSTEM_RESET2_32: 0x84000012,
  SYSTEM_RESET2_64: 0xc4000012,
  MEM_PROTECT: 0x84000013,
  MEM_PROTECT_CHECK_RANGE_32: 0x84000014,
  MEM_PROTECT_CHECK_RANGE_64: 0xc4000014,
} as const;

/** Results (DEN 0022, section 5.2.2). */
export const PsciResult = {
  SUCCESS: 0n,
  NOT_SUPPORTED: -1n,
  INVALID_PARAMETERS: -2n,
  DENIED: -3n,
  ALREADY_ON: -4n,
  ON_PENDING: -5n,
  INVALID_ADDRESS: -9n,
} as const;

const PSCI_1_1 = 0x10001n;
/** MIGRATE_INFO_TYPE: there is no Trusted OS that would have to be migrated. */
const NO_MIGRATION = 2n;
/** FEATURES of CPU_SUSPEND: original power_state format (bit 1 clear), OS-initiated mode (bit 0). */
const SUSPEND_FEATURES = 1n;
/** AFFINITY_INFO. */
const Affinity = { on: 0n, off: 1n, onPending: 2n } as const;
/** NODE_HW_STATE. */
const Hardware = { on: 0n, off: 1n, standby: 2n } as const;
/** Arguments of SYSTEM_RESET2: the only architectural type, and the first of the vendor's. */
const SYSTEM_WARM_RESET = 0;
const VENDOR_RESET = 0x80000000;
/** A function of the calling convention that PSCI_FEATURES must know (DEN 0028, 5.1). */
const SMCCC_VERSION = 0x80000000;
/** What CPU_DEFAULT_SUSPEND chooses. */
const DEFAULT_SUSPEND: PowerState = { level: PowerLevel.core, down: true };

/** What {@linkcode Psci} works with. */
export interface PsciOptions {
  /** What the firmware may do to the machine. */
  readonly lifecycle: Lifecycle;
  /** Nanoseconds, for the statistics of power states. */
  readonly now: () => number;
  /** Whether [address, address + bytes) is RAM, for MEM_PROTECT_CHECK_RANGE. */
  readonly isRam: (address: bigint, bytes: bigint) => boolean;
}

/**
 * The PSCI functions of a machine.
 *
 * - A core level and a cluster level of power states, in the original format; StateID is ignored.
 * - Platform-coordinated and OS-initiated suspend.
 * - SYSTEM_RESET2: a warm reset keeps memory even under MEM_PROTECT; vendor types reset cold.
 * - CPU_OFF of the last vCPU is allowed: the machine then stands still until the host resets it.
 */
export class Psci {
  /** Every function by identifier. */
  readonly functions: SmcccFunctions;
  readonly #lifecycle: Lifecycle;
  readonly #isRam: PsciOptions["isRam"];
  readonly #power: PowerStates;
  /** SET_SUSPEND_MODE. */
  #osInitiated = false;
  /** MEM_PROTECT. */
  #memoryProtected = false;
  /** The reset that was asked for keeps memory. */
  #warm = false;

  /** Platform-coordinated, memory unprotected, nothing counted. */
  constructor(options: PsciOptions) {
    this.#lifecycle = options.lifecycle;
    this.#isRam = options.isRam;
    this.#power = new PowerStates(options.lifecycle, options.now);
    this.functions = new Map(this.#rows());
  }

  /** A vCPU begins to execute: if it was asleep, that is over. */
  resumed(vcpu: number): void {
    this.#power.leave(vcpu);
  }

  /** Whether a vCPU sleeps in CPU_SUSPEND or one of its kind. */
  asleep(vcpu: number): boolean {
    return this.#power.asleep(vcpu) !== undefined;
  }

  /**
   * The machine is reset. True if its RAM must be overwritten before anything runs (MEM_PROTECT);
   * protection stays on until the guest ends it.
   */
  reset(): boolean {
    const overwrite = this.#memoryProtected && !this.#warm;
    this.#warm = false;
    this.#osInitiated = false;
    this.#power.reset();
    return overwrite;
  }

  /** Plain data. */
  state(): DeviceState {
    return {
      osInitiated: this.#osInitiated,
      memoryProtected: this.#memoryProtected,
      warm: this.#warm,
      power: this.#power.state(),
    };
  }

  /** Puts back what `state` gave. Throws a TypeError, and changes nothing, on anything else. */
  restore(state: DeviceState): void {
    const from = new StateReader(state, "psci");
    const osInitiated = from.boolean("osInitiated");
    const memoryProtected = from.boolean("memoryProtected");
    const warm = from.boolean("warm");
    this.#power.restore(from.value("power"));
    this.#osInitiated = osInitiated;
    this.#memoryProtected = memoryProtected;
    this.#warm = warm;
  }

  #rows(): [number, SmcccFunction][] {
    const F = PsciFunction;
    const both = (id32: number, id64: number, call: SmcccFunction): [number, SmcccFunction][] => [
      [id32, call],
      [id64, call],
    ];
    return [
      [F.VERSION, () => [PSCI_1_1]],
      [F.FEATURES, (_, id) => [this.#features(word(id))]],
      [F.MIGRATE_INFO_TYPE, () => [NO_MIGRATION]],
      ...both(F.CPU_ON_32, F.CPU_ON_64, (_, target, entry, context) => [
        this.#cpuOn(target, entry, context),
      ]),
      [F.CPU_OFF, (vcpu) => this.#cpuOff(vcpu)],
      // The difference to CPU_OFF is where interrupts go meanwhile, and that is the guest's choice.
      [F.CPU_FREEZE, (vcpu) => this.#cpuOff(vcpu)],
      ...both(F.AFFINITY_INFO_32, F.AFFINITY_INFO_64, (_, affinity, level) => [
        this.#affinityInfo(affinity, word(level)),
      ]),
      ...both(
        F.CPU_SUSPEND_32,
        F.CPU_SUSPEND_64,
        (vcpu, state, entry, context) =>
          this.#suspend(vcpu, readPowerState(word(state)), entry, context),
      ),
      ...both(
        F.CPU_DEFAULT_SUSPEND_32,
        F.CPU_DEFAULT_SUSPEND_64,
        (vcpu, entry, context) => this.#suspend(vcpu, DEFAULT_SUSPEND, entry, context),
      ),
      ...both(
        F.SYSTEM_SUSPEND_32,
        F.SYSTEM_SUSPEND_64,
        (vcpu, entry, context) => this.#systemSuspend(vcpu, entry, context),
      ),
      [F.SET_SUSPEND_MODE, (vcpu, mode) => [this.#setSuspendMode(vcpu, word(mode))]],
      ...both(F.NODE_HW_STATE_32, F.NODE_HW_STATE_64, (_, target, level) => [
        this.#nodeHardwareState(target, word(level)),
      ]),
      ...both(F.STAT_RESIDENCY_32, F.STAT_RESIDENCY_64, (_, target, state) => [
        this.#statistic("residency", target, word(state)),
      ]),
      ...both(F.STAT_COUNT_32, F.STAT_COUNT_64, (_, target, state) => [
        this.#statistic("count", target, word(state)),
      ]),
      [F.SYSTEM_OFF, () => {
        this.#lifecycle.stop("power-off");
        return [];
      }],
      [F.SYSTEM_RESET, () => this.#reset(false)],
      ...both(F.SYSTEM_RESET2_32, F.SYSTEM_RESET2_64, (_, type) => {
        const known = word(type) === SYSTEM_WARM_RESET || word(type) >= VENDOR_RESET;
        if (!known) return [PsciResult.INVALID_PARAMETERS];
        return this.#reset(word(type) === SYSTEM_WARM_RESET);
      }),
      [F.MEM_PROTECT, (_, enable) => {
        const before = this.#memoryProtected;
        this.#memoryProtected = word(enable) !== 0;
        return [before ? 1n : 0n];
      }],
      ...both(F.MEM_PROTECT_CHECK_RANGE_32, F.MEM_PROTECT_CHECK_RANGE_64, (_, base, length) => [
        length > 0n && this.#isRam(base, length) ? PsciResult.SUCCESS : PsciResult.DENIED,
      ]),
    ];
  }

  #features(id: number): bigint {
    if (id === PsciFunction.CPU_SUSPEND_32 || id === PsciFunction.CPU_SUSPEND_64) {
      return SUSPEND_FEATURES;
    }
    return this.functions.has(id) || id === SMCCC_VERSION ? PsciResult.SUCCESS : NOT_SUPPORTED;
  }

  // ---- vCPUs

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

  #cpuOff(vcpu: number): readonly bigint[] {
    this.#lifecycle.turnOff(vcpu);
    return [];
  }

  /** A node of a level above 0 is on if one of its vCPUs is. */
  #affinityInfo(affinity: bigint, level: number): bigint {
    // Aff0 to Aff3 are bytes 0, 1, 2 and 4 of MPIDR.
    const shift = [0n, 8n, 16n, 32n][level];
    if (shift === undefined) return PsciResult.INVALID_PARAMETERS;
    const states = new Set<string>();
    for (let vcpu = 0; vcpu < this.#lifecycle.cpuCount; vcpu++) {
      const same = this.#lifecycle.affinity(vcpu) >> shift === affinity >> shift;
      if (same) states.add(this.#lifecycle.powerState(vcpu));
    }
    if (states.size === 0) return PsciResult.INVALID_PARAMETERS;
    if (states.has("on")) return Affinity.on;
    return states.has("on-pending") ? Affinity.onPending : Affinity.off;
  }

  #isEntry(address: bigint): boolean {
    return (address & 3n) === 0n && this.#lifecycle.isMemory(address);
  }

  // ---- sleep

  #suspend(
    vcpu: number,
    state: PowerState | undefined,
    entry: bigint,
    context: bigint,
  ): readonly bigint[] {
    if (state === undefined) return [PsciResult.INVALID_PARAMETERS];
    if (state.down && !this.#isEntry(entry)) return [PsciResult.INVALID_ADDRESS];
    const decided = this.#osInitiated && state.level === PowerLevel.cluster;
    if (decided && !this.#power.clusterRests(vcpu, state.down)) return [PsciResult.DENIED];
    this.#power.enter(vcpu, state, decided);
    if (!state.down) {
      this.#lifecycle.suspend(vcpu);
      return [PsciResult.SUCCESS];
    }
    this.#lifecycle.suspend(vcpu, entry, context);
    return [];
  }

  #systemSuspend(vcpu: number, entry: bigint, context: bigint): readonly bigint[] {
    for (let other = 0; other < this.#lifecycle.cpuCount; other++) {
      if (other !== vcpu && this.#lifecycle.powerState(other) !== "off") return [PsciResult.DENIED];
    }
    return this.#suspend(vcpu, { level: PowerLevel.cluster, down: true }, entry, context);
  }

  /** 0 platform-coordinated, 1 OS-initiated; when it may change: DEN 0022, section 5.20.2. */
  #setSuspendMode(vcpu: number, mode: number): bigint {
    if (mode > 1) return PsciResult.INVALID_PARAMETERS;
    const osInitiated = mode === 1;
    if (osInitiated === this.#osInitiated) return PsciResult.SUCCESS;
    const allowed = this.#power.isLastAwake(vcpu) || (osInitiated && this.#allAwake());
    if (!allowed) return PsciResult.DENIED;
    this.#osInitiated = osInitiated;
    return PsciResult.SUCCESS;
  }

  #allAwake(): boolean {
    for (let vcpu = 0; vcpu < this.#lifecycle.cpuCount; vcpu++) {
      if (this.#lifecycle.powerState(vcpu) !== "on" || this.asleep(vcpu)) return false;
    }
    return true;
  }

  #nodeHardwareState(affinity: bigint, level: number): bigint {
    const target = this.#find(affinity);
    if (target < 0 || level > PowerLevel.cluster) return PsciResult.INVALID_PARAMETERS;
    const resting = (down: boolean): boolean =>
      this.#power.rests(target, down) &&
      (level === PowerLevel.core || this.#power.clusterRests(target, down));
    if (!resting(false)) return Hardware.on;
    return resting(true) ? Hardware.off : Hardware.standby;
  }

  /** A state that does not exist was never used (DEN 0022, section 5.18). */
  #statistic(which: "count" | "residency", affinity: bigint, powerState: number): bigint {
    const target = this.#find(affinity);
    const state = readPowerState(powerState);
    if (target < 0 || state === undefined) return 0n;
    return BigInt(this.#power[which](target, state));
  }

  // ---- the machine

  #reset(warm: boolean): readonly bigint[] {
    this.#warm = warm;
    this.#lifecycle.stop("reset");
    return [];
  }
}
