/**
 * The instructions that the host executes (rows with a handler in system_instructions.ts), and those
 * whose feature the mode switches off.
 */
import { type EngineServices, Outcome } from "../../engine/arch.ts";
import type { GuestMemory } from "../../engine/guest_memory.ts";
import type { SmcccService } from "../../devices/firmware/smccc.ts";
import { systemRegister, type SystemRegisters } from "../../devices/vbus/device.ts";
import { field } from "./layout.ts";
import { WALK_OK } from "./mmu.ts";
import { isFloatingPoint } from "./mode.ts";
import { SCTLR } from "./process_state.ts";
import {
  EC,
  FSC,
  ISS_CACHE_MAINTENANCE,
  ISS_CONDITION_ALWAYS,
  ISS_WRITE,
  systemIss,
} from "./syndrome.ts";
import type { SystemContext, SystemRegister } from "./system_register.ts";
import { findSystemRegister, readSystemRegister, writeSystemRegister } from "./system_registers.ts";
import {
  cacheMaintenanceTrapped,
  type Operation,
  systemOperations,
  tlbInvalidation,
  translateAddress,
} from "./system_operations.ts";

/** What host instructions reach outside the vCPU. */
export interface HostInstructionsOptions {
  /** Number of the vCPU. */
  readonly index: number;
  /** Guest RAM. */
  readonly memory: GuestMemory;
  /** What the engine does for this vCPU. */
  readonly engine: EngineServices;
  /** Devices that answer ICC_* and CNT*, asked in this order. */
  readonly registers: readonly SystemRegisters[];
  /** Answers the instruction that `conduit` names; without it HVC and SMC are UNDEFINED. */
  readonly firmware?: SmcccService;
  /** The instruction that calls the firmware. */
  readonly conduit: "hvc" | "smc";
  /** SEV: must call `signalEvent` of all vCPUs. */
  readonly sendEvent: () => void;
  /** Hears of writes of registers that control translation, before they are done. */
  readonly controlWrite?: (vcpu: number, register: string, value: bigint) => void;
}

const X = field("x");
const PAR = field("PAR_EL1");

const SP_EL0 = systemRegister(3, 0, 4, 1, 0);
const DC_ZVA = systemRegister(1, 3, 7, 4, 1);
const CNTKCTL_EL1 = systemRegister(3, 0, 14, 1, 0);
/** Registers whose writes HCR_EL2.TVM would trap (Arm ARM, D17.2.48). */
const CONTROLS: ReadonlySet<number> = new Set([
  systemRegister(3, 0, 1, 0, 0), // SCTLR_EL1
  systemRegister(3, 0, 2, 0, 0), // TTBR0_EL1
  systemRegister(3, 0, 2, 0, 1), // TTBR1_EL1
  systemRegister(3, 0, 2, 0, 2), // TCR_EL1
  systemRegister(3, 0, 5, 1, 0), // AFSR0_EL1
  systemRegister(3, 0, 5, 1, 1), // AFSR1_EL1
  systemRegister(3, 0, 5, 2, 0), // ESR_EL1
  systemRegister(3, 0, 6, 0, 0), // FAR_EL1
  systemRegister(3, 0, 10, 2, 0), // MAIR_EL1
  systemRegister(3, 0, 10, 3, 0), // AMAIR_EL1
  systemRegister(3, 0, 13, 0, 1), // CONTEXTIDR_EL1
]);
/** CNTKCTL_EL1.EVNTEN: the counter makes events. */
const EVNTEN = 1n << 2n;
/** CRm in the register numbers of the timers that EL0 can be given: S3_3_C14_C<m>_<n>. */
const TIMER_COMMON = systemRegister(3, 3, 14, 0, 0);
const TIMER_PHYSICAL = systemRegister(3, 3, 14, 2, 0);
const TIMER_VIRTUAL = systemRegister(3, 3, 14, 3, 0);

