/**
 * Low-power states of vCPUs and of clusters of vCPUs, as PSCI names and counts them (DEN 0022F,
 * sections 4.2, 5.4, 5.18 to 5.20). A cluster is what has the same affinity but for Aff0.
 */
import { StateReader } from "../device_state.ts";
import type { DeviceState } from "../vbus/device.ts";
import type { Lifecycle } from "../../vcpu/lifecycle/lifecycle.ts";

/** How deep: a vCPU alone, or its cluster with it. */
export const PowerLevel = { core: 0, cluster: 1 } as const;
/** One of the values of {@linkcode PowerLevel}. */
export type PowerLevel = typeof PowerLevel[keyof typeof PowerLevel];

/** A power_state argument in the original format. Its StateID (15:0) says nothing here. */
export interface PowerState {
  /** PowerLevel, bits 25:24. */
  readonly level: PowerLevel;
  /** StateType, bit 16: power-down, which loses the vCPU's state; else standby. */
  readonly down: boolean;
}

const STATE_TYPE_DOWN = 1 << 16;
const STATE_RESERVED = ~((3 << 24) | STATE_TYPE_DOWN | 0xffff);

/** Reads a power_state; undefined if bits are set that do not exist, or the level does not. */
export function readPowerState(value: number): PowerState | undefined {
  const level = (value >>> 24) & 3;
  if ((value & STATE_RESERVED) !== 0 || level > PowerLevel.cluster) return undefined;
  return { level: level as PowerLevel, down: (value & STATE_TYPE_DOWN) !== 0 };
}

/** Use of one power state: what PSCI_STAT_COUNT and PSCI_STAT_RESIDENCY give. */
interface Use {
  count: number;
  /** Nanoseconds, without the time since `since`. */
  residency: number;
  /** When the state was entered that lasts; undefined while out of it. */
  since: number | undefined;
}

/** A vCPU, or a cluster under the number of its first vCPU. */
interface Node {
  readonly standby: Use;
  readonly down: Use;
}

/** Which vCPU is suspended how, and how often and long each state was used since the last reset. */
export class PowerStates {
  readonly #lifecycle: Lifecycle;
  readonly #now: () => number;
  readonly #cores: Node[];
  readonly #clusters: Map<bigint, Node> = new Map();
  /** What each vCPU that is suspended asked for. */
  readonly #asked: (PowerState | undefined)[];

  /** `now` gives nanoseconds. */
  constructor(lifecycle: Lifecycle, now: () => number) {
    this.#lifecycle = lifecycle;
    this.#now = now;
    const cpus = Array.from({ length: lifecycle.cpuCount }, (_, vcpu) => vcpu);
    this.#cores = cpus.map(newNode);
    this.#asked = cpus.map(() => undefined);
    for (const vcpu of cpus) this.#clusters.set(this.#clusterOf(vcpu), newNode());
  }

  /** What a vCPU sleeps in; undefined if it does not. */
  asleep(vcpu: number): PowerState | undefined {
    return this.#asked[vcpu];
  }

