/**
 * An {@linkcode AArch64Cpu} without engine: state block and RAM are plain buffers, and what the vCPU
 * asks of the engine is written down. Page tables are built descriptor by descriptor.
 */
import type { EngineServices } from "../../../engine/arch.ts";
import { GuestMemory } from "../../../engine/guest_memory.ts";
import { STATE_BASE, STATE_SIZE, type StateField, StateView } from "../../../engine/layout.ts";
import type { SmcccService } from "../../../devices/firmware/smccc.ts";
import { systemRegister, type SystemRegisters } from "../../../devices/vbus/device.ts";
import { AArch64Cpu } from "../cpu.ts";
import { field } from "../layout.ts";

/** Guest-physical address and bytes of the RAM. */
export const RAM = 0x40000000;
const RAM_SIZE = 0x400000;

/** What a rig may have instead of the usual. */
export interface CpuRigOptions {
  readonly registers?: readonly SystemRegisters[];
  readonly firmware?: SmcccService;
  readonly conduit?: "hvc" | "smc";
  readonly gicV3?: boolean;
  readonly strictWhenOff?: boolean;
  readonly controlWrite?: (vcpu: number, register: string, value: bigint) => void;
}

/** A vCPU after reset. */
export class CpuRig {
  readonly cpu: AArch64Cpu;
  readonly view: StateView;
  readonly memory: GuestMemory;
  /** Calls of the engine since the last {@linkcode takeCalls}. */
  #calls: string[] = [];

  constructor(options: CpuRigOptions = {}) {
    this.view = new StateView(new ArrayBuffer(STATE_BASE + STATE_SIZE));
    this.memory = new GuestMemory(new Uint8Array(RAM_SIZE), RAM);
    const note = (text: string): void => {
      this.#calls.push(text);
    };
    const engine: EngineServices = {
      flushTlb: () => note("all"),
      flushPage: (high, low) => note(`page ${hex(high, low)}`),
      flushTlbs: (tlbs) => note(`tlbs ${tlbs}`),
      invalidateCode: (address, length) => note(`code ${address.toString(16)} ${length}`),
      attend: () => {},
      instructions: () => 0,
    };
    this.cpu = new AArch64Cpu({
      index: 0,
      state: this.view,
      memory: this.memory,
      engine,
      registers: options.registers ?? [],
      firmware: options.firmware,
      conduit: options.conduit ?? "hvc",
      affinity: 0n,
      gicV3: options.gicV3 ?? false,
      sendEvent: () => note("event"),
      strictWhenOff: options.strictWhenOff,
      controlWrite: options.controlWrite,
    });
    this.cpu.reset();
    this.#calls = [];
  }

  /** Calls of the engine, which are then forgotten. */
  takeCalls(): string[] {
    const calls = this.#calls;
    this.#calls = [];
    return calls;
  }

  /** A field of the state block. */
  get(name: string): bigint {
    const f: StateField = field(name);
    return f.type === "u32" ? BigInt(this.view.get32(f)) : this.view.get64(f);
  }

  set(name: string, value: bigint): void {
    const f: StateField = field(name);
    if (f.type === "u32") this.view.set32(f, Number(value));
    else this.view.set64(f, value);
  }

  x(n: number): bigint {
    return this.view.get64(field("x"), n);
  }

  setX(n: number, value: bigint): void {
    this.view.set64(field("x"), value, n);
  }

  get pc(): bigint {
    return this.get("pc");
  }

  set pc(value: bigint) {
    this.set("pc", value);
  }

  /** PSTATE as SPSR records it. */
  get pstate(): number {
    return this.cpu.context.state.spsr();
  }

  /** Goes to a PSTATE (SPSR format) and pc by an exception return; from EL0 by an SVC before. */
  enter(spsr: bigint, pc: bigint): void {
    if (this.cpu.currentEl === 0) this.cpu.execute("svc", 0xd4000001);
    this.set("SPSR_EL1", spsr);
    this.set("ELR_EL1", pc);
    this.cpu.execute("eret", 0xd69f03e0);
  }

  /** Executes MSR of a register by its encoding, from X0. */
  msr(encoding: readonly [number, number, number, number, number], value: bigint): number {
    this.setX(0, value);
    const id = systemRegister(...encoding);
    return this.cpu.execute("msr", 0xd5000000 | (id << 5));
  }

  /** Executes MRS to X0; gives X0 if it was executed, undefined if an exception was taken. */
  mrs(encoding: readonly [number, number, number, number, number]): bigint | undefined {
    const id = systemRegister(...encoding);
    const outcome = this.cpu.execute("mrs", 0xd5200000 | (id << 5));
    return outcome === 0 ? this.x(0) : undefined;
  }

  /** Executes SYS op1, CRn, CRm, op2 with X0. */
  sys(encoding: readonly [number, number, number, number], value: bigint): number {
    this.setX(0, value);
    const id = systemRegister(1, ...encoding);
    return this.cpu.execute("sys", 0xd5000000 | (id << 5));
  }

  /** Translates an address; the result or, if an exception was taken, its ESR_EL1. */
  translate(va: bigint, access: 0 | 1 | 2, tlb: number): Translated {
    const high = Number(va >> 32n);
    const low = Number(va & 0xffffffffn);
    if (!this.cpu.translate(high, low, access, tlb, 4)) return { esr: Number(this.get("ESR_EL1")) };
    return { ...this.cpu.translation };
  }

  /** Writes a translation table descriptor. */
  descriptor(table: number, index: number, value: bigint): void {
    this.memory.write64(table + index * 8, value);
  }
}

/** See {@linkcode CpuRig.translate}. */
export type Translated =
  | { readonly esr: number }
  | {
    readonly page: number;
    readonly readable: boolean;
    readonly writable: boolean;
    readonly uncached: boolean;
    readonly strictAlignment: boolean;
  };

function hex(high: number, low: number): string {
  return ((BigInt(high) << 32n) | BigInt(low)).toString(16);
}

/** System register encodings for {@linkcode CpuRig.msr} and {@linkcode CpuRig.mrs}. */
export const Reg = {
  SCTLR_EL1: [3, 0, 1, 0, 0],
  CPACR_EL1: [3, 0, 1, 0, 2],
  TTBR0_EL1: [3, 0, 2, 0, 0],
  TTBR1_EL1: [3, 0, 2, 0, 1],
  TCR_EL1: [3, 0, 2, 0, 2],
  SP_EL0: [3, 0, 4, 1, 0],
  SPSel: [3, 0, 4, 2, 0],
  CurrentEL: [3, 0, 4, 2, 2],
  PAN: [3, 0, 4, 2, 3],
  MAIR_EL1: [3, 0, 10, 2, 0],
  VBAR_EL1: [3, 0, 12, 0, 0],
  ISR_EL1: [3, 0, 12, 1, 0],
  CTR_EL0: [3, 3, 0, 0, 1],
  DCZID_EL0: [3, 3, 0, 0, 7],
  NZCV: [3, 3, 4, 2, 0],
  DAIF: [3, 3, 4, 2, 1],
  FPCR: [3, 3, 4, 4, 0],
  FPSR: [3, 3, 4, 4, 1],
  TPIDR_EL0: [3, 3, 13, 0, 2],
  TPIDRRO_EL0: [3, 3, 13, 0, 3],
  CNTVCT_EL0: [3, 3, 14, 0, 2],
  MDSCR_EL1: [2, 0, 0, 2, 2],
  OSLAR_EL1: [2, 0, 1, 0, 4],
  OSLSR_EL1: [2, 0, 1, 1, 4],
} as const;
