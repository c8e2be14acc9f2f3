/**
 * Flattened device trees (Devicetree Specification v0.4, chapter 5): a tree in memory, written as
 * version 17 of the format and read from versions 16 and 17.
 */
import { BootError } from "./boot_error.ts";

const MAGIC = 0xd00dfeed;
const VERSION = 17;
const LAST_COMPATIBLE = 16;
const HEADER_BYTES = 40;

const BEGIN_NODE = 1;
const END_NODE = 2;
const PROP = 3;
const NOP = 4;
const END = 9;

/** Deepest nesting that the reader follows. */
const MAX_DEPTH = 64;

/** A property's value: the bytes as they stand in the tree (big-endian cells, NUL-ended strings). */
export type FdtValue = Uint8Array<ArrayBuffer>;

/** A node: its properties and its children, in the order in which they were added. */
export class FdtNode {
  /** With the unit address: "memory\@40000000". Empty for the root. */
  readonly name: string;
  /** Values by name; an empty value states something by being there. */
  readonly properties: Map<string, FdtValue> = new Map();
  /** Nodes below this one. */
  readonly children: FdtNode[] = [];

  /** Makes a node that belongs to no tree. */
  constructor(name: string) {
    this.name = name;
  }

  /** Adds a child. Throws a BootError if there is one of that name. */
  node(name: string): FdtNode {
    if (this.child(name) !== undefined) {
      throw new BootError("bad-device-tree", `device tree: two nodes named "${name}"`);
    }
    const child = new FdtNode(name);
    this.children.push(child);
    return child;
  }

  /** The child of that name. */
  child(name: string): FdtNode | undefined {
    return this.children.find((node) => node.name === name);
  }

  /** The node at a path relative to this one: "cpus/cpu\@0". A leading "/" is ignored. */
  find(path: string): FdtNode | undefined {
    const names = path.split("/").filter((name) => name !== "");
    return names.reduce<FdtNode | undefined>((node, name) => node?.child(name), this);
  }

  /** Sets a property to bytes. */
  bytes(name: string, value: Uint8Array): this {
    this.properties.set(name, new Uint8Array(value));
    return this;
  }

  /** Sets a property without a value: its presence is the statement. */
  flag(name: string): this {
    return this.bytes(name, new Uint8Array(0));
  }

  /** Sets a property to 32-bit cells (0..2^32-1). */
  cells(name: string, ...values: readonly number[]): this {
    const view = new DataView(new ArrayBuffer(values.length * 4));
    values.forEach((value, i) => view.setUint32(i * 4, value));
    return this.bytes(name, new Uint8Array(view.buffer));
  }

  /** Sets a property to 64-bit values, two cells each (integers 0..2^53-1). */
  cells64(name: string, ...values: readonly number[]): this {
    return this.cells(
      name,
      ...values.flatMap((value) => [Math.floor(value / 2 ** 32), value >>> 0]),
    );
  }

  /** Sets a property to one string or a list of them. */
  strings(name: string, ...values: readonly string[]): this {
    return this.bytes(name, new TextEncoder().encode(values.map((value) => `${value}\0`).join("")));
  }

  /** The cells of a property, undefined if it is absent or not a whole number of cells. */
  getCells(name: string): readonly number[] | undefined {
    const value = this.properties.get(name);
    if (value === undefined || value.length % 4 !== 0) return undefined;
    const view = new DataView(value.buffer, value.byteOffset, value.length);
    return Array.from({ length: value.length / 4 }, (_, i) => view.getUint32(i * 4));
  }

  /** The strings of a property, undefined if it is absent or does not end in NUL. */
  getStrings(name: string): readonly string[] | undefined {
    const value = this.properties.get(name);
    if (value === undefined || value.length === 0 || value[value.length - 1] !== 0) {
      return undefined;
    }
    return new TextDecoder().decode(value.subarray(0, -1)).split("\0");
  }
}

