/**
 * A small invented architecture whose instructions are 1 to 15 bytes long, for tests of what the
 * engine does with such: sixteen registers of 64 bits, no flags but Z, memory by base, index and
 * displacement.
 */
import type { Arch, ArchBinding } from "../arch.ts";
import type { Builder } from "../builder.ts";
import {
  type AddressForm,
  type Decoded,
  type Decoder,
  type Flow,
  type Handler,
  type MemoryOperand,
  NO_REGISTER,
  type Operand,
  type OperandKind,
  Slot,
  SLOTS,
} from "../instruction.ts";
import type { Layout, StateFieldSpec } from "../layout.ts";

export const byteState: readonly StateFieldSpec[] = [
  { name: "r", type: "u64", count: 34 },
  { name: "v", type: "v128", count: 32 },
  { name: "zero", type: "u64" },
  { name: "segment", type: "u64", count: 2 },
];

/** Lazy flags: kind 1 is Z of a result. */
const Z = 1;

/** Operands in the order in which their bytes follow the opcode: register numbers, then these. */
type Field = "reg" | "reg8" | "imm8" | "imm32" | "distance8" | "base" | "indexed" | "pc";

interface ByteRow {
  readonly opcode: number;
  readonly name: string;
  readonly fields: readonly Field[];
  readonly flow?: Flow;
  readonly host?: string;
  readonly emit?: (b: Builder, operands: readonly Operand[]) => void;
}

const memory = (operand: Operand): MemoryOperand => operand as MemoryOperand;

/** `fault` of a division by zero. */
export const DIVIDE_ERROR = 7;

export const Op = {
  increment: 1,
  load32: 2,
  jump: 3,
  branchNotZero: 4,
  halt: 5,
  add: 6,
  load: 7,
  store: 8,
  call: 9,
  return: 10,
  set8: 11,
  nop: 12,
  /** Before another instruction: makes it longer, no more. */
  prefix: 13,
  copy: 14,
  addMemory: 15,
  loadIndexed: 16,
  address: 17,
  divideMemory: 18,
  branchZ: 19,
  loadPc: 20,
  count: 21,
  push: 22,
} as const;