  /** Whether a vCPU is off or asleep; with `down`, so that it has lost its state. */
  rests(vcpu: number, down: boolean): boolean {
    if (this.#lifecycle.powerState(vcpu) === "off") return true;
    const state = this.#asked[vcpu];
    return state !== undefined && (state.down || !down);
  }

  /** Whether every other vCPU of the machine is off or asleep. */
  isLastAwake(vcpu: number): boolean {
    return this.#others(vcpu, () => true).every((other) => this.rests(other, false));
  }

  /** Whether the other vCPUs of the cluster are off, or asleep at least as deep as `down` says. */
  clusterRests(vcpu: number, down: boolean): boolean {
    return this.#neighbours(vcpu).every((other) => this.rests(other, down));
  }

  /**
   * A vCPU goes to sleep. `decided`: the cluster's state is as asked for (OS-initiated mode); else it
   * sleeps once every vCPU of it that is on has asked for that, as deep as the shallowest wish.
   */
  enter(vcpu: number, state: PowerState, decided: boolean): void {
    this.#asked[vcpu] = state;
    begin(useOf(this.#cores[vcpu], state.down), this.#now());
    if (state.level !== PowerLevel.cluster) return;
    const wishes = this.#neighbours(vcpu)
      .filter((other) => this.#lifecycle.powerState(other) !== "off")
      .map((other) => this.#asked[other]);
    if (!decided && !wishes.every((wish) => wish?.level === PowerLevel.cluster)) return;
    const down = state.down && (decided || wishes.every((wish) => wish?.down === true));
    begin(useOf(this.#cluster(vcpu), down), this.#now());
  }

  /** A vCPU runs. Cheap for one that was not asleep. */
  leave(vcpu: number): void {
    if (this.#asked[vcpu] === undefined) return;
    this.#asked[vcpu] = undefined;
    for (const node of [this.#cores[vcpu], this.#cluster(vcpu)]) {
      end(node.standby, this.#now());
      end(node.down, this.#now());
    }
  }

  /** How often a state of the vCPU, or of its cluster, was entered. */
  count(vcpu: number, state: PowerState): number {
    return this.#use(vcpu, state).count;
  }

  /** Microseconds spent in it. */
  residency(vcpu: number, state: PowerState): number {
    const { residency, since } = this.#use(vcpu, state);
    return Math.floor((residency + (since === undefined ? 0 : this.#now() - since)) / 1000);
  }

  /** All awake, nothing counted. */
  reset(): void {
    this.#asked.fill(undefined);
    for (const node of [...this.#cores, ...this.#clusters.values()]) {
      for (const use of [node.standby, node.down]) {
        use.count = use.residency = 0;
        use.since = undefined;
      }
    }
  }

  /** Plain data; times are relative, so that it can go to another clock. */
  state(): DeviceState {
    const now = this.#now();
    const use = ({ count, residency, since }: Use): DeviceState => [
      count,
      residency,
      since === undefined ? -1 : now - since,
    ];
    const node = ({ standby, down }: Node): DeviceState => [use(standby), use(down)];
    return {
      cores: this.#cores.map(node),
      clusters: [...this.#clusters.values()].map(node),
      asked: this.#asked.map((asked) =>
        asked === undefined ? -1 : asked.level * 2 + (asked.down ? 1 : 0)
      ),
    };
  }

  /** Puts back what `state` gave. Throws a TypeError, and changes nothing, on anything else. */
  restore(state: DeviceState): void {
    const from = new StateReader(state, "power states");
    const now = this.#now();
    const nodes = [...this.#cores, ...this.#clusters.values()];
    const saved = [
      ...from.array("cores", this.#cores.length),
      ...from.array("clusters", this.#clusters.size),
    ];
    const asked = from.array("asked", this.#asked.length);
    const uses = saved.flatMap((node) => pair(node).map((use) => readUse(use, now)));
    if (uses.length !== 2 * nodes.length || asked.length !== this.#asked.length) throw broken();
    const states = asked.map((code) => {
      if (!isInteger(code, -1, 3)) throw broken();
      return code < 0 ? undefined : { level: (code >>> 1) as PowerLevel, down: (code & 1) !== 0 };
    });
    nodes.forEach((node, i) => {
      Object.assign(node.standby, uses[2 * i]);
      Object.assign(node.down, uses[2 * i + 1]);
    });
    states.forEach((asleep, vcpu) => this.#asked[vcpu] = asleep);
  }

  #use(vcpu: number, { level, down }: PowerState): Use {
    return useOf(level === PowerLevel.core ? this.#cores[vcpu] : this.#cluster(vcpu), down);
  }

  #clusterOf(vcpu: number): bigint {
    return this.#lifecycle.affinity(vcpu) >> 8n;
  }

  #cluster(vcpu: number): Node {
    return this.#clusters.get(this.#clusterOf(vcpu)) ?? this.#cores[vcpu];
  }

  #neighbours(vcpu: number): number[] {
    const cluster = this.#clusterOf(vcpu);
    return this.#others(vcpu, (other) => this.#clusterOf(other) === cluster);
  }

  #others(vcpu: number, which: (other: number) => boolean): number[] {
    return this.#cores.map((_, other) => other).filter((other) => other !== vcpu && which(other));
  }
}

function newNode(): Node {
  const use = (): Use => ({ count: 0, residency: 0, since: undefined });
  return { standby: use(), down: use() };
}

function useOf(node: Node, down: boolean): Use {
  return down ? node.down : node.standby;
}

function begin(use: Use, now: number): void {
  use.count++;
  use.since = now;
}

function end(use: Use, now: number): void {
  if (use.since !== undefined) use.residency += now - use.since;
  use.since = undefined;
}

function broken(): TypeError {
  return new TypeError("state of power states: it does not fit this machine");
}

function isInteger(value: DeviceState, min: number, max: number): value is number {
  return typeof value === "number" && Number.isInteger(value) && value >= min && value <= max;
}

function pair(value: DeviceState): readonly DeviceState[] {
  if (!Array.isArray(value) || value.length !== 2) throw broken();
  return value;
}

function readUse(value: DeviceState, now: number): Use {
  if (!Array.isArray(value) || value.length !== 3) throw broken();
  const [count, residency, age] = value as readonly DeviceState[];
  const most = Number.MAX_SAFE_INTEGER;
  if (!isInteger(count, 0, most) || !isInteger(residency, 0, most) || !isInteger(age, -1, most)) {
    throw broken();
  }
  return { count, residency, since: age < 0 ? undefined : now - age };
}
