/**
 * One x86-64 vCPU beyond its instruction table: modes, translation, exceptions, system instructions
 * and registers, interrupts, waiting.
 *
 * The methods work on the state block in place, so they may be called only while the vCPU runs;
 * `setInterrupt`, `nmi` and `wakes` may be called at any time.
 *
 * Deviations: no virtual-8086 mode, system management mode, task switching, virtualisation or
 * performance counters; segment limits are not checked; instructions that the model does not claim are
 * executed all the same, but for those of system code.
 */
import {
  Access,
  type ArchCpu,
  newTranslation,
  Outcome,
  type Translation,
} from "../../engine/arch.ts";
import type { Decoded } from "../../engine/instruction.ts";
import type { StateView } from "../../engine/layout.ts";
import type { DeviceState } from "../../devices/vbus/device.ts";
import { StateReader } from "../../devices/device_state.ts";
import type { X86CpuName } from "../../config/machine_config.ts";
import type { BootState } from "../../boot/x86_64/boot_state.ts";
import { controlBits, cpuModels } from "./cpu_models.ts";
import { DebugRegisters } from "./debug_registers.ts";
import { CurrentInstruction } from "./current_instruction.ts";
import { operandsOf } from "./decoder.ts";
import { DescriptorTables } from "./descriptor_tables.ts";
import { Exceptions } from "./exceptions.ts";
import { Fault } from "./fault_numbers.ts";
import { generalProtection, GuestFault, invalidOpcode, Vector } from "./guest_fault.ts";
import type { HostContext, X86CpuWiring } from "./host_context.ts";
import { hostInstructions } from "./host_instructions.ts";
import { HostOperands } from "./host_operands.ts";
import { InterruptInputs } from "./interrupt_inputs.ts";
import { field, layout } from "./layout.ts";
import { LinearMemory } from "./linear_memory.ts";
import { Mmu, NOT_CANONICAL, TRANSLATED } from "./mmu.ts";
import { isFloatingPoint, Tlb } from "./mode.ts";
import { Msrs } from "./msrs.ts";
import { MXCSR, writeMxcsr } from "./mxcsr.ts";
import { ProcessorState } from "./processor_state.ts";
import { Attribute, CR0, CR4, Gpr } from "./registers.ts";
import { Segments, type SegmentValue } from "./segments.ts";
import { Segment } from "./state.ts";
import { TlbMaintenance } from "./tlb_maintenance.ts";

/** Parts and properties of an {@linkcode X86Cpu}. */
export interface X86CpuOptions extends X86CpuWiring {
  /** The machine's memory with the state block of the vCPU that runs. */
  readonly state: StateView;
  readonly model: X86CpuName;
}

/** Segments of real mode after power-on and INIT (SDM volume 3, table 9-1). */
const REAL_CODE = Attribute.present | Attribute.nonSystem | Attribute.code | Attribute.writable |
  Attribute.accessed;
const REAL_DATA = REAL_CODE & ~Attribute.code;
const REAL_LIMIT = 0xffff;
/** Type of a busy 16-bit TSS and of an LDT, as after power-on. */
const REAL_TASK = Attribute.present | 3;
const REAL_LDT = Attribute.present | 2;
/** CR0 after power-on: caches off. */
const CR0_RESET = 0x60000010;
const FCW_RESET = 0x37f;

/** High half of the last addresses of the lower half: an access that goes beyond is not canonical. */
const LAST_HIGH = 0x7fff;

/** Segments that a kernel begins with the same value in. */
const DATA_SEGMENTS = [Segment.es, Segment.ss, Segment.ds, Segment.fs, Segment.gs] as const;

/** An x86-64 vCPU. */
export class X86Cpu implements ArchCpu {
  /** Number of the vCPU. */
  readonly index: number;
  /** Result of the last `translate` that was not refused. */
  readonly translation: Translation = newTranslation();
  /** While it is set, instructions run one by one, and it is called after each. For debuggers. */
  onStep: (() => void) | undefined;
  /** The parts, for tests and inspection. */
  readonly context: HostContext;
  readonly #state: ProcessorState;
  readonly #exceptions: Exceptions;
  readonly #mmu: Mmu;
  readonly #tlb: TlbMaintenance;
  readonly #debug: DebugRegisters;
  readonly #inputs: InterruptInputs;
  readonly #data: LinearMemory;
  readonly #wiring: X86CpuWiring;
  readonly #msrs: Msrs;
  readonly #current: CurrentInstruction;
  /** Events delivered before the instruction that is being stepped. */
  #deliveredBefore = 0;