/** Physical memory that the guest must leave alone. Bytes. */
export interface FdtReservation {
  /** Guest-physical address. */
  readonly address: bigint;
  /** Bytes. */
  readonly size: bigint;
}

/** A whole device tree. */
export class Fdt {
  /** The root node. */
  readonly root: FdtNode = new FdtNode("");
  /** Memory that is not to be used. */
  readonly reservations: FdtReservation[] = [];
  /** Physical id of the vCPU that boots. */
  bootCpu = 0;
  #phandle = 0;

  /** The node's phandle, given on the first call: 1, 2, ... */
  phandle(node: FdtNode): number {
    const known = node.getCells("phandle")?.[0];
    if (known !== undefined) return known;
    this.#phandle++;
    node.cells("phandle", this.#phandle);
    return this.#phandle;
  }

  /** The tree as a guest reads it (a DTB). */
  toBytes(): Uint8Array<ArrayBuffer> {
    const strings = new StringTable();
    const structure = new CellWriter();
    writeNode(this.root, structure, strings);
    structure.u32(END);
    const reserved = (this.reservations.length + 1) * 16;
    const structureAt = HEADER_BYTES + reserved;
    const stringsAt = structureAt + structure.length;
    const text = strings.toBytes();
    const out = new CellWriter();
    for (
      const field of [
        MAGIC,
        stringsAt + text.length,
        structureAt,
        stringsAt,
        HEADER_BYTES,
        VERSION,
        LAST_COMPATIBLE,
        this.bootCpu,
        text.length,
        structure.length,
      ]
    ) out.u32(field);
    for (const { address, size } of [...this.reservations, { address: 0n, size: 0n }]) {
      out.u64(address);
      out.u64(size);
    }
    out.raw(structure.toBytes());
    out.raw(text);
    return out.toBytes();
  }

  /** Reads a DTB. Throws a BootError that says what is wrong with it. */
  static parse(bytes: Uint8Array): Fdt {
    const fdt = new Fdt();
    new FdtReader(bytes).read(fdt);
    return fdt;
  }
}

function writeNode(node: FdtNode, out: CellWriter, strings: StringTable): void {
  out.u32(BEGIN_NODE);
  out.padded(new TextEncoder().encode(`${node.name}\0`));
  for (const [name, value] of node.properties) {
    out.u32(PROP);
    out.u32(value.length);
    out.u32(strings.offset(name));
    out.padded(value);
  }
  for (const child of node.children) writeNode(child, out, strings);
  out.u32(END_NODE);
}

/** Big-endian bytes that grow. */
class CellWriter {
  #bytes = new Uint8Array(4096);
  length = 0;

  u32(value: number): void {
    new DataView(this.#reserve(4).buffer).setUint32(this.length, value);
    this.length += 4;
  }

  u64(value: bigint): void {
    new DataView(this.#reserve(8).buffer).setBigUint64(this.length, value);
    this.length += 8;
  }

  raw(bytes: Uint8Array): void {
    this.#reserve(bytes.length).set(bytes, this.length);
    this.length += bytes.length;
  }

  /** Bytes and zeroes up to a cell's boundary. */
  padded(bytes: Uint8Array): void {
    this.raw(bytes);
    this.raw(new Uint8Array(-bytes.length & 3));
  }

  toBytes(): Uint8Array<ArrayBuffer> {
    return this.#bytes.slice(0, this.length);
  }

  #reserve(count: number): Uint8Array<ArrayBuffer> {
    if (this.length + count > this.#bytes.length) {
      const larger = new Uint8Array((this.length + count) * 2);
      larger.set(this.#bytes);
      this.#bytes = larger;
    }
    return this.#bytes;
  }
}

/** Property names, each once. */
class StringTable {
  readonly #offsets = new Map<string, number>();
  readonly #out = new CellWriter();

  offset(name: string): number {
    const known = this.#offsets.get(name);
    if (known !== undefined) return known;
    const offset = this.#out.length;
    this.#offsets.set(name, offset);
    this.#out.raw(new TextEncoder().encode(`${name}\0`));
    return offset;
  }

  toBytes(): Uint8Array<ArrayBuffer> {
    return this.#out.toBytes();
  }
}

/** Reads a DTB that may be wrong in any way. */
class FdtReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #at = 0;
  #stringsAt = 0;
  #limit = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#limit = bytes.length;
  }