const rows: readonly ByteRow[] = [
  {
    opcode: Op.increment,
    name: "increment",
    fields: ["reg"],
    emit: (b, [r]) => {
      const sum = b.temp("i64");
      b.get(r);
      b.i64_const32(1).i64_add().local_tee(sum);
      b.set(r);
      b.local_get(sum);
      b.setFlags(Z);
    },
  },
  {
    opcode: Op.load32,
    name: "load immediate",
    fields: ["reg", "imm32"],
    emit: (b, [r, imm]) => {
      b.imm(imm);
      b.set(r);
    },
  },
  {
    opcode: Op.jump,
    name: "jump",
    fields: ["distance8"],
    flow: "jump",
    emit: (b, [distance]) => b.jump(distance),
  },
  {
    opcode: Op.branchNotZero,
    name: "branch if not zero",
    fields: ["reg", "distance8"],
    flow: "branch",
    emit: (b, [r, distance]) => {
      b.get(r);
      b.i64_eqz().i32_eqz();
      b.jumpIf(distance);
    },
  },
  { opcode: Op.halt, name: "halt", fields: [], flow: "stop", host: "halt" },
  {
    opcode: Op.add,
    name: "add",
    fields: ["reg", "reg"],
    emit: (b, [to, from]) => {
      const sum = b.temp("i64");
      b.get(to);
      b.get(from);
      b.i64_add().local_tee(sum);
      b.set(to);
      b.local_get(sum);
      b.setFlags(Z);
    },
  },
  {
    opcode: Op.load,
    name: "load",
    fields: ["reg", "base"],
    emit: (b, [r, m]) => {
      b.address(memory(m));
      b.readAddress(8);
      b.i64_load();
      b.set(r);
    },
  },
  {
    opcode: Op.store,
    name: "store",
    fields: ["reg", "base"],
    emit: (b, [r, m]) => {
      b.address(memory(m));
      b.writeAddress(8);
      b.get(r);
      b.i64_store();
    },
  },
  {
    opcode: Op.call,
    name: "call",
    fields: ["distance8"],
    flow: "call",
    emit: (b, [distance]) => {
      b.nextPc();
      b.set(LINK);
      b.jump(distance);
    },
  },
  {
    opcode: Op.return,
    name: "return",
    fields: [],
    flow: "return",
    emit: (b) => {
      b.get(LINK);
      b.jumpTo();
    },
  },
  {
    opcode: Op.set8,
    name: "set byte",
    fields: ["reg8", "reg8"],
    emit: (b, [to, from]) => {
      b.get8(from);
      b.set8(to);
    },
  },
  { opcode: Op.nop, name: "nop", fields: [], emit: () => {} },
  {
    opcode: Op.copy,
    name: "copy",
    fields: ["reg", "base"],
    emit: (b, [r, m]) => {
      const from = b.temp("i32");
      const to = b.temp("i32");
      b.address(memory(m));
      b.readAddress(4);
      b.local_set(from);
      b.get(r);
      b.writeAddress(4);
      b.local_tee(to).local_get(from).i32_load().i32_store();
    },
  },
  {
    opcode: Op.addMemory,
    name: "add to memory",
    fields: ["reg", "base"],
    emit: (b, [r, m]) => {
      const at = b.temp("i32");
      b.address(memory(m));
      b.readWriteAddress(8);
      b.local_tee(at).local_get(at).i64_load();
      b.get(r);
      b.i64_add().i64_store();
    },
  },
  {
    opcode: Op.loadIndexed,
    name: "load indexed",
    fields: ["reg", "indexed"],
    emit: (b, [r, m]) => {
      b.address(memory(m));
      b.readAddress(8);
      b.i64_load();
      b.set(r);
    },
  },
  {
    opcode: Op.address,
    name: "address",
    fields: ["reg", "indexed"],
    emit: (b, [r, m]) => {
      b.offset(memory(m));
      b.set(r);
    },
  },
  {
    opcode: Op.divideMemory,
    name: "divide by memory",
    fields: ["reg", "base"],
    emit: (b, [r, m]) => {
      const divisor = b.temp("i64");
      b.address(memory(m));
      b.readAddress(4);
      b.i64_load32_u().local_tee(divisor).i64_eqz();
      b.faultIf(DIVIDE_ERROR);
      b.get(r);
      b.local_get(divisor).i64_div_u();
      b.set(r);
    },
  },
  {
    opcode: Op.branchZ,
    name: "branch if Z",
    fields: ["distance8"],
    flow: "branch",
    emit: (b, [distance]) => {
      b.condition(0);
      b.jumpIf(distance);
    },
  },
  {
    opcode: Op.loadPc,
    name: "load by pc",
    fields: ["reg", "pc"],
    emit: (b, [r, m]) => {
      b.address(memory(m));
      b.readAddress(1);
      b.i64_load8_u();
      b.set(r);
    },
  },
  { opcode: Op.count, name: "count", fields: ["reg"], flow: "stop", host: "count" },
  {
    opcode: Op.push,
    name: "push and jump",
    fields: ["base", "distance8"],
    flow: "jump",
    emit: (b, [m, distance]) => {
      b.address(memory(m));
      b.writeAddress(8);
      b.nextPc();
      b.i64_store();
      b.jump(distance);
    },
  },
];

/** The register that calls leave the return address in. */
const LINK: Operand = { name: "link", kind: "reg", slot: Slot.fixed, value: 15, high: 0 };

const FORMS: Readonly<Record<"base" | "indexed" | "pc", AddressForm>> = {
  base: { kind: "base", size: 8, segmented: false, linear32: false },
  indexed: { kind: "indexed", size: 4, segmented: true, linear32: true },
  pc: { kind: "pc", size: 8, segmented: false, linear32: false },
};

const KINDS: Readonly<Record<Field, OperandKind>> = {
  reg: "reg",
  reg8: "reg8",
  imm8: "imm",
  imm32: "imm",
  distance8: "imm",
  base: "mem",
  indexed: "mem",
  pc: "mem",
};