  /** Reads nothing but the control registers: {@linkcode X86Cpu.begin} makes it usable. */
  constructor(options: X86CpuOptions) {
    const { index, memory, engine, bus } = options;
    const model = cpuModels[options.model];
    const bits = controlBits(model);
    this.index = index;
    this.#wiring = options;
    const state = new ProcessorState(options.state);
    const mmu = new Mmu(options.state, memory, { gigabytePages: model.features.has("pdpe1gb") });
    const debug = new DebugRegisters(state, () => engine.attend());
    const data = new LinearMemory(mmu, memory, bus, index, debug);
    const system = new LinearMemory(mmu, memory, bus, index);
    const tables = new DescriptorTables(state, system);
    const segments = new Segments(state, tables);
    const exceptions = new Exceptions(
      { state, segments, tables, system, data },
      () => this.#shutdown(),
    );
    this.#state = state;
    this.#mmu = mmu;
    this.#data = data;
    this.#debug = debug;
    this.#exceptions = exceptions;
    this.#tlb = new TlbMaintenance(mmu, engine, options.cpus === 1);
    this.#inputs = new InterruptInputs(state);
    this.#msrs = new Msrs(model, bits);
    this.context = {
      wiring: options,
      model,
      controlBits: bits,
      state,
      operands: new HostOperands(state, data),
      data,
      system,
      segments,
      tables,
      exceptions,
      mmu,
      tlb: this.#tlb,
      debug,
      inputs: this.#inputs,
      msrs: this.#msrs,
    };
    this.#current = new CurrentInstruction(this.context);
  }

  // ---- state

  /** Power-on state: real mode at the reset vector (SDM volume 3, table 9-1). */
  reset(): void {
    const { view } = this.#state;
    const { segments } = this.context;
    view.u32.fill(0, layout.get("r").address >>> 2, layout.end >>> 2);
    view.set32(field("cr0"), CR0_RESET);
    this.#state.rflags = 0;
    this.#state.clearShadow();
    view.set64(field("r"), 0x106c0n, Gpr.rdx);
    segments.set(Segment.cs, {
      selector: 0xf000,
      base: 0xffff0000,
      limit: REAL_LIMIT,
      attributes: REAL_CODE,
    });
    for (const segment of DATA_SEGMENTS) {
      segments.set(segment, { selector: 0, base: 0, limit: REAL_LIMIT, attributes: REAL_DATA });
    }
    segments.set(Segment.ldtr, { selector: 0, base: 0, limit: REAL_LIMIT, attributes: REAL_LDT });
    segments.set(Segment.tr, { selector: 0, base: 0, limit: REAL_LIMIT, attributes: REAL_TASK });
    view.set32(field("gdtrLimit"), REAL_LIMIT);
    view.set32(field("idtrLimit"), REAL_LIMIT);
    view.set32(field("fcw"), FCW_RESET);
    writeMxcsr(view, MXCSR.initial);
    view.set64(field("xcr0"), 1n);
    view.set32(field("lazyKind"), 0);
    this.#debug.reset();
    this.#msrs.reset(view);
    this.#inputs.reset();
    this.#state.jump(0xfff0);
    this.reload();
  }

  /** Derives anew what is kept outside the state block: after reset, or when the block was restored. */
  reload(): void {
    this.#mmu.configure();
    this.#debug.configure();
    this.#tlb.flushAll();
    this.#inputs.sync();
  }

  /** Resets and begins as a start-up message says: in real mode at `page` * 4096. */
  startUp(page: number): void {
    this.reset();
    const { segments } = this.context;
    segments.setReal(Segment.cs, (page & 0xff) << 8);
    this.#state.jump(0);
  }

  /** Resets and begins a kernel in the state that its boot protocol asks for. */
  begin(boot: BootState): void {
    this.reset();
    const { view } = this.#state;
    const { segments } = this.context;
    view.set64(field("r"), 0n, Gpr.rdx);
    const numbers = { rbx: Gpr.rbx, rsi: Gpr.rsi, rsp: Gpr.rsp } as const;
    for (const [name, number] of Object.entries(numbers)) {
      const value = boot.general[name as keyof typeof numbers] ?? 0;
      view.set64(field("r"), BigInt(value), number);
    }
    view.set32(field("cr0"), boot.cr0);
    view.set64(field("cr3"), BigInt(boot.cr3));
    view.set32(field("cr4"), boot.cr4);
    view.set32(field("efer"), boot.efer);
    const load = (segment: number, value: SegmentValue): void => segments.set(segment, value);
    load(Segment.cs, boot.cs);
    for (const segment of DATA_SEGMENTS) load(segment, boot.data);
    load(Segment.tr, boot.tr);
    load(Segment.ldtr, boot.ldtr);
    view.set64(field("gdtrBase"), BigInt(boot.gdtr.base));
    view.set32(field("gdtrLimit"), boot.gdtr.limit);
    view.set64(field("idtrBase"), BigInt(boot.idtr.base));
    view.set32(field("idtrLimit"), boot.idtr.limit);
    this.#state.rflags = boot.rflags;
    this.#state.jump(boot.rip);
    this.reload();
  }

