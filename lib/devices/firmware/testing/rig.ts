/** Lifecycle and firmware for tests: four vCPUs of which only the first is on. */
import type { Lifecycle, PowerState } from "../../../vcpu/lifecycle/lifecycle.ts";
import { Firmware, type FirmwareOptions } from "../firmware.ts";

const RAM = { base: 0x40000000n, end: 0x48000000n };

/** What {@linkcode makeFirmware} gives. */
export interface FirmwareRig {
  readonly firmware: Firmware;
  /** Calls as vCPU 0. */
  readonly call: (id: number, ...args: bigint[]) => readonly bigint[];
  readonly callAs: (vcpu: number, id: number, ...args: bigint[]) => readonly bigint[];
  /** Power states by vCPU. */
  readonly states: PowerState[];
  /** What the firmware did to the machine. */
  readonly log: unknown[];
  /** Nanoseconds. */
  readonly time: { now: number };
}

/** Affinities 0, 1, 0x100 and Aff3 = 1: two vCPUs in one cluster, two in clusters of their own. */
export function makeFirmware(options: Partial<FirmwareOptions> = {}): FirmwareRig {
  const affinities = [0n, 1n, 0x100n, 1n << 32n];
  const states: PowerState[] = ["on", "off", "off", "off"];
  const log: unknown[] = [];
  const time = { now: 0 };
  const lifecycle: Lifecycle = {
    cpuCount: 4,
    affinity: (vcpu) => affinities[vcpu],
    powerState: (vcpu) => states[vcpu],
    turnOn: (vcpu, entry, context) => {
      states[vcpu] = "on-pending";
      log.push(["on", vcpu, entry, context]);
    },
    turnOff: (vcpu) => {
      states[vcpu] = "off";
      log.push(["off", vcpu]);
    },
    suspend: (vcpu, entry, context) => log.push(["suspend", vcpu, entry, context]),
    isMemory: (address) => address >= RAM.base && address < RAM.end,
    stop: (reason) => log.push(["stop", reason]),
  };
  const firmware = new Firmware({
    lifecycle,
    now: () => time.now,
    isRam: (address, bytes) => address >= RAM.base && address + bytes <= RAM.end,
    ...options,
  });
  const callAs = (vcpu: number, id: number, ...args: bigint[]): readonly bigint[] =>
    firmware.call(vcpu, [BigInt(id), ...args]);
  return { firmware, call: (id, ...args) => callAs(0, id, ...args), callAs, states, log, time };
}