function operandOf(field: Field, slot: number): Operand {
  const kind = KINDS[field];
  const wide = kind === "imm" ? Slot.imm : kind === "mem" ? Slot.address : slot;
  const operand: Operand = { name: field, kind, slot: wide, value: 0, high: 0 };
  if (kind !== "mem") return operand;
  const form = FORMS[field as keyof typeof FORMS];
  const address = { base: NO_REGISTER, index: NO_REGISTER, scale: 0, segment: 0, displacement: 0 };
  return { ...operand, form, ...address } as MemoryOperand;
}

/** The longest instruction. */
const LONGEST = 15;

class ByteDecoder implements Decoder {
  readonly #handlers = new Map<number, Handler & { readonly row: ByteRow }>();
  readonly #decoded = {
    handler: undefined as unknown as Handler,
    slots: new Uint8Array(SLOTS),
    immLow: 0,
    immHigh: 0,
    displacement: 0,
    length: 0,
  };

  decode(code: Uint8Array, at: number, limit: number): Decoded | undefined | "cut" {
    let pos = at;
    while (pos < limit && code[pos] === Op.prefix) {
      if (++pos - at >= LONGEST) return undefined;
    }
    if (pos >= limit) return "cut";
    const row = rows.find(({ opcode }) => opcode === code[pos]);
    if (row === undefined) return undefined;
    pos++;
    const out = this.#decoded;
    out.handler = this.#handler(row);
    out.slots.fill(0);
    out.immLow = out.immHigh = out.displacement = 0;
    let slot = 0;
    const int = (bytes: number): number => {
      let value = 0;
      for (let i = 0; i < bytes; i++) value |= (code[pos + i] ?? 0) << (8 * i);
      pos += bytes;
      return bytes === 1 ? value << 24 >> 24 : value;
    };
    let distance = false;
    for (const field of row.fields) {
      if (field === "reg") out.slots[slot++] = int(1) & 15;
      else if (field === "reg8") out.slots[slot++] = int(1) & 31;
      else if (field === "pc") out.displacement = int(1);
      else if (field === "base" || field === "indexed") {
        const registers = int(1) & 0xff;
        out.slots[Slot.address] = registers & 15;
        out.slots[Slot.address + 1] = field === "base" ? NO_REGISTER : registers >> 4;
        out.slots[Slot.address + 2] = field === "base" ? 0 : registers & 3;
        out.slots[Slot.address + 3] = field === "base" ? 0 : 1;
        out.displacement = int(4);
      } else {
        distance = field === "distance8";
        out.immLow = int(field === "imm32" ? 4 : 1);
      }
    }
    if (pos - at > LONGEST) return undefined;
    if (pos > limit) return "cut";
    out.length = pos - at;
    if (distance) out.immLow += out.length;
    out.immHigh = out.immLow >> 31;
    return out;
  }

  #handler(row: ByteRow): Handler {
    let handler = this.#handlers.get(row.opcode);
    if (handler === undefined) {
      let slot = 0;
      const operands = row.fields.map((field) => operandOf(field, slot++));
      handler = {
        id: this.#handlers.size,
        row,
        instruction: { name: row.name, feature: "", host: row.host, flow: row.flow },
        operands,
        emit: (b) => row.emit?.(b, operands),
      };
      this.#handlers.set(row.opcode, handler);
    }
    return handler;
  }
}

/** @param common opcodes that the interpreter has inline */
export function byteArch(common: readonly number[]): Arch {
  return {
    name: "bytes",
    decoder: () => new ByteDecoder(),
    state: byteState,
    instructionAlignment: 1,
    tlbOf: () => 0,
    tlbCount: 1,
    common: {
      mode: 0,
      code: common.map((opcode) => Uint8Array.of(opcode, ...new Array(14).fill(0))),
    },
    enabled: () => true,
    bind: (layout: Layout): ArchBinding => ({
      flags: {
        fields: [layout.get("zero")],
        operands: [1, 1],
        conditions: 1,
        materialize: (code, _kind, [a]) => code.local_get(a),
        condition: (code, _kind, [a]) => code.local_get(a).i64_eqz(),
        needed: () => 1,
      },
      helpers: [],
      general: layout.get("r"),
      zeroRegister: false,
      writableIsReadable: true,
      vector: layout.get("v"),
      segmentBases: layout.get("segment"),
    }),
  };
}