  /** What the state block does not hold. */
  saved(): DeviceState {
    return {
      inputs: this.#inputs.state(),
      msrs: this.#msrs.state(),
      debug: this.#debug.state(),
    };
  }

  /** Puts back what `saved` gave, after the state block. Throws a TypeError on anything else. */
  restore(saved: DeviceState): void {
    const from = new StateReader(saved, "x86-64 vCPU");
    this.#inputs.restore(from.value("inputs"));
    this.#msrs.restore(from.value("msrs"));
    this.#debug.restore(from.value("debug"));
    this.reload();
  }

  mode(): number {
    return this.#state.mode;
  }

  // ---- memory

  translate(high: number, low: number, access: Access, tlb: number, size: number): boolean {
    const mmu = this.#mmu;
    const why = high === LAST_HIGH && low > 0x1_0000_0000 - size && this.#state.longMode
      ? NOT_CANONICAL
      : mmu.translate(high, low, access, tlb);
    if (why !== TRANSLATED) {
      // Alignment comes before what the page has to say (SDM volume 3, table 6-2).
      const checked = tlb === Tlb.userAligned && access !== Access.execute;
      const misaligned = checked && size <= 8 && low % size !== 0;
      if (misaligned && why !== NOT_CANONICAL) this.alignmentFault(high, low, access);
      else this.#refuse(high, low, access, why);
      return false;
    }
    this.#tlb.filled(high, low, tlb);
    const out = this.translation;
    out.page = mmu.page;
    out.global = mmu.global;
    out.readable = true;
    out.writable = access === Access.write;
    out.strictAlignment = tlb === Tlb.userAligned && access !== Access.execute;
    out.uncached = out.strictAlignment || !this.#wiring.memory.contains(mmu.page, 4096);
    out.watched = access !== Access.execute && this.#debug.watchesPage(high, low);
    if (out.watched) {
      out.uncached = true;
      this.#debug.access(high, low, size, access === Access.write);
    }
    return true;
  }

  takeOver(previous: this): void {
    this.#tlb.takeOver(previous.#tlb, this.#debug.watchesData || previous.#debug.watchesData);
  }

