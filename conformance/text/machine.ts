/**
 * A machine for tests of the engine: real vCPUs, 1 MiB of RAM, a test device, no firmware. HVC ends a
 * program.
 */
import { aarch64 } from "../../lib/arch/aarch64/arch.ts";
import { AArch64Cpu } from "../../lib/arch/aarch64/cpu.ts";
import { AccessResult, type BusAccess } from "../../lib/devices/vbus/device.ts";
import type { EngineServices } from "../../lib/engine/arch.ts";
import { Engine } from "../../lib/engine/engine.ts";

/** Guest-physical address and bytes of RAM. */
export const RAM = 0x40000000;
export const RAM_SIZE = 0x100000;
/** Where the exception vectors are: each is an HVC until a test puts something else there. */
export const VECTORS = 0x40001000;
/** Translation tables begin here. */
export const TABLES = 0x400e0000;
/** One page of registers, see {@linkcode TestDevice}. */
export const DEVICE = 0x10000000;

const HVC = 0xd4000002;

/**
 * Registers: 0x0 reads count the reads so far, writes are noted; 0x10 address and 0x14 value of a
 * word that the device writes to RAM; 0x20 drives the IRQ input, a read of 0x24
 * raises it; 0x30 refuses.
 */
export class TestDevice {
  readonly #engine: () => Engine;
  readonly #cpu: () => AArch64Cpu;
  reads = 0;
  log: string[] = [];
  #address = 0;

  constructor(engine: () => Engine, cpu: () => AArch64Cpu) {
    this.#engine = engine;
    this.#cpu = cpu;
  }

  access(address: number, access: BusAccess): AccessResult {
    if (address < DEVICE || address >= DEVICE + 0x1000) return AccessResult.noDevice;
    const offset = address - DEVICE;
    if (offset === 0x30) return AccessResult.refused;
    if (!access.write) {
      if (offset === 0x24) this.#cpu().setIrq(true);
      access.value = offset < 0x10 ? ++this.reads : 0;
      return AccessResult.ok;
    }
    if (offset === 0x10) this.#address = access.value;
    else if (offset === 0x14) this.#engine().memory.write32(this.#address, access.value);
    else if (offset === 0x20) {
      this.#cpu().setIrq((access.value & 1) !== 0);
      this.#engine().requestExit();
    } else if (this.log.length < 1000) {
      this.log.push(`${offset.toString(16)}:${access.size}=${access.value.toString(16)}`);
    }
    return AccessResult.ok;
  }

  reset(): void {
    this.reads = 0;
    this.log = [];
    this.#address = 0;
  }
}

/** A vCPU that can be made to run instruction by instruction. */
class TestCpu extends AArch64Cpu {
  stepping = false;
  override needsStepping(): boolean {
    return this.stepping || super.needsStepping();
  }
}

/** How a program ended. */
export interface End {
  readonly reason: "hvc" | "limit" | "wait";
  readonly executed: number;
}

export interface TestMachineOptions {
  /** See EngineOptions. @default 0 */
  readonly threshold?: number;
  /** @default 1 */
  readonly cpus?: number;
  /** Bytes. @default RAM_SIZE */
  readonly ramSize?: number;
}

export class TestMachine {
  readonly engine: Engine;
  readonly cpus: TestCpu[] = [];
  readonly device: TestDevice;
  readonly #services: EngineServices[] = [];
  #stopped = false;

  constructor(options: TestMachineOptions = {}) {
    this.device = new TestDevice(() => this.engine, () => this.cpus[0]);
    this.engine = new Engine({
      arch: aarch64,
      cpus: options.cpus ?? 1,
      ramBase: RAM,
      ramSize: options.ramSize ?? RAM_SIZE,
      bus: this.device,
      threshold: options.threshold ?? 0,
      makeCpu: (index, { state, memory, engine }) => {
        const cpu = new TestCpu({
          index,
          state,
          memory,
          engine,
          registers: [],
          firmware: { call: () => this.#stop() },
          conduit: "hvc",
          affinity: BigInt(index),
          gicV3: false,
          sendEvent: () => this.cpus.forEach((each) => each.signalEvent()),
        });
        this.cpus.push(cpu);
        this.#services.push(engine);
        return cpu;
      },
    });
  }

  #stop(): readonly bigint[] {
    this.#stopped = true;
    return [];
  }