/** Executes host instructions of the running vCPU. */
export class HostInstructions {
  readonly #context: SystemContext;
  readonly #options: HostInstructionsOptions;

  constructor(context: SystemContext, options: HostInstructionsOptions) {
    this.#context = context;
    this.#options = options;
  }

  /** Executes `handler` for the instruction `word` at the pc. */
  execute(handler: string, word: number): Outcome {
    switch (handler) {
      case "svc":
        return this.#exceptionGenerated(EC.svc, word, true);
      case "brk":
        return this.#exceptionGenerated(EC.brk, word, false);
      case "eret":
        return this.#eret();
      case "hvc":
      case "smc":
        return this.#firmware(handler);
      case "wfi":
        return this.#waitForInterrupt();
      case "wfe":
        return this.#waitForEvent();
      case "sev":
        this.#options.sendEvent();
        this.#context.inputs.event = true;
        return Outcome.next;
      case "sevl":
        this.#context.inputs.event = true;
        return Outcome.next;
      case "msrPan":
      case "msrSpSel":
        return this.#moveImmediate(handler, (word >>> 8) & 15);
      case "mrs":
        return this.#read(word);
      case "msr":
        return this.#write(word);
      case "sys":
        return this.#system(word);
      default:
        if (handler.startsWith("disabled:")) return this.#disabled(handler.slice(9), word);
        return this.#undefined();
    }
  }

