/**
 * What the engine asks of a guest architecture. The engine itself knows no architecture.
 */
import type { Code } from "../wasm/code.ts";
import type { ValType } from "../wasm/types.ts";
import type { Layout, StateField, StateFieldSpec } from "./layout.ts";
import type { Decoded, Decoder } from "./instruction.ts";

/** A function in WebAssembly that semantics call by name; `js` runs when it has no body of its own. */
export interface Helper {
  readonly name: string;
  readonly params: readonly ValType[];
  readonly results: readonly ValType[];
  /** Writes the body. `call(name)` emits a call of another helper, `local(type)` makes a local. */
  readonly emit?: (code: HelperCode) => void;
  /** Executed by the host: slow and rare cases. i64 are bigint. */
  readonly js?: (...args: never[]) => number | bigint | void;
}

/** The sink given to the body of a helper. Parameters are locals 0, 1, ... */
export interface HelperCode extends Code {
  local(type: ValType): number;
  callHelper(name: string): void;
  getState(field: StateField, index?: number): void;
  /** [value] -> [] */
  setState(field: StateField, index?: number): void;
}

/**
 * Kinds of lazy flags and conditions of an architecture. Kind 0 means "at rest in the fields"; it has
 * one operand per field. The other kinds have one or two i64 operands.
 */
export interface FlagModel {
  /** State fields (u64) in which flags rest when they are not lazy. */
  readonly fields: readonly StateField[];
  /** Number of i64 operands of each kind; the length is the number of kinds. */
  readonly operands: readonly number[];
  /** Number of conditions: their codes are 0 and up. */
  readonly conditions: number;
  /** [] -> [i64 per field] of flags of a kind whose operands are in the given locals. */
  materialize(code: Code, kind: number, operands: readonly number[]): void;
  /** [] -> [i32] condition for flags of a kind, operands in the given locals. */
  condition(code: Code, kind: number, operands: readonly number[], condition: number): void;
  /** Which fields (bit n: fields[n]) the condition looks at for kind 0. */
  needed(condition: number): number;
}

export const Access = { read: 0, write: 1, execute: 2 } as const;
export type Access = typeof Access[keyof typeof Access];

/** Result of a translation. One object, reused by each call. */
export interface Translation {
  /** Physical address of the page (4 KiB) that holds the address. */
  page: number;
  readable: boolean;
  writable: boolean;
  /** Not to be kept in the TLB: device memory, watched pages. */
  uncached: boolean;
  /** It stays what it is when another process' address space comes into use. */
  global: boolean;
  /** Each access needs a translation of its own: watched pages. */
  watched: boolean;
  /** Misaligned accesses fault (device memory). */
  strictAlignment: boolean;
}

/** A translation of nothing, to be filled in. */
export function newTranslation(): Translation {
  return {
    page: 0,
    readable: false,
    writable: false,
    uncached: false,
    global: false,
    watched: false,
    strictAlignment: false,
  };
}

/** A static description of the architecture: one per process. */
export interface Arch {
  readonly name: string;
  /** The decoder; machines of one process may share it, and then share code that is made of it. */
  decoder(): Decoder;
  readonly state: readonly StateFieldSpec[];
  /** Called once with the offsets; gives what depends on them. */
  bind(layout: Layout): ArchBinding;
  /** Instructions begin at multiples of so many bytes. 4: all of them have that length. */
  readonly instructionAlignment: 1 | 4;
  /** TLB number used by a translation mode. */
  tlbOf(mode: number): number;
  readonly tlbCount: number;
  /** Samples of the most frequent instructions in a mode: the interpreter has their handlers inline. */
  readonly common: { readonly mode: number; readonly code: readonly Uint8Array[] };
  /** Whether rows of a feature are to be executed in a mode (else the host handler `disabled:<feature>`). */
  enabled(feature: string, mode: number): boolean;
}