  #refuse(high: number, low: number, access: Access, why: number): void {
    if (why !== NOT_CANONICAL) {
      this.#exceptions.fault(new GuestFault(Vector.pageFault, why, high, low));
    } else if (access !== Access.execute && this.#current.usesStack(high, low)) {
      this.#exceptions.fault(new GuestFault(Vector.stackFault, 0));
    } else this.#exceptions.fault(generalProtection());
  }

  alignmentFault(_high: number, _low: number, _access: Access): void {
    if (this.#state.rights(this.#state.cpl) === Tlb.userAligned) {
      this.#exceptions.fault(new GuestFault(Vector.alignmentCheck, 0));
    } else this.#exceptions.fault(generalProtection());
  }

  /** No processor has this fault: what a board's bus leaves unanswered must read as ones. */
  busError(_high: number, _low: number, _access: Access, _fetch: boolean): void {
    this.#exceptions.fault(generalProtection());
  }

  // ---- faults

  undefinedInstruction(): void {
    this.#exceptions.fault(invalidOpcode());
  }

  fault(fault: number): void {
    if (fault === Fault.interruptUnmasked) {
      // The instruction is done; it has left the address of the next one in the shadow.
      const shadow = field("shadow");
      this.#state.setPc(this.#state.view.high(shadow), this.#state.view.low(shadow));
      return;
    }
    if (fault === Fault.byHost) {
      const decoded = this.#current.decode();
      if (decoded === undefined) return this.undefinedInstruction();
      const outcome = this.host(decoded.handler.row.title, decoded);
      if (outcome === Outcome.next) this.#state.advance(decoded.length);
      return;
    }
    this.#exceptions.fault(faultOf(fault, this.#state));
  }

  /** A triple fault: the vCPU executes no more, until somebody resets it. */
  #shutdown(): void {
    this.#wiring.shutdown();
  }

  // ---- interrupts

  /** Drives INTR. May be called at any time. */
  setInterrupt(level: boolean): void {
    const rises = level && !this.#inputs.intr;
    this.#inputs.intr = level;
    if (rises) this.#wiring.engine.attend();
  }

  /** A non-maskable interrupt. May be called at any time. */
  nmi(): void {
    this.#inputs.nmi = true;
    this.#wiring.engine.attend();
  }

  takeInterrupt(): boolean {
    const inputs = this.#inputs;
    inputs.sync();
    if (this.#debug.trapPending) {
      this.#debug.takeTrap();
      this.#exceptions.raise({ vector: Vector.debug, kind: "trap", code: undefined });
      return true;
    }
    if (!inputs.unmasked || this.#state.inShadow) return false;
    if (inputs.nmi && !inputs.nmiBlocked) {
      inputs.nmi = false;
      inputs.nmiBlocked = true;
      this.#exceptions.raise({ vector: Vector.nmi, kind: "external", code: undefined });
    } else {
      const vector = this.#wiring.apics.acknowledge(this.index);
      this.#exceptions.raise({ vector, kind: "external", code: undefined });
    }
    inputs.sync();
    return true;
  }

  wakes(): boolean {
    return this.#inputs.wakes() || this.#debug.trapPending;
  }

  // ---- debug

  /**
   * Whether the engine must execute one instruction at a time between these two: for the guest's
   * debugger, for ours, and while an interrupt waits behind the shadow of STI or MOV SS.
   */
  needsStepping(): boolean {
    return this.onStep !== undefined || this.#debug.needsStepping() ||
      (this.#inputs.unmasked && this.#state.inShadow);
  }

  /** False if an exception was taken instead of the instruction at the pc. */
  beforeStep(): boolean {
    this.#state.clearShadow();
    const hits = this.#debug.beforeStep();
    this.#deliveredBefore = this.#exceptions.delivered;
    if (hits === 0) return true;
    this.#debug.cancelStep();
    this.#debug.report(hits);
    // A fault, but RF is not set in what is pushed: the handler sets it.
    this.#exceptions.raise({ vector: Vector.debug, kind: "trap", code: undefined });
    return false;
  }

  /** Ends the step of the instruction that was executed. */
  afterStep(): void {
    if (this.#exceptions.delivered !== this.#deliveredBefore) this.#debug.cancelStep();
    this.#debug.afterStep();
    this.onStep?.();
  }

  // ---- instructions of the host

  host(handler: string, decoded: Decoded): Outcome {
    const { state } = this.context;
    this.#data.rights = state.rights(state.cpl);
    this.context.system.rights = state.systemRights;
    try {
      const name = handler.startsWith("disabled:")
        ? this.#disabled(handler.slice(9), decoded)
        : handler;
      const execute = hostInstructions.get(name);
      if (execute === undefined) throw invalidOpcode();
      return execute(this.context, operandsOf(decoded), decoded.length);
    } catch (fault) {
      if (!(fault instanceof GuestFault)) throw fault;
      this.#exceptions.fault(fault);
      return Outcome.jumped;
    }
  }

  /** What to execute in place of an instruction that the mode has switched off, if anything. */
  #disabled(feature: string, { handler: { instruction } }: Decoded): string {
    const { cr0, cr4 } = this.#state;
    if (isFloatingPoint(feature)) {
      const emulated = (cr0 & CR0.EM) !== 0;
      const undefinedHere = feature === "x87"
        ? false
        : emulated || (feature !== "mmx" && (cr4 & CR4.OSFXSR) === 0);
      throw undefinedHere ? invalidOpcode() : new GuestFault(Vector.deviceNotAvailable);
    }
    if (feature === "fsgsbase") throw invalidOpcode();
    if (instruction.name === "CLI") return "cli";
    if (instruction.name === "STI") return "sti";
    throw generalProtection();
  }
}

/** The exception of a fault number. */
export function faultOf(fault: number, { cr4 }: ProcessorState): GuestFault {
  switch (fault) {
    case Fault.divideError:
      return new GuestFault(Vector.divideError);
    case Fault.boundRange:
      return new GuestFault(Vector.boundRange);
    case Fault.overflow:
      return new GuestFault(Vector.overflow);
    case Fault.simdException:
      return (cr4 & CR4.OSXMMEXCPT) !== 0 ? new GuestFault(Vector.simd) : invalidOpcode();
    case Fault.alignmentCheck:
      return new GuestFault(Vector.alignmentCheck, 0);
    case Fault.invalidOpcode:
      return invalidOpcode();
    case Fault.x87Exception:
      return new GuestFault(Vector.x87);
    default:
      return generalProtection();
  }
}
