/**
 * Virtio block device (virtio 1.2, section 5.2) with one queue over a {@linkcode BlockFile}.
 *
 * Requests run side by side, at most {@linkcode MAX_REQUESTS} at a time, each in pieces of
 * {@linkcode PIECE} bytes, so that no request makes the host hold more. Discarded sectors keep their
 * content: the back end has no holes to make.
 */
import type { BlockFile } from "../../platform/platform.ts";
import { StateReader } from "../device_state.ts";
import type { DeviceState } from "../vbus/device.ts";
import type { DescriptorChain } from "../virtio/chain.ts";
import {
  featureMask,
  type VirtioDevice,
  VirtioId,
  type VirtioTransport,
} from "../virtio/device.ts";
import {
  BlockFeature,
  Config,
  HEADER_BYTES,
  ID_BYTES,
  RequestStatus,
  RequestType,
  SECTOR,
  SEGMENT_BYTES,
  SEGMENT_UNMAP,
} from "./layout.ts";

/** Requests that are worked on at a time; further ones wait in the ring. */
export const MAX_REQUESTS = 16;
/** Bytes that one request moves at a time. */
export const PIECE: number = 256 * 1024;

/** Most sectors and segments in one request to discard or zero. */
const MAX_ZERO_SECTORS = 0x10000;
const MAX_SEGMENTS = 16;

/** Options of a {@linkcode VirtioBlock}. */
export interface VirtioBlockOptions {
  /** For people. @default "virtio-block" */
  readonly name?: string;
  /** Answer to "get id": at most 20 bytes of it are used. @default "" */
  readonly serial?: string;
  /** Refuse writes even if the file could take them. @default false */
  readonly readOnly?: boolean;
  /** Requests in the ring, a power of two. @default 256 */
  readonly queueSize?: number;
  /** Logical block size in bytes: a power of two from 512. @default 512 */
  readonly blockSize?: number;
  /** Hears of failures of the file. */
  readonly onError?: (error: unknown) => void;
}

/** Counters since the device was made. */
export interface VirtioBlockStatistics {
  /** Requests to read. */
  reads: number;
  /** Requests to write. */
  writes: number;
  /** Requests to flush. */
  flushes: number;
  /** Bytes read from the file. */
  bytesRead: number;
  /** Bytes written to the file, zeroes among them. */
  bytesWritten: number;
  /** Requests that ended with another status than "ok". */
  errors: number;
  /** Requests whose driver had reset the device before they ended. */
  dropped: number;
}

/** The disk. */
export class VirtioBlock implements VirtioDevice {
  readonly name: string;
  readonly id: number = VirtioId.block;
  readonly features: bigint;
  readonly queueSizes: readonly number[];
  readonly config: Uint8Array = new Uint8Array(Config.bytes);
  /** What has happened so far. */
  readonly statistics: VirtioBlockStatistics = {
    reads: 0,
    writes: 0,
    flushes: 0,
    bytesRead: 0,
    bytesWritten: 0,
    errors: 0,
    dropped: 0,
  };
  readonly #file: BlockFile;
  readonly #readOnly: boolean;
  readonly #serial: Uint8Array;
  readonly #onError: (error: unknown) => void;
  readonly #view: DataView = new DataView(this.config.buffer);
  readonly #header = new Uint8Array(HEADER_BYTES);
  #transport: VirtioTransport | undefined;
  /** Requests of this life of the queue. */
  readonly #requests = new Set<DescriptorChain>();
  /** Requests that run, also those of earlier lives. */
  #running = 0;
  #shut = false;
  /** Requests that may begin before the host gets its turn: a guest on another thread could go on for ever. */
  #budget = 0;
  #deferred = false;
  #settled: (() => void)[] = [];
  /** Buffers of PIECE bytes that no request uses now. */
  readonly #buffers: Uint8Array[] = [];

