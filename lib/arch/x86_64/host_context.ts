/** What instructions that the host executes work with: the parts of one vCPU, and what it is wired to. */
import type { EngineServices, Outcome } from "../../engine/arch.ts";
import type { GuestMemory } from "../../engine/guest_memory.ts";
import type { SystemRegisters } from "../../devices/vbus/device.ts";
import type { ControlBits } from "./control_registers.ts";
import type { CpuModel } from "./cpu_models.ts";
import type { DebugRegisters } from "./debug_registers.ts";
import type { DescriptorTables } from "./descriptor_tables.ts";
import type { Exceptions } from "./exceptions.ts";
import type { HostOperands } from "./host_operands.ts";
import type { InterruptInputs } from "./interrupt_inputs.ts";
import type { LinearMemory, PhysicalBus } from "./linear_memory.ts";
import type { Mmu } from "./mmu.ts";
import type { Msrs } from "./msrs.ts";
import type { Operands } from "./operands.ts";
import type { ProcessorState } from "./processor_state.ts";
import type { Segments } from "./segments.ts";
import type { TlbMaintenance } from "./tlb_maintenance.ts";

/** Local APICs as their vCPUs use them. */
export interface CpuApics {
  /** The vCPU takes an interrupt: its vector. */
  acknowledge(vcpu: number): number;
  /** CR8. */
  taskPriorityClass(vcpu: number): number;
  setTaskPriorityClass(vcpu: number, value: number): void;
  /** Whether CPUID tells of one. */
  isEnabled(vcpu: number): boolean;
}

/** Time stamp counters as their vCPUs use them. */
export interface CpuTsc {
  /** Counts per second. */
  readonly frequency: number;
  read(vcpu: number): bigint;
}

/** What a vCPU is and what it is wired to. */
export interface X86CpuWiring {
  /** Number of the vCPU, and its APIC id. */
  readonly index: number;
  /** Number of vCPUs. */
  readonly cpus: number;
  /** Guest RAM. */
  readonly memory: GuestMemory;
  /** What the engine does for this vCPU. */
  readonly engine: EngineServices;
  /** Everything in the memory space that is not RAM. */
  readonly bus: PhysicalBus;
  /** I/O ports. */
  readonly ports: PhysicalBus;
  /** Model-specific registers of devices: local APIC, time stamp counter. */
  readonly registers: SystemRegisters;
  readonly apics: CpuApics;
  readonly tsc: CpuTsc;
  /** Fills with entropy, for RDRAND and RDSEED. */
  readonly random: (into: Uint8Array) => void;
  /** A triple fault has ended what the vCPU does. */
  readonly shutdown: () => void;
  /** Hears of writes of registers that control translation, before they are done. */
  readonly controlWrite?: (vcpu: number, register: string, value: bigint) => void;
}

/** The vCPU whose state block is in place. */
export interface HostContext {
  readonly wiring: X86CpuWiring;
  readonly model: CpuModel;
  readonly controlBits: ControlBits;
  readonly state: ProcessorState;
  /** Operands of the instruction: registers, and memory with the rights of the code that runs. */
  readonly operands: HostOperands;
  /** Guest memory with the rights of the code that runs. */
  readonly data: LinearMemory;
  /** Guest memory as the processor itself accesses it: descriptors, the TSS. */
  readonly system: LinearMemory;
  readonly segments: Segments;
  readonly tables: DescriptorTables;
  readonly exceptions: Exceptions;
  readonly mmu: Mmu;
  readonly tlb: TlbMaintenance;
  readonly debug: DebugRegisters;
  readonly inputs: InterruptInputs;
  readonly msrs: Msrs;
}

/**
 * Executes one instruction of `length` bytes at the pc, whose operands are bound; by the name that its
 * row has in `host`. Throws a `GuestFault` for an exception, before anything has changed. Outcomes:
 *
 * - `next`: done, goes on behind it
 * - `jumped`: the pc was set; or it stays, to be executed again (REP, one piece at a time)
 * - `wait`: HLT
 */
export type HostInstruction = (cpu: HostContext, o: Operands, length: number) => Outcome;

/** Instructions by the name that rows have in `host`. */
export type HostInstructions = Readonly<Record<string, HostInstruction>>;