  /** RAM all zeros but for the vectors, vCPUs after reset, nothing cached. */
  reset(): void {
    const { engine } = this;
    engine.memory.write(RAM, new Uint8Array(engine.memory.size));
    for (let vector = 0; vector < 0x800; vector += 0x80) {
      engine.memory.write32(VECTORS + vector, HVC);
    }
    this.device.reset();
    this.cpus.forEach((cpu, i) => {
      engine.select(i);
      cpu.stepping = false;
      cpu.setIrq(false);
      cpu.reset();
      this.#services[i].flushTlb();
    });
    engine.select(0);
  }

  get(name: string, index = 0): bigint {
    const { state, layout } = this.engine;
    const f = layout.get(name);
    return f.type === "u32" ? BigInt(state.get32(f, index)) : state.get64(f, index);
  }

  set(name: string, value: bigint, index = 0): void {
    const { state, layout } = this.engine;
    const f = layout.get(name);
    if (f.type === "u32") state.set32(f, Number(BigInt.asUintN(32, value)), index);
    else state.set64(f, BigInt.asUintN(64, value), index);
  }

  getV(n: number): bigint {
    const { state, layout } = this.engine;
    const at = (layout.get("v").address + 16 * n) >> 3;
    return (state.u64[at + 1] << 64n) | state.u64[at];
  }

  setV(n: number, value: bigint): void {
    const { state, layout } = this.engine;
    const at = (layout.get("v").address + 16 * n) >> 3;
    state.u64[at] = BigInt.asUintN(64, value);
    state.u64[at + 1] = BigInt.asUintN(64, value >> 64n);
  }

  /** Runs a vCPU in slices until HVC, a wait that nothing ends, or `limit` instructions. */
  run(options: RunOptions): End {
    const { vcpu = 0, slice, limit, onSlice } = options;
    const cpu = this.cpus[vcpu];
    this.#stopped = false;
    let executed = 0;
    while (executed < limit) {
      const result = this.engine.run(vcpu, Math.min(slice, limit - executed));
      executed += result.executed;
      if (this.#stopped) return { reason: "hvc", executed };
      if (result.reason === "budget") onSlice?.();
      if (result.reason === "wait" && !cpu.wakes()) {
        if (onSlice === undefined) return { reason: "wait", executed };
        onSlice();
      }
    }
    return { reason: "limit", executed };
  }

  /** All that the architecture knows of the vCPU whose turn it is, by name; derived and engine fields left out. */
  snapshot(): Map<string, bigint> {
    const { layout } = this.engine;
    const values = new Map<string, bigint>();
    const { context } = this.cpus[0];
    values.set("pc", this.get("pc"));
    values.set("nzcv", BigInt(context.state.nzcv >>> 28));
    let isArchitecture = false;
    for (const { name, count, type } of layout.fields.values()) {
      if (name === "x") isArchitecture = true;
      if (!isArchitecture || name.startsWith("flag")) continue;
      for (let i = 0; i < count; i++) {
        if (name === "x" && i >= 32) break;
        const key = name === "x" && i === 31 ? "sp" : count > 1 ? `${name}${i}` : name;
        values.set(key, type === "v128" ? this.getV(i) : this.get(name, i));
      }
    }
    return values;
  }
}

/** See {@linkcode TestMachine.run}. */
export interface RunOptions {
  readonly vcpu?: number;
  /** Instructions of each call of the engine. */
  readonly slice: number;
  /** Instructions at most. */
  readonly limit: number;
  /** Called when a slice is over or the vCPU waits. */
  readonly onSlice?: () => void;
}
