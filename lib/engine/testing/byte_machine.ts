/** The engine with the invented architecture of byte_arch.ts, a page table in a map, and one device. */
import { Access, type EngineServices, Outcome } from "../arch.ts";
import { Engine } from "../engine.ts";
import type { Decoded } from "../instruction.ts";
import type { StateField } from "../layout.ts";
import { AccessResult } from "../../devices/vbus/device.ts";
import { byteArch } from "./byte_arch.ts";
import { EndingCpu } from "./ending_cpu.ts";

export const RAM = 0x100000;
export const RAM_SIZE = 0x40000;
/** Physical address of the device's page. */
export const DEVICE = 0x10000;

/** A page of the guest's address space. */
export interface Mapping {
  /** Physical address. */
  readonly physical: number;
  readonly writable?: boolean;
}

class ByteCpu extends EndingCpu {
  /** Virtual pages; all others are not there. */
  readonly pages: Map<number, Mapping> = new Map();
  /** Executions of `count`. */
  counted = 0;
  readonly #stop: () => void;

  constructor(stop: () => void) {
    super();
    this.#stop = stop;
  }

  protected override end(why: string): void {
    super.end(why);
    this.#stop();
  }

  translate(high: number, low: number, access: Access): boolean {
    const page = high === 0 ? this.pages.get(low - low % 4096) : undefined;
    if (page === undefined || (access === Access.write && page.writable === false)) {
      const kind = ["read", "write", "fetch"][access];
      this.end(`${kind} ${(high * 2 ** 32 + low).toString(16)}`);
      return false;
    }
    this.translation.page = page.physical;
    this.translation.writable = page.writable !== false;
    this.translation.uncached = page.physical < RAM;
    return true;
  }

  override host(handler: string, decoded: Decoded): Outcome {
    if (handler === "count") {
      this.counted += decoded.handler.operands[0].value;
      return Outcome.next;
    }
    this.end(handler);
    return Outcome.jumped;
  }
}

export interface ByteMachineOptions {
  /** See EngineOptions. @default 0 */
  readonly threshold?: number;
  /** Opcodes that the interpreter has inline. */
  readonly common?: readonly number[];
}

export class ByteMachine {
  readonly engine: Engine;
  readonly cpu: ByteCpu;
  /** What the device was asked: "r4 @8" and "w4 @8 = 5". */
  readonly log: string[] = [];
  /** What the device answers. */
  answer = 0;
  services!: EngineServices;
  readonly #fields: Readonly<Record<"r" | "pc" | "segment", StateField>>;

  constructor(options: ByteMachineOptions = {}) {
    let cpu: ByteCpu | undefined;
    this.engine = new Engine({
      arch: byteArch(options.common ?? []),
      cpus: 1,
      ramBase: RAM,
      ramSize: RAM_SIZE,
      bus: {
        access: (address, access) => {
          const at = `${access.size} @${address - DEVICE}`;
          if (address < DEVICE || address >= DEVICE + 4096) return AccessResult.noDevice;
          this.log.push(access.write ? `w${at} = ${access.value}` : `r${at}`);
          if (!access.write) access.value = this.answer;
          return AccessResult.ok;
        },
      },
      makeCpu: (_index, { engine }) => {
        this.services = engine;
        return cpu = new ByteCpu(() => this.engine.requestExit());
      },
      threshold: options.threshold ?? 0,
    });
    this.cpu = cpu as ByteCpu;
    const { layout } = this.engine;
    this.#fields = {
      r: layout.get("r"),
      pc: layout.get("pc"),
      segment: layout.get("segment"),
    };
  }

  /** Maps virtual pages one to one, so far as they are RAM or the device. */
  mapAll(): void {
    this.cpu.pages.set(DEVICE, { physical: DEVICE });
    for (let at = RAM; at < RAM + RAM_SIZE; at += 4096) this.cpu.pages.set(at, { physical: at });
  }

  /** Changes a mapping as a guest would. */
  map(virtual: number, mapping: Mapping | undefined): void {
    if (mapping === undefined) this.cpu.pages.delete(virtual);
    else this.cpu.pages.set(virtual, mapping);
    this.services.flushPage(0, virtual);
  }

  /** Writes to physical memory, as a device would. */
  write(address: number, ...bytes: number[]): void {
    this.engine.memory.write(address, Uint8Array.from(bytes));
  }

  get pc(): number {
    return Number(this.engine.state.get64(this.#fields.pc));
  }
  set pc(value: number) {
    this.engine.state.set64(this.#fields.pc, BigInt(value));
  }
  get(register: number): bigint {
    return this.engine.state.get64(this.#fields.r, register);
  }
  set(register: number, value: bigint): void {
    this.engine.state.set64(this.#fields.r, BigInt.asUintN(64, value), register);
  }
  set segment(value: bigint) {
    this.engine.state.set64(this.#fields.segment, value, 1);
  }

  /** Runs from `pc` until something stops the vCPU, or for `limit` instructions: gives their number. */
  run(pc: number, limit: number = 1000, slice: number = limit): number {
    this.cpu.stopped = undefined;
    this.pc = pc;
    let executed = 0;
    while (executed < limit && this.cpu.stopped === undefined) {
      executed += this.engine.run(0, Math.min(slice, limit - executed)).executed;
    }
    return executed;
  }
}
