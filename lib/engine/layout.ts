/**
 * Layout of the vCPU state block: one table gives offsets, typed accessors and the form that is
 * saved. The block of the vCPU that runs lies at {@linkcode STATE_BASE}; the blocks of the others
 * wait in their own place.
 */

/** Address of the running vCPU's state block in the machine's memory. */
export const STATE_BASE = 0x1000;
/** Bytes reserved for the state block. */
export const STATE_SIZE = 0x3000;

export type StateType = "u32" | "u64" | "v128";
const SIZE: Record<StateType, number> = { u32: 4, u64: 8, v128: 16 };

/** A field as its owner declares it. */
export interface StateFieldSpec {
  readonly name: string;
  readonly type: StateType;
  /** Elements of an array; 1 if left out. */
  readonly count?: number;
}

/** A field with its place. */
export interface StateField {
  readonly name: string;
  readonly type: StateType;
  readonly count: number;
  /** Absolute address of element 0 for the running vCPU. */
  readonly address: number;
  /** Bytes per element. */
  readonly size: number;
}

/** All fields by name, and the bytes that they take together. */
export interface Layout {
  readonly fields: ReadonlyMap<string, StateField>;
  readonly end: number;
  /** The field of that name. Throws if there is none. */
  get(name: string): StateField;
}

/** Places fields one after the other, each at a multiple of its size. */
export function defineLayout(specs: readonly StateFieldSpec[], base: number = STATE_BASE): Layout {
  const fields = new Map<string, StateField>();
  let address = base;
  for (const { name, type, count = 1 } of specs) {
    const size = SIZE[type];
    address = Math.ceil(address / size) * size;
    if (fields.has(name)) throw new Error(`state field ${name} is declared twice`);
    fields.set(name, { name, type, count, address, size });
    address += size * count;
  }
  if (address > base + STATE_SIZE) throw new Error("the state block does not fit");
  const get = (name: string): StateField => {
    const field = fields.get(name);
    if (field === undefined) throw new Error(`no state field ${name}`);
    return field;
  };
  return { fields, end: address, get };
}

/** Typed views over the machine's memory for reading and writing state fields. */
export class StateView {
  readonly u32: Uint32Array;
  readonly u64: BigUint64Array;

  constructor(buffer: ArrayBufferLike) {
    // The state block lies low: short views keep every runtime on its fast path.
    this.u32 = new Uint32Array(buffer, 0, (STATE_BASE + STATE_SIZE) / 4);
    this.u64 = new BigUint64Array(buffer, 0, (STATE_BASE + STATE_SIZE) / 8);
  }

  get32(field: StateField, index = 0): number {
    return this.u32[(field.address + index * field.size) >>> 2];
  }

  set32(field: StateField, value: number, index = 0): void {
    this.u32[(field.address + index * field.size) >>> 2] = value;
  }

  get64(field: StateField, index = 0): bigint {
    return this.u64[(field.address + index * field.size) >>> 3];
  }

  set64(field: StateField, value: bigint, index = 0): void {
    this.u64[(field.address + index * field.size) >>> 3] = value;
  }

  /** High half of a 64-bit field, unsigned. */
  high(field: StateField, index = 0): number {
    return this.u32[((field.address + index * field.size) >>> 2) + 1];
  }

  /** Low half of a 64-bit field, unsigned. */
  low(field: StateField, index = 0): number {
    return this.u32[(field.address + index * field.size) >>> 2];
  }
}

/** Fields that the engine itself needs, before those of the architecture. */
export const engineState: readonly StateFieldSpec[] = [
  { name: "pc", type: "u64" },
  { name: "missAddress", type: "u64" },
  /** Probe size in bytes in bits 7:0, see {@linkcode Miss}; TLB number from bit 16. */
  { name: "missInfo", type: "u32" },
  /** Instructions left in this slice, signed. */
  { name: "budget", type: "u32" },
  { name: "mode", type: "u32" },
  /** Address of the read TLB of the current mode. */
  { name: "tlb", type: "u32" },
  /** Address of the record that the interpreter stopped at; fault number of `faultIf`. */
  { name: "record", type: "u32" },
  { name: "faultNumber", type: "u32" },
  /** Kind of the flags: 0 when they rest in the architecture's fields, else what `lazyA` and `lazyB` are. */
  { name: "lazyKind", type: "u32" },
  { name: "lazyA", type: "u64" },
  { name: "lazyB", type: "u64" },
  /** Nested region calls in progress. */
  { name: "depth", type: "u32" },
];

/** Bits of `missInfo`. */
export const Miss = {
  size: 0xff,
  write: 0x100,
  read: 0x200,
  aligned: 0x400,
  tlbShift: 16,
} as const;
