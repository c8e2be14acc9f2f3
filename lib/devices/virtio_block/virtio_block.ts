/**
 * Virtio block device (virtio 1.2, section 5.2) over a {@linkcode BlockFile}.
 *
 * Requests run side by side, at most {@linkcode MAX_REQUESTS} at a time, each in pieces of
 * {@linkcode PIECE} bytes, so that no request makes the host hold more. A flush covers the writes that
 * had ended when it began. Discarded sectors keep their content: the back end has no holes to make.
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
import { Request } from "./request.ts";

/** Requests that are worked on at a time; further ones wait in the ring. */
export const MAX_REQUESTS = 16;
/** Bytes that one request moves at a time. */
export const PIECE: number = 256 * 1024;

/** Most sectors and segments in one request to discard or zero. */
const MAX_ZERO_SECTORS = 0x10000;
const MAX_SEGMENTS = 16;
/** Longest buffer that a driver should give, in bytes; longer ones work, too. */
const SIZE_MAX = 1 << 20;
/** Most queues. */
const MAX_QUEUES = 64;

/** Options of a {@linkcode VirtioBlock}. */
export interface VirtioBlockOptions {
  /** For people. @default "virtio-block" */
  readonly name?: string;
  /** Answer to "get id": at most 20 bytes of it are used. @default "" */
  readonly serial?: string;
  /** Refuse writes even if the file could take them. @default false */
  readonly readOnly?: boolean;
  /** Requests in each ring, a power of two. @default 256 */
  readonly queueSize?: number;
  /** Request queues, 1..64. @default 1 */
  readonly queues?: number;
  /** Logical block size in bytes: a power of two from 512. @default 512 */
  readonly blockSize?: number;
  /** Hears of failures of the file. */
  readonly onError?: (error: unknown) => void;
  /** Called, perhaps inside guest code, when a request has begun: it may end without the file. */
  readonly onActivity?: () => void;
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
  readonly #onActivity: () => void;
  readonly #view: DataView = new DataView(this.config.buffer);
  readonly #header = new Uint8Array(HEADER_BYTES);
  #transport: VirtioTransport | undefined;
  /** Requests of this life of the device. */
  readonly #requests = new Set<Request>();
  /** Requests of a state that was put back, before they begin anew. */
  readonly #retaken: { queue: number; head: number; chain: DescriptorChain }[] = [];
  /** Requests that run, also those of earlier lives. */
  #running = 0;
  #shut = false;
  /** Requests that may begin before the host gets its turn: a guest on another thread could go on for ever. */
  #budget = 0;
  /** The queue that is looked at first, so that each has its turn. */
  #turn = 0;
  #deferred = false;
  #settled: (() => void)[] = [];
  /** Buffers of PIECE bytes that no request uses now. */
  readonly #buffers: Uint8Array[] = [];