export interface ArchBinding {
  readonly flags: FlagModel;
  readonly helpers: readonly Helper[];
  /**
   * Field of 34 u64 that holds the general registers. 32 is always zero. If register 31 reads as zero
   * (`zeroRegister`), 31 is the stack pointer and 33 takes writes to the zero register.
   */
  readonly general: StateField;
  readonly zeroRegister: boolean;
  /**
   * Whether what may be written may be read: a read-modify-write then needs one probe, and faults as a
   * write. Else it faults as a read if it may not read.
   */
  readonly writableIsReadable: boolean;
  /** Field of 32 v128. */
  readonly vector: StateField;
  /** Field of u64 that addresses with a segment add an element of. */
  readonly segmentBases?: StateField;
}

/** Outcome of a slow-path call into the architecture. */
export const Outcome = {
  /** The instruction is done; the pc must be advanced. */
  next: 0,
  /** The pc was set (branch, exception, exception return). */
  jumped: 1,
  /** The vCPU waits for an interrupt; pc is already after the instruction. */
  wait: 2,
  /** Execute the instruction again. */
  retry: 3,
  /** Like next, then give the event loop the chance to look at interrupts and requests. */
  yield: 4,
} as const;
export type Outcome = typeof Outcome[keyof typeof Outcome];

/** The behaviour of one vCPU beyond its instruction table. Works on the state block of the current vCPU. */
export interface ArchCpu {
  /** Translation mode: privilege and whatever else changes the meaning of code (see Arch.tlbOf). */
  mode(): number;
  /**
   * Translates an address for an access of `size` bytes through TLB `tlb`.
   * True: the result is in `translation`. False: the exception has been taken, the pc set.
   */
  translate(high: number, low: number, access: Access, tlb: number, size: number): boolean;
  readonly translation: Translation;
  /** Takes the exception for an access that `strictAlignment` or an aligned probe refuses. */
  alignmentFault(high: number, low: number, access: Access): void;
  /** Takes the exception for an access that no device answers or a device refuses. */
  busError(high: number, low: number, access: Access, fetch: boolean): void;
  /** Takes the exception for an encoding that the decoder does not know. */
  undefinedInstruction(): void;
  /** Takes the exception for `Builder.faultIf(fault)`. */
  fault(fault: number): void;
  /**
   * Executes an instruction of the host by the name of its handler, or `disabled:<feature>` if the
   * mode switches its feature off. Its operands are bound.
   */
  host(handler: string, decoded: Decoded): Outcome;
  /** Takes a pending interrupt if it is unmasked; true if one was taken (pc set). */
  takeInterrupt(): boolean;
  /** Whether an interrupt is pending that would end a wait, masked or not. */
  wakes(): boolean;
  /** Whether instructions must run one at a time, between the two hooks, because the guest debugs. */
  needsStepping(): boolean;
  /** Before an instruction; false if an exception was taken instead. */
  beforeStep(): boolean;
  afterStep(): void;
  /**
   * This vCPU runs from now on, `previous` ran before. All vCPUs have the same TLBs: forgets what those
   * hold of the other one and is not true for this one.
   */
  takeOver(previous: this): void;
  reset(): void;
}

/** What the engine does for the architecture of the running vCPU. */
export interface EngineServices {
  /** Forgets every cached translation. */
  flushTlb(): void;
  /** Forgets the cached translations of one 4 KiB page. */
  flushPage(high: number, low: number): void;
  /**
   * Forgets translations of data made through the TLBs whose bits are set in `tlbs`, and all of code that
   * are not global.
   */
  flushTlbs(tlbs: number): void;
  /** Drops code translated from [address, address + length) of guest-physical memory. */
  invalidateCode(address: number, length: number): void;
  /** An interrupt input has gone up: `takeInterrupt` is wanted before the next instruction. */
  attend(): void;
  /** Instructions executed by all vCPUs so far. */
  instructions(): number;
}
