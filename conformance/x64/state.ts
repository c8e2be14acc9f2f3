/**
 * What a case consists of besides its code: registers, a window of memory, why it ended.
 *
 * Everything runs in 64-bit mode outside of the kernel (CPL 3), with CR0.AM, CR4.OSFXSR,
 * CR4.OSXMMEXCPT, CR4.OSXSAVE and CR4.FSGSBASE set, CR4.TSD clear, EFER.NXE set, IOPL 0, IF set.
 * Memory:
 *
 *     0x5000_0000  8 KiB   the window: read and write, no execute
 *     0x5000_2000  4 KiB   zeros, read only, no execute
 *     0x5001_0000  64 KiB  code: read and execute; beyond the slots HLT
 *
 * Nothing else is mapped. The x87 instruction and operand pointers and the last opcode are zero.
 */

/**
 * The data that cases access: two pages, of which the middle is filled, and a read-only one behind.
 */
export const WINDOW = {
  address: 0x50000000,
  size: 0x2000,
  readOnlySize: 0x1000,
  centre: 0xe00,
  centreSize: 0x400,
} as const;
/** Code: each case has a slot, its rest filled with HLT. */
export const CODE = { address: 0x50010000, slots: 1024, slotBytes: 64, filler: 0xf4 } as const;
/** Bytes of a slot that instructions may take. Jumps may go to the rest: it is HLT. */
export const SLOT_ROOM = 44;

/** Address of the first instruction of a case. */
export function slotAddress(index: number): number {
  return CODE.address + (index % CODE.slots) * CODE.slotBytes;
}

/** Why a case ended: the vector of an exception, or this. */
export const Ending = {
  /** At a HLT, RIP on it. */
  end: 0x100,
  /** By SYSCALL or another call of an operating system. Only random code has that. */
  call: 0x101,
  /** Still running. */
  timeout: 0x102,
} as const;

/** RFLAGS: what code outside of the kernel can change. */
export const Flag = {
  CF: 1,
  PF: 4,
  AF: 0x10,
  ZF: 0x40,
  SF: 0x80,
  TF: 0x100,
  DF: 0x400,
  OF: 0x800,
  NT: 0x4000,
  AC: 0x40000,
  ID: 0x200000,
} as const;

/** A part of the state that is compared: offset and size in bytes of `State.bytes`. */
export interface Field {
  readonly name: string;
  readonly offset: number;
  readonly size: number;
}

/** Names of the general registers, in the order of their numbers. */
export const GENERAL: readonly string[] = [
  ...["rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi"],
  ...["r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15"],
];

const series = (prefix: string, count: number, offset: number, size: number): Field[] =>
  Array.from(
    { length: count },
    (_, n) => ({ name: `${prefix}${n}`, offset: offset + 16 * n, size }),
  );

/**
 * All that is compared, in the order of the recorder's `struct state`. Vectors name a field by its
 * index.
 */
export const FIELDS: readonly Field[] = [
  ...GENERAL.map((name, n) => ({ name, offset: 8 * n, size: 8 })),
  { name: "rflags", offset: 128, size: 4 },
  { name: "rip", offset: 136, size: 8 },
  { name: "fs_base", offset: 144, size: 8 },
  { name: "gs_base", offset: 152, size: 8 },
  { name: "fcw", offset: 160, size: 2 },
  { name: "fsw", offset: 162, size: 2 },
  { name: "ftw", offset: 164, size: 2 },
  { name: "mxcsr", offset: 168, size: 4 },
  ...series("x87r", 8, 176, 10),
  ...series("xmm", 16, 304, 16),
  { name: "vector", offset: 560, size: 4 },
  { name: "error", offset: 564, size: 4 },
  { name: "address", offset: 568, size: 8 },
];

/** Size of a state in bytes. */
export const STATE_BYTES = 576;

/**
 * Registers, and why the case ended. `bytes` has the layout of FIELDS, little endian; the other
 * members are views of it.
 */
export class State {
  readonly bytes: Uint8Array<ArrayBuffer> = new Uint8Array(STATE_BYTES);
  readonly view: DataView = new DataView(this.bytes.buffer);
  /** RAX, RCX, RDX, RBX, RSP, RBP, RSI, RDI, R8..R15: low word, high word. */
  readonly general: Uint32Array = new Uint32Array(this.bytes.buffer, 0, 32);
  /** XMM0..XMM15, lowest word first. */
  readonly xmm: Uint32Array = new Uint32Array(this.bytes.buffer, 304, 64);
  /** The window. */
  readonly memory: Uint32Array<ArrayBuffer> = new Uint32Array(WINDOW.size / 4);

  /** Bits of `Flag`. */
  get rflags(): number {
    return this.view.getUint32(128, true);
  }
  set rflags(value: number) {
    this.view.setUint32(128, value, true);
  }

  get rip(): bigint {
    return this.view.getBigUint64(136, true);
  }
  set rip(value: bigint) {
    this.view.setBigUint64(136, value, true);
  }

  get fsBase(): bigint {
    return this.view.getBigUint64(144, true);
  }
  set fsBase(value: bigint) {
    this.view.setBigUint64(144, value, true);
  }

  get gsBase(): bigint {
    return this.view.getBigUint64(152, true);
  }
  set gsBase(value: bigint) {
    this.view.setBigUint64(152, value, true);
  }

  /** x87 control word. */
  get fcw(): number {
    return this.view.getUint16(160, true);
  }
  set fcw(value: number) {
    this.view.setUint16(160, value, true);
  }

  /** x87 status word; TOP in bits 13:11. */
  get fsw(): number {
    return this.view.getUint16(162, true);
  }
  set fsw(value: number) {
    this.view.setUint16(162, value, true);
  }

  /** x87 tags as FXSAVE has them: bit i is set if register Ri is not empty. */
  get ftw(): number {
    return this.view.getUint16(164, true);
  }
  set ftw(value: number) {
    this.view.setUint16(164, value, true);
  }

  get mxcsr(): number {
    return this.view.getUint32(168, true);
  }
  set mxcsr(value: number) {
    this.view.setUint32(168, value, true);
  }

  /**
   * The ten bytes of x87 register `n`, 0..7: Rn, not ST(n), which is R((TOP + n) % 8). The low
   * eight are MMn.
   */
  x87(n: number): Uint8Array<ArrayBuffer> {
    return this.bytes.subarray(176 + 16 * n, 186 + 16 * n);
  }

  /** Vector of the exception that ended the case, or one of `Ending`. */
  get vector(): number {
    return this.view.getUint32(560, true);
  }
  set vector(value: number) {
    this.view.setUint32(560, value, true);
  }

  /** Error code of the exception; 0 if it has none. */
  get error(): number {
    return this.view.getUint32(564, true);
  }
  set error(value: number) {
    this.view.setUint32(564, value, true);
  }

  /** Address of a page fault (CR2); else 0. */
  get address(): bigint {
    return this.view.getBigUint64(568, true);
  }
  set address(value: bigint) {
    this.view.setBigUint64(568, value, true);
  }

  /** Takes over all of another state. */
  copy(from: State): void {
    this.bytes.set(from.bytes);
    this.memory.set(from.memory);
  }
}