  read(fdt: Fdt): void {
    if (this.#bytes.length < HEADER_BYTES || this.#view.getUint32(0) !== MAGIC) {
      throw bad("it does not begin with the magic number 0xd00dfeed");
    }
    const header = (index: number): number => this.#view.getUint32(index * 4);
    const total = header(1);
    if (total > this.#bytes.length) {
      throw new BootError(
        "truncated",
        `device tree: the header says ${total} bytes, there are ${this.#bytes.length}; get the file again`,
      );
    }
    this.#limit = total;
    if (header(6) > VERSION || header(5) < LAST_COMPATIBLE) {
      throw bad(`version ${header(5)} is not supported (16 and 17 are)`);
    }
    this.#stringsAt = header(3);
    fdt.bootCpu = header(7);
    this.#reservations(fdt, header(4));
    this.#at = header(2);
    this.#skipNops();
    if (this.#u32() !== BEGIN_NODE) throw bad("the structure block does not begin with a node");
    if (this.#name() !== "") throw bad("the root node has a name");
    this.#node(fdt.root, 0);
    this.#skipNops();
    if (this.#u32() !== END) throw bad("the structure block does not end after the root node");
  }

  #reservations(fdt: Fdt, offset: number): void {
    for (let at = offset;; at += 16) {
      if (at + 16 > this.#limit) throw bad("the memory reservations have no end");
      const address = this.#view.getBigUint64(at);
      const size = this.#view.getBigUint64(at + 8);
      if (address === 0n && size === 0n) return;
      fdt.reservations.push({ address, size });
    }
  }

  #node(node: FdtNode, depth: number): void {
    if (depth > MAX_DEPTH) throw bad(`nodes are nested more than ${MAX_DEPTH} deep`);
    for (;;) {
      const token = this.#u32();
      if (token === END_NODE) return;
      if (token === BEGIN_NODE) this.#node(node.node(this.#name()), depth + 1);
      else if (token === PROP) this.#property(node);
      else if (token !== NOP) throw bad(`unknown token ${token}`);
    }
  }

  #property(node: FdtNode): void {
    const length = this.#u32();
    const name = this.#stringAt(this.#stringsAt + this.#u32()).text;
    if (length > this.#limit - this.#at) throw bad(`property "${name}" is cut off`);
    node.bytes(name, this.#bytes.subarray(this.#at, this.#at + length));
    this.#at += (length + 3) & ~3;
  }

  #skipNops(): void {
    while (this.#at + 4 <= this.#limit && this.#view.getUint32(this.#at) === NOP) this.#at += 4;
  }

  #u32(): number {
    if (this.#at + 4 > this.#limit) throw bad("the structure block is cut off");
    this.#at += 4;
    return this.#view.getUint32(this.#at - 4);
  }

  #name(): string {
    const { text, bytes } = this.#stringAt(this.#at);
    this.#at += (bytes + 4) & ~3;
    return text;
  }

  #stringAt(offset: number): { text: string; bytes: number } {
    const end = offset < this.#limit ? this.#bytes.indexOf(0, offset) : -1;
    if (end < 0 || end >= this.#limit) throw bad("a name has no end");
    return { text: new TextDecoder().decode(this.#bytes.slice(offset, end)), bytes: end - offset };
  }
}

function bad(what: string): BootError {
  return new BootError("bad-device-tree", `device tree: ${what}; compile it again with dtc`);
}