  /** A row that the mode has switched off. */
  #disabled(feature: string, word: number): Outcome {
    if (isFloatingPoint(feature)) {
      this.#context.exceptions.floatingPoint();
      return Outcome.jumped;
    }
    // A system instruction that EL0 has no or conditional access to. op0 is in bits 20:19.
    const op0 = (word >>> 19) & 3;
    if (op0 >= 2) return (word & (1 << 21)) !== 0 ? this.#read(word) : this.#write(word);
    return op0 === 1 ? this.#system(word) : this.#maskAtEl0(word);
  }

  #undefined(): Outcome {
    this.#context.exceptions.undefined();
    return Outcome.jumped;
  }

  /** An access trapped to EL1 with EC 0x18. */
  #trap(word: number): Outcome {
    this.#context.exceptions.sync(EC.systemRegister, systemIss(word));
    return Outcome.jumped;
  }

  // ---- exceptions

  /** SVC and BRK: imm16 in bits 20:5. SVC returns to the next instruction, BRK to itself. */
  #exceptionGenerated(ec: number, word: number, after: boolean): Outcome {
    const { state, debug, exceptions } = this.#context;
    if (after) {
      debug.advanceStep();
      state.advance();
    }
    exceptions.sync(ec, (word >>> 5) & 0xffff);
    return Outcome.jumped;
  }

  #eret(): Outcome {
    const { state, debug, exceptions, mmu, inputs } = this.#context;
    if (state.el === 0) return this.#undefined();
    exceptions.eret(debug.returnStep(), mmu);
    inputs.event = true;
    inputs.sync();
    return Outcome.jumped;
  }

  /** HVC or SMC: X0..X7 to the firmware, its answer to X0..X3. */
  #firmware(conduit: "hvc" | "smc"): Outcome {
    const { firmware, conduit: wanted, index } = this.#options;
    const { state } = this.#context;
    if (state.el === 0 || firmware === undefined || conduit !== wanted) return this.#undefined();
    const args: bigint[] = [];
    for (let n = 0; n < 8; n++) args.push(state.view.get64(X, n));
    const results = firmware.call(index, args);
    const count = Math.min(results.length, 4);
    for (let n = 0; n < count; n++) state.view.set64(X, BigInt.asUintN(64, results[n]), n);
    return Outcome.yield;
  }

  // ---- waiting

  #waitForInterrupt(): Outcome {
    const { state, inputs } = this.#context;
    if (inputs.levels !== 0) return Outcome.next;
    if (state.el === 0 && (state.sctlr & SCTLR.nTWI) === 0) return this.#waitTrapped(0);
    inputs.waitsForEvent = false;
    state.advance();
    return Outcome.wait;
  }

  /**
   * WFE waits only if nothing but SEV or an interrupt can end it. While the monitor is armed, or the
   * counter makes events, another vCPU's turn or a little time may: then it is a yield.
   */
  #waitForEvent(): Outcome {
    const { state, inputs } = this.#context;
    if (inputs.event) {
      inputs.event = false;
      return Outcome.next;
    }
    if (state.el === 0 && (state.sctlr & SCTLR.nTWE) === 0) return this.#waitTrapped(1);
    if (inputs.levels !== 0 || state.exclusive || this.#eventStream()) return Outcome.yield;
    inputs.waitsForEvent = true;
    state.advance();
    return Outcome.wait;
  }

  #waitTrapped(instruction: number): Outcome {
    this.#context.exceptions.sync(EC.wfx, ISS_CONDITION_ALWAYS | instruction);
    return Outcome.jumped;
  }

  #eventStream(): boolean {
    const value = this.#readDevice(CNTKCTL_EL1);
    return value !== undefined && (value & EVNTEN) !== 0n;
  }

  // ---- PSTATE

  /** MSR (immediate) of PAN or SPSel, UNDEFINED at EL0. */
  #moveImmediate(handler: "msrPan" | "msrSpSel", value: number): Outcome {
    const { state } = this.#context;
    if (state.el === 0) return this.#undefined();
    if (handler === "msrPan") state.pan = value & 1;
    else state.setLevel(1, value & 1);
    return Outcome.next;
  }

  /** MSR DAIFSet and DAIFClr at EL0: trapped unless SCTLR_EL1.UMA grants it. */
  #maskAtEl0(word: number): Outcome {
    const { state, inputs } = this.#context;
    if ((state.sctlr & SCTLR.UMA) === 0) return this.#trap(word);
    const bits = ((word >>> 8) & 15) << 6;
    const set = ((word >>> 5) & 7) === 6;
    state.daif = set ? state.daif | bits : state.daif & ~bits;
    inputs.sync();
    return Outcome.next;
  }

  // ---- system registers; bits 20:5 of the word are the register's number

  #read(word: number): Outcome {
    const id = (word >>> 5) & 0xffff;
    const register = findSystemRegister(id);
    if (register === undefined) {
      const value = this.#el0Excluded(id) ? undefined : this.#readDevice(id);
      if (value === undefined) return this.#deviceDenied(id, word, false);
      this.#setX(word & 31, value);
      this.#context.inputs.sync();
      return Outcome.next;
    }
    const denied = this.#denied(register, "r", word);
    if (denied !== undefined) return denied;
    this.#setX(word & 31, readSystemRegister(this.#context, register));
    return Outcome.next;
  }

  #write(word: number): Outcome {
    const id = (word >>> 5) & 0xffff;
    const register = findSystemRegister(id);
    const value = this.#getX(word & 31);
    if (register === undefined) {
      if (this.#el0Excluded(id) || !this.#writeDevice(id, value)) {
        return this.#deviceDenied(id, word, true);
      }
    } else {
      const denied = this.#denied(register, "w", word);
      if (denied !== undefined) return denied;
      if (CONTROLS.has(id)) {
        this.#options.controlWrite?.(this.#options.index, register.name, value);
      }
      writeSystemRegister(this.#context, register, value);
    }
    this.#context.inputs.sync();
    return Outcome.next;
  }

  /** The exception for an access that is not granted, undefined if it is. */
  #denied(register: SystemRegister, right: "r" | "w", word: number): Outcome | undefined {
    const { state, exceptions } = this.#context;
    const rights = state.el === 0 ? register.el0 : register.el1;
    if (!rights.includes(right)) return this.#undefined();
    // SP_EL0 has no name while it is the current stack pointer.
    if (register.id === SP_EL0 && state.spSel === 0) return this.#undefined();
    if (register.floatingPoint && !exceptions.floatingPointEnabled(state.el)) {
      exceptions.floatingPoint();
      return Outcome.jumped;
    }
    if (state.el === 0 && register.trapped?.(this.#context) === true) return this.#trap(word);
    return undefined;
  }

  /** Registers whose op1 is not 3 are never for EL0. */
  #el0Excluded(id: number): boolean {
    return this.#context.state.el === 0 && ((id >>> 11) & 7) !== 3;
  }

  /** A device has refused: CNTKCTL_EL1 traps EL0 with EC 0x18, everything else is UNDEFINED. */
  #deviceDenied(id: number, word: number, write: boolean): Outcome {
    const timer = (id & 7) <= 2 &&
      ((id & ~7) === TIMER_PHYSICAL || (id & ~7) === TIMER_VIRTUAL ||
        ((id & ~7) === TIMER_COMMON && !write));
    return timer && this.#context.state.el === 0 ? this.#trap(word) : this.#undefined();
  }

  #readDevice(id: number): bigint | undefined {
    const { registers, index } = this.#options;
    for (const device of registers) {
      const value = device.readRegister(index, id);
      if (value !== undefined) return value;
    }
    return undefined;
  }

  #writeDevice(id: number, value: bigint): boolean {
    const { registers, index } = this.#options;
    return registers.some((device) => device.writeRegister(index, id, value));
  }

  #getX(n: number): bigint {
    return n === 31 ? 0n : this.#context.state.view.get64(X, n);
  }

  #setX(n: number, value: bigint): void {
    if (n !== 31) this.#context.state.view.set64(X, value, n);
  }

  // ---- system instructions

  #system(word: number): Outcome {
    const { state } = this.#context;
    const id = (word >>> 5) & 0xffff;
    // Comes here only where SCTLR_EL1.DZE switches it off.
    if (id === DC_ZVA) return this.#trap(word);
    const found = systemOperations.get(id);
    if (found === undefined || (state.el === 0 && !found.el0)) return this.#undefined();
    const { operation } = found;
    const rt = word & 31;
    const high = rt === 31 ? 0 : state.view.high(X, rt);
    const low = rt === 31 ? 0 : state.view.low(X, rt);
    switch (operation.kind) {
      case "cache":
        if (cacheMaintenanceTrapped(this.#context)) return this.#trap(word);
        return this.#maintain(operation, high, low);
      case "tlb": {
        this.#context.tlb.apply(tlbInvalidation(this.#context, operation.scope, high, low));
        return Outcome.next;
      }
      case "translate": {
        const { tlb, write } = operation;
        const result = translateAddress(this.#context, high, low, tlb, write);
        if ("fault" in result) return this.#maintenanceFault(high, low, result.fault);
        state.view.set64(PAR, result.par);
        return Outcome.next;
      }
      default:
        return Outcome.next;
    }
  }

  /** Cache maintenance by virtual address: the address must be mapped and, at EL0, readable. */
  #maintain(operation: Operation & { kind: "cache" }, high: number, low: number): Outcome {
    const { mmu, state } = this.#context;
    const { memory, engine } = this.#options;
    const status = mmu.walk(high, low);
    if (status !== WALK_OK) return this.#maintenanceFault(high, low, status);
    const allowed = state.el === 0 ? mmu.readEl0 : !operation.write || mmu.writeEl1;
    if (!allowed) return this.#maintenanceFault(high, low, FSC.permission | mmu.level);
    if (operation.instruction) {
      const line = mmu.page + (low & 0xfc0);
      if (memory.contains(line, 64)) engine.invalidateCode(line, 64);
    }
    return Outcome.next;
  }

  #maintenanceFault(high: number, low: number, status: number): Outcome {
    this.#context.exceptions.dataAbort(high, low, status, ISS_CACHE_MAINTENANCE | ISS_WRITE);
    return Outcome.jumped;
  }
}