  /** The device reads and writes `file` but does not close it. Throws a RangeError. */
  constructor(file: BlockFile, options: VirtioBlockOptions = {}) {
    const { name = "virtio-block", serial = "", queueSize = 256, queues = 1 } = options;
    if (!Number.isInteger(queues) || queues < 1 || queues > MAX_QUEUES) {
      throw new RangeError(`${queues} queues: a disk has 1 to ${MAX_QUEUES}`);
    }
    this.name = name;
    this.#file = file;
    this.#readOnly = file.readOnly || (options.readOnly ?? false);
    this.#serial = Uint8Array.from(serial.slice(0, ID_BYTES), (c) => c.charCodeAt(0) & 0x7f);
    this.#onError = options.onError ?? (() => {});
    this.#onActivity = options.onActivity ?? (() => {});
    this.queueSizes = new Array<number>(queues).fill(queueSize);
    const { SIZE_MAX, SEG_MAX, RO, BLK_SIZE, FLUSH, TOPOLOGY, CONFIG_WCE, MQ } = BlockFeature;
    const { DISCARD, WRITE_ZEROES } = BlockFeature;
    this.features = featureMask(SIZE_MAX, SEG_MAX, BLK_SIZE, FLUSH, TOPOLOGY) |
      (this.#readOnly ? featureMask(RO) : featureMask(CONFIG_WCE, DISCARD, WRITE_ZEROES)) |
      (queues > 1 ? featureMask(MQ) : 0n);
    this.#describe(queueSize, options.blockSize ?? SECTOR);
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

  /** The driver switches the write cache on and off. */
  writeConfig(offset: number, _size: number, value: number): void {
    if (offset !== Config.writeback || !this.#transport?.has(BlockFeature.CONFIG_WCE)) return;
    this.config[Config.writeback] = (value & 0xff) === 0 ? 0 : 1;
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
    this.#retaken.length = 0;
    this.#deferred = false;
    this.config[Config.writeback] = 1;
  }

  /** Requests that run go on: the owner of the file waits for `settled` and closes it. */
  shutdown(): void {
    this.#shut = true;
  }

  /** Requests that run are saved by queue and head, and begin anew after `restore`. */
  state(): DeviceState {
    const requests = Array.from(this.#requests).filter((request) => !request.stale);
    return {
      writeback: this.config[Config.writeback],
      requests: [...this.#retaken, ...requests].map(({ queue, head }) => [queue, head]),
    };
  }

  restore(state: DeviceState): void {
    const from = new StateReader(state, this.name);
    const writeback = from.integer("writeback", 1);
    const requests = from.array("requests", MAX_REQUESTS).map((request, i) => {
      const list = { request };
      const numbers = new StateReader(list, `${this.name} request ${i}`).integers(
        "request",
        2,
        0xffff,
      );
      if (numbers.length !== 2 || numbers[0] >= this.queueSizes.length) {
        throw new TypeError(`state of ${this.name}: request ${i} is of no queue`);
      }
      return numbers;
    });
    this.config[Config.writeback] = writeback;
    for (const [queue, head] of requests) {
      const chain = this.#transport?.queue(queue).retake(head);
      if (chain !== undefined) this.#retaken.push({ queue, head, chain });
    }
    // The other devices are to have their state, too.
    this.#transport?.later(() => {
      if (this.#shut) return;
      for (const { queue, chain } of this.#retaken.splice(0)) this.#begin(queue, chain);
      this.notify();
    });
  }

  #describe(queueSize: number, blockSize: number): void {
    const view = this.#view;
    view.setBigUint64(Config.capacity, BigInt(this.capacity), true);
    view.setUint32(Config.sizeMax, SIZE_MAX, true);
    view.setUint8(Config.writeback, 1);
    view.setUint16(Config.queues, this.queueSizes.length, true);
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
    while (this.#running < MAX_REQUESTS && this.#budget > 0) {
      const found = this.#next(transport);
      if (found === undefined) return;
      this.#budget--;
      this.#begin(found.queue, found.chain);
    }
    if (this.#budget > 0 || this.#deferred) return;
    this.#deferred = true;
    transport.later(() => {
      this.#deferred = false;
      this.notify();
    });
  }

  /** Takes a request from the queue whose turn it is, or the next one that has any. */
  #next(transport: VirtioTransport): { queue: number; chain: DescriptorChain } | undefined {
    const count = this.queueSizes.length;
    for (let i = 0; i < count; i++) {
      const queue = (this.#turn + i) % count;
      const chain = transport.queue(queue).pop();
      if (chain === undefined) continue;
      this.#turn = (queue + 1) % count;
      return { queue, chain };
    }
    return undefined;
  }

  #begin(queue: number, chain: DescriptorChain): void {
    const transport = this.#transport as VirtioTransport;
    if (chain.readableBytes < HEADER_BYTES || chain.writableBytes < 1) {
      transport.fail("a request without header or status");
      return;
    }
    chain.read(transport.memory, 0, this.#header);
    const view = new DataView(this.#header.buffer);
    const type = view.getUint32(0, true);
    const sector = view.getUint32(8, true) + view.getUint32(12, true) * 0x1_0000_0000;
    const request = new Request(queue, chain, transport);
    if (this.#doNow(request, type, sector)) return;
    this.#requests.add(request);
    this.#running++;
    void this.#run(request, type, sector);
    this.#onActivity();
  }

  /** Reads or writes at once, if the file can: the driver has its answer when it has asked. */
  #doNow(request: Request, type: number, sector: number): boolean {
    const isRead = type === RequestType.in;
    const bytes = isRead ? request.room : request.given;
    const file = this.#file;
    const possible = isRead
      ? file.readNow !== undefined
      : type === RequestType.out && !this.#readOnly && file.writeNow !== undefined &&
        this.#isCached();
    if (!possible || bytes > PIECE || !this.#inRange(sector, bytes)) return false;
    const buffer = this.#buffers.pop() ?? new Uint8Array(PIECE);
    const piece = buffer.subarray(0, bytes);
    let done = false;
    let status: RequestStatus = RequestStatus.ok;
    try {
      if (isRead) done = file.readNow?.(sector * SECTOR, piece) === true;
      else {
        request.get(0, piece);
        done = file.writeNow?.(sector * SECTOR, piece) === true;
      }
    } catch (error) {
      done = true;
      status = RequestStatus.ioError;
      this.statistics.errors++;
      this.#onError(error);
    }
    if (done) {
      if (status !== RequestStatus.ok) {
        // The error is all there is to tell.
      } else if (isRead) {
        this.statistics.reads++;
        this.statistics.bytesRead += bytes;
        request.put(piece);
      } else {
        this.statistics.writes++;
        this.statistics.bytesWritten += bytes;
      }
      request.finish(status);
    }
    this.#buffers.push(buffer);
    return done;
  }

  async #run(request: Request, type: number, sector: number): Promise<void> {
    let status: RequestStatus;
    try {
      status = await this.#perform(request, type, sector);
    } catch (error) {
      status = RequestStatus.ioError;
      this.#onError(error);
    }
    if (request.buffer !== undefined) this.#buffers.push(request.buffer);
    this.#running--;
    this.#requests.delete(request);
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
    await this.#settle();
    return RequestStatus.ok;
  }

  /** Whether what is written may wait for a flush. */
  #isCached(): boolean {
    const transport = this.#transport as VirtioTransport;
    return transport.has(BlockFeature.CONFIG_WCE)
      ? this.config[Config.writeback] === 1
      // A driver that cannot flush must not need to.
      : transport.has(BlockFeature.FLUSH);
  }

  /** Without a write cache nothing is done before it is on stable storage. */
  async #settle(): Promise<void> {
    if (!this.#isCached()) await this.#file.flush();
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
    await this.#settle();
    return RequestStatus.ok;
  }

  #buffer(request: Request): Uint8Array {
    request.buffer = this.#buffers.pop() ?? new Uint8Array(PIECE);
    return request.buffer;
  }
}