  /** The device reads and writes `file` but does not close it. */
  constructor(file: BlockFile, options: VirtioBlockOptions = {}) {
    const { name = "virtio-block", serial = "", queueSize = 256, blockSize = SECTOR } = options;
    this.name = name;
    this.#file = file;
    this.#readOnly = file.readOnly || (options.readOnly ?? false);
    this.#serial = Uint8Array.from(serial.slice(0, ID_BYTES), (c) => c.charCodeAt(0) & 0x7f);
    this.#onError = options.onError ?? (() => {});
    this.queueSizes = [queueSize];
    const { SEG_MAX, RO, BLK_SIZE, FLUSH, TOPOLOGY, DISCARD, WRITE_ZEROES } = BlockFeature;
    this.features = featureMask(SEG_MAX, BLK_SIZE, FLUSH, TOPOLOGY) |
      (this.#readOnly ? featureMask(RO) : featureMask(DISCARD, WRITE_ZEROES));
    this.#describe(queueSize, blockSize);
  }

  /** Sectors of 512 bytes. */
  get capacity(): number {
    return Math.floor(this.#file.size / SECTOR);
  }

  /** Requests that run now. */
  get pending(): number {
    return this.#running;
  }

  /** Resolves when no request runs. */
  settled(): Promise<void> {
    if (this.#running === 0) return Promise.resolve();
    return new Promise((resolve) => this.#settled.push(resolve));
  }

  /** Tells the driver that the file has another size now. */
  resized(): void {
    this.#view.setBigUint64(Config.capacity, BigInt(this.capacity), true);
    this.#transport?.configChanged();
  }

  attach(transport: VirtioTransport): void {
    this.#transport = transport;
  }

  writeConfig(): void {
    // Nothing is writable: the write cache is always on, and CONFIG_WCE is not offered.
  }

  activate(): void {
    this.notify();
  }

  notify(): void {
    this.#budget = this.queueSizes[0];
    this.#pump();
  }

  reset(): void {
    this.#requests.clear();
    this.#deferred = false;
  }

  /** Requests that run go on: the owner of the file waits for `settled` and closes it. */
  shutdown(): void {
    this.#shut = true;
  }

  /** Requests that run are saved by their head and begin anew after `restore`. */
  state(): DeviceState {
    return { requests: Array.from(this.#requests, (chain) => chain.head) };
  }

  restore(state: DeviceState): void {
    const heads = new StateReader(state, this.name).integers("requests", MAX_REQUESTS, 0xffff);
    const queue = this.#transport?.queue(0);
    for (const head of heads) {
      const chain = queue?.retake(head);
      if (chain !== undefined) this.#begin(chain);
    }
    this.notify();
  }

  #describe(queueSize: number, blockSize: number): void {
    const view = this.#view;
    view.setBigUint64(Config.capacity, BigInt(this.capacity), true);
    // Header and status take two descriptors.
    view.setUint32(Config.segMax, Math.max(1, queueSize - 2), true);
    view.setUint32(Config.blockSize, blockSize, true);
    view.setUint16(Config.minimumIo, 1, true);
    if (this.#readOnly) return;
    view.setUint32(Config.maxDiscardSectors, MAX_ZERO_SECTORS, true);
    view.setUint32(Config.maxDiscardSegments, MAX_SEGMENTS, true);
    view.setUint32(Config.discardAlignment, blockSize / SECTOR, true);
    view.setUint32(Config.maxZeroesSectors, MAX_ZERO_SECTORS, true);
    view.setUint32(Config.maxZeroesSegments, MAX_SEGMENTS, true);
  }

  /** Takes requests while there is room. */
  #pump(): void {
    const transport = this.#transport;
    if (transport === undefined || !transport.active || this.#shut) return;
    const queue = transport.queue(0);
    while (this.#running < MAX_REQUESTS && this.#budget > 0) {
      const chain = queue.pop();
      if (chain === undefined) return;
      this.#budget--;
      this.#begin(chain);
    }
    if (this.#budget > 0 || this.#deferred) return;
    this.#deferred = true;
    transport.later(() => {
      this.#deferred = false;
      this.notify();
    });
  }

  #begin(chain: DescriptorChain): void {
    const transport = this.#transport as VirtioTransport;
    if (chain.readableBytes < HEADER_BYTES || chain.writableBytes < 1) {
      transport.fail("a request without header or status");
      return;
    }
    chain.read(transport.memory, 0, this.#header);
    const view = new DataView(this.#header.buffer);
    const type = view.getUint32(0, true);
    const sector = view.getUint32(8, true) + view.getUint32(12, true) * 0x1_0000_0000;
    this.#requests.add(chain);
    this.#running++;
    void this.#run(chain, type, sector);
  }

  async #run(chain: DescriptorChain, type: number, sector: number): Promise<void> {
    const request = new Request(chain, this.#transport as VirtioTransport);
    let status: RequestStatus;
    try {
      status = await this.#perform(request, type, sector);
    } catch (error) {
      status = RequestStatus.ioError;
      this.#onError(error);
    }
    if (request.buffer !== undefined) this.#buffers.push(request.buffer);
    this.#running--;
    this.#requests.delete(chain);
    if (request.stale) {
      this.statistics.dropped++;
    } else {
      if (status !== RequestStatus.ok) this.statistics.errors++;
      request.finish(status);
    }
    this.#pump();
    if (this.#running === 0) {
      for (const resolve of this.#settled.splice(0)) resolve();
    }
  }

  #perform(
    request: Request,
    type: number,
    sector: number,
  ): RequestStatus | Promise<RequestStatus> {
    switch (type) {
      case RequestType.in:
        return this.#read(request, sector);
      case RequestType.out:
        return this.#write(request, sector);
      case RequestType.flush:
        return this.#flush();
      case RequestType.getId: {
        const id = new Uint8Array(Math.min(ID_BYTES, request.room));
        id.set(this.#serial.subarray(0, id.length));
        request.put(id);
        return RequestStatus.ok;
      }
      case RequestType.discard:
        return this.#zero(request, false);
      case RequestType.writeZeroes:
        return this.#zero(request, true);
      default:
        return RequestStatus.unsupported;
    }
  }

  #inRange(sector: number, bytes: number): boolean {
    const { capacity } = this;
    return bytes % SECTOR === 0 && sector <= capacity && bytes / SECTOR <= capacity - sector;
  }

  async #read(request: Request, sector: number): Promise<RequestStatus> {
    const bytes = request.room;
    if (!this.#inRange(sector, bytes)) return RequestStatus.ioError;
    this.statistics.reads++;
    const buffer = this.#buffer(request);
    for (let at = 0; at < bytes && !request.stale; at += PIECE) {
      const piece = buffer.subarray(0, Math.min(PIECE, bytes - at));
      await this.#file.read(sector * SECTOR + at, piece);
      if (!request.stale) request.put(piece);
      this.statistics.bytesRead += piece.length;
    }
    return RequestStatus.ok;
  }

  async #write(request: Request, sector: number): Promise<RequestStatus> {
    const bytes = request.given;
    if (this.#readOnly || !this.#inRange(sector, bytes)) return RequestStatus.ioError;
    this.statistics.writes++;
    const buffer = this.#buffer(request);
    for (let at = 0; at < bytes && !request.stale; at += PIECE) {
      const piece = buffer.subarray(0, Math.min(PIECE, bytes - at));
      request.get(at, piece);
      await this.#file.write(sector * SECTOR + at, piece);
      this.statistics.bytesWritten += piece.length;
    }
    return RequestStatus.ok;
  }

  async #flush(): Promise<RequestStatus> {
    this.statistics.flushes++;
    if (!this.#readOnly) await this.#file.flush();
    return RequestStatus.ok;
  }

  /** Discards or zeroes a list of segments; all are checked before the first is touched. */
  async #zero(request: Request, zero: boolean): Promise<RequestStatus> {
    const { given } = request;
    if (this.#readOnly) return RequestStatus.ioError;
    if (given === 0 || given % SEGMENT_BYTES !== 0 || given > MAX_SEGMENTS * SEGMENT_BYTES) {
      return RequestStatus.ioError;
    }
    const list = new Uint8Array(given);
    request.get(0, list);
    const view = new DataView(list.buffer);
    const segments: { sector: number; sectors: number }[] = [];
    for (let at = 0; at < given; at += SEGMENT_BYTES) {
      const sector = view.getUint32(at, true) + view.getUint32(at + 4, true) * 0x1_0000_0000;
      const sectors = view.getUint32(at + 8, true);
      const flags = view.getUint32(at + 12, true);
      if ((flags & ~(zero ? SEGMENT_UNMAP : 0)) !== 0) return RequestStatus.unsupported;
      if (sectors > MAX_ZERO_SECTORS || !this.#inRange(sector, sectors * SECTOR)) {
        return RequestStatus.ioError;
      }
      segments.push({ sector, sectors });
    }
    if (!zero) return RequestStatus.ok;
    const buffer = this.#buffer(request).fill(0);
    for (const { sector, sectors } of segments) {
      for (let at = 0; at < sectors * SECTOR && !request.stale; at += PIECE) {
        const piece = buffer.subarray(0, Math.min(PIECE, sectors * SECTOR - at));
        await this.#file.write(sector * SECTOR + at, piece);
        this.statistics.bytesWritten += piece.length;
      }
    }
    return RequestStatus.ok;
  }

  #buffer(request: Request): Uint8Array {
    request.buffer = this.#buffers.pop() ?? new Uint8Array(PIECE);
    return request.buffer;
  }
}

/** One request: its data between header and status. */
class Request {
  /** Bytes for the device to write, and to read. */
  readonly room: number;
  readonly given: number;
  buffer: Uint8Array | undefined;
  readonly #chain: DescriptorChain;
  readonly #transport: VirtioTransport;
  #written = 0;

  constructor(chain: DescriptorChain, transport: VirtioTransport) {
    this.#chain = chain;
    this.#transport = transport;
    this.room = chain.writableBytes - 1;
    this.given = chain.readableBytes - HEADER_BYTES;
  }

  /** Whether the driver took the queue away: guest memory must not be touched any more. */
  get stale(): boolean {
    const queue = this.#transport.queue(0);
    return !queue.ready || this.#chain.epoch !== queue.epoch;
  }

  /** Copies from byte `at` of what the driver gave. */
  get(at: number, into: Uint8Array): void {
    this.#chain.read(this.#transport.memory, HEADER_BYTES + at, into);
  }

  /** Appends to what the driver gets. */
  put(bytes: Uint8Array): void {
    this.#written += this.#chain.write(this.#transport.memory, this.#written, bytes);
  }

  /**
   * Writes the status and returns the chain. The used length counts bytes from the start only, so
   * the status is in it when all before it was written.
   */
  finish(status: RequestStatus): void {
    const { memory } = this.#transport;
    const queue = this.#transport.queue(0);
    this.#chain.write(memory, this.room, Uint8Array.of(status));
    queue.push(this.#chain, this.#written === this.room ? this.room + 1 : this.#written);
    queue.signal();
  }
}
