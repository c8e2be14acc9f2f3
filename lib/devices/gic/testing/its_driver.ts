/** What a guest does to use LPIs and the ITS of a test board: tables in RAM, registers, commands. */
import assert from "node:assert/strict";
import { GicV3Its } from "../gicv3_its.ts";
import { RAM, TestBoard, type TestBoardOptions } from "./board.ts";

/** Offset of the ITS from the distributor. */
export const GITS = 0x8_0000;

const PROPERTY_TABLE = RAM;
const PENDING_TABLES = RAM + 0x1_0000;
const COLLECTIONS = RAM + 0x6_0000;
const QUEUE = RAM + 0x7_0000;
const QUEUE_BYTES = 0x1_0000;
const DEVICES = RAM + 0x8_0000;
const ITTS = RAM + 0xa_0000;
const VALID = 0x8000_0000;

/** A guest's driver. At most four vCPUs; device ids below 16 have an ITT each, of 1024 events. */
export class ItsDriver {
  readonly board: TestBoard;
  #writer = 0;

  /** LPIs enabled at every vCPU, collection n mapped to vCPU n. */
  constructor(options: TestBoardOptions = {}) {
    this.board = new TestBoard(3, { ...options, its: true }).start();
    for (let cpu = 0; cpu < this.board.cpus; cpu++) this.enableLpis(cpu);
    // Devices: two pages of 4 KiB. Collections: one.
    this.write64(GITS + 0x100, DEVICES + 1, VALID);
    this.write64(GITS + 0x108, COLLECTIONS, VALID);
    this.write64(GITS + 0x80, QUEUE + QUEUE_BYTES / 4096 - 1, VALID);
    this.board.write(GITS, 1);
    for (let cpu = 0; cpu < this.board.cpus; cpu++) this.mapCollection(cpu, cpu);
    this.board.turn();
  }

  /** GICR_PROPBASER, GICR_PENDBASER and GICR_CTLR of a vCPU. */
  enableLpis(cpu: number, idBits = 16): void {
    const redistributor = this.board.redistributor(cpu);
    this.write64(redistributor + 0x70, PROPERTY_TABLE + idBits - 1);
    this.write64(redistributor + 0x78, this.pendingTable(cpu));
    this.board.write(redistributor, 1);
  }

  pendingTable(cpu: number): number {
    return PENDING_TABLES + cpu * 0x1_0000;
  }

  /** The bit of an LPI in the pending table in RAM. */
  pendingBit(cpu: number, intid: number): boolean {
    const byte = this.board.ram.bytes[this.pendingTable(cpu) - RAM + (intid >> 3)];
    return ((byte >> (intid & 7)) & 1) !== 0;
  }

  /** Writes an LPI's configuration byte; the GIC is not told. */
  configure(intid: number, priority: number, enabled = true): void {
    this.board.ram.bytes[PROPERTY_TABLE - RAM + intid - 8192] = priority | (enabled ? 1 : 0);
  }

  write64(address: number, low: number, high = 0): void {
    this.board.bus.write(address, 8, low, high);
  }

  /** Puts a command into the queue, and tells the ITS unless `post` is false. */
  command(words: readonly number[], post = true): void {
    for (let i = 0; i < 8; i++) this.board.ram.write32(QUEUE + this.#writer + 4 * i, words[i] ?? 0);
    this.#writer = (this.#writer + 32) % QUEUE_BYTES;
    if (post) this.post();
  }

  post(): void {
    this.write64(GITS + 0x88, this.#writer);
  }

  /** GITS_CREADR. */
  get reader(): number {
    return this.board.read(GITS + 0x90);
  }

  /** GITS_CWRITER as the driver writes it. */
  get writer(): number {
    return this.#writer;
  }

  mapDevice(device: number, options: { bits?: number; itt?: number; valid?: boolean } = {}): void {
    const { bits = 5, itt = ITTS + (device & 15) * 0x2000, valid = true } = options;
    this.command([0x08, device, bits - 1, 0, itt, valid ? VALID : 0]);
  }

  mapCollection(icid: number, cpu: number, valid = true): void {
    this.command([0x09, 0, 0, 0, ((cpu << 16) | icid) >>> 0, (valid ? VALID : 0) | (cpu >>> 16)]);
  }

  /** MAPTI. */
  mapEvent(device: number, event: number, intid: number, icid: number): void {
    this.command([0x0a, device, event, intid, icid]);
  }

  mapSame(device: number, event: number, icid: number): void {
    this.command([0x0b, device, event, 0, icid]);
  }

  /** MOVI. */
  moveEvent(device: number, event: number, icid: number): void {
    this.command([0x01, device, event, 0, icid]);
  }

  moveAll(from: number, to: number): void {
    this.command([0x0e, 0, 0, 0, from << 16, 0, to << 16, 0]);
  }

  int(device: number, event: number): void {
    this.command([0x03, device, event]);
  }

  clear(device: number, event: number): void {
    this.command([0x04, device, event]);
  }

  discard(device: number, event: number): void {
    this.command([0x0f, device, event]);
  }

  invalidate(device: number, event: number): void {
    this.command([0x0c, device, event]);
  }

  invalidateAll(icid: number): void {
    this.command([0x0d, 0, 0, 0, icid]);
  }

  /** Takes and ends what is signalled to a vCPU, in order. */
  drain(cpu: number): number[] {
    const taken: number[] = [];
    while (this.board.irq[cpu]) {
      const intid = this.board.acknowledge(cpu);
      this.board.end(intid, cpu);
      taken.push(intid);
    }
    return taken;
  }
}

/** The ITS of the driver's board. */
export function itsOf(driver: ItsDriver): GicV3Its {
  const { msi } = driver.board.gic;
  assert.ok(msi instanceof GicV3Its);
  return msi;
}

/** Wrong commands and messages so far, and since the last call. */
export function drops(driver: ItsDriver): () => number {
  let before = itsOf(driver).dropped;
  return () => {
    const since = itsOf(driver).dropped - before;
    before += since;
    return since;
  };
}

/** Device 1 with 32 events; LPIs enabled in the property table. */
export function start(cpus = 2): ItsDriver {
  const driver = new ItsDriver({ cpus });
  driver.mapDevice(1);
  for (let intid = 8192; intid < 8300; intid++) driver.configure(intid, 0xa0);
  return driver;
}
