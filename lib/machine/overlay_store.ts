/** Where the changes of a disk with an overlay are kept: in memory or in a file. */
import type { BlockFile } from "../platform/platform.ts";

/** Bytes of a cluster: the unit in which changed parts of a disk are told from unchanged ones. */
export const CLUSTER = 16384;

/** Contents of some clusters, at the positions that they have on the disk. */
export interface OverlayStore {
  /** Whether the cluster is here. */
  has(cluster: number): boolean;
  /** Reads from clusters that are here. */
  read(offset: number, into: Uint8Array): Promise<void>;
  /** Writes to clusters that are here, or that are added next. */
  write(offset: number, from: Uint8Array): Promise<void>;
  /** Makes room for so many clusters more. Throws an Error if there is none. */
  reserve(clusters: number): void;
  /** Clusters first to last, whose content has been written, are here from now on. */
  add(first: number, last: number): void;
  /** Resolves when all that was added and written is on stable storage. */
  flush(): Promise<void>;
  close(): Promise<void>;
}

/** Changes in memory, up to a bound. */
export class MemoryStore implements OverlayStore {
  readonly #clusters = new Map<number, Uint8Array>();
  readonly #present = new Set<number>();
  readonly #limit: number;

  /** @param limit bytes, rounded up to whole clusters. */
  constructor(limit: number) {
    this.#limit = Math.ceil(limit / CLUSTER);
  }

  has(cluster: number): boolean {
    return this.#present.has(cluster);
  }

  read(offset: number, into: Uint8Array): Promise<void> {
    this.#each(offset, into, (bytes, part) => part.set(bytes));
    return Promise.resolve();
  }

  write(offset: number, from: Uint8Array): Promise<void> {
    this.#each(offset, from, (bytes, part) => bytes.set(part));
    return Promise.resolve();
  }

  reserve(clusters: number): void {
    if (this.#present.size + clusters > this.#limit) {
      throw new Error(`the overlay in memory is full (${this.#limit * CLUSTER} bytes)`);
    }
  }

  add(first: number, last: number): void {
    for (let cluster = first; cluster <= last; cluster++) this.#present.add(cluster);
  }

  flush(): Promise<void> {
    return Promise.resolve();
  }

  close(): Promise<void> {
    this.#clusters.clear();
    return Promise.resolve();
  }

  #each(
    offset: number,
    all: Uint8Array,
    move: (bytes: Uint8Array, part: Uint8Array) => void,
  ): void {
    for (let at = 0; at < all.length;) {
      const cluster = Math.floor((offset + at) / CLUSTER);
      const start = offset + at - cluster * CLUSTER;
      const part = all.subarray(at, at + CLUSTER - start);
      let bytes = this.#clusters.get(cluster);
      if (bytes === undefined) this.#clusters.set(cluster, bytes = new Uint8Array(CLUSTER));
      move(bytes.subarray(start, start + part.length), part);
      at += part.length;
    }
  }
}

/*
 * An overlay file, all numbers little-endian:
 *   0     "VMLOVRLY", u32 version, u32 bytes of a cluster, u64 bytes of the disk
 *   4096  one bit for each cluster, lowest bit first: it is in this file
 *   then, from a multiple of a cluster on, the disk; what is not in this file is a hole.
 * A bit is written after the data that it speaks of is on stable storage, so that whatever a power
 * cut leaves is a disk as it was at some time after the last flush.
 */
const MAGIC = "VMLOVRLY";
const VERSION = 1;
const MAP_OFFSET = 4096;
/** Bytes of the map that are written at a time. */
const MAP_BLOCK = 4096;

/** An overlay file is none, or belongs to another disk. */
export class OverlayError extends Error {
  /** Always "OverlayError". */
  override readonly name = "OverlayError";
}

/** Bytes that an overlay file for a disk of so many bytes has; most of them are a hole. */
export function overlayFileSize(diskBytes: number): number {
  return dataOffset(diskBytes) + Math.ceil(diskBytes / CLUSTER) * CLUSTER;
}

function mapBytes(diskBytes: number): number {
  const bytes = Math.ceil(Math.ceil(diskBytes / CLUSTER) / 8);
  return Math.ceil(bytes / MAP_BLOCK) * MAP_BLOCK;
}

function dataOffset(diskBytes: number): number {
  return Math.ceil((MAP_OFFSET + mapBytes(diskBytes)) / CLUSTER) * CLUSTER;
}

/** Changes in a file. */
export class FileStore implements OverlayStore {
  readonly #file: BlockFile;
  readonly #map: Uint8Array;
  readonly #dataOffset: number;
  /** Blocks of the map that are not yet written. */
  readonly #dirty = new Set<number>();
  #flushing: Promise<void> = Promise.resolve();

  private constructor(file: BlockFile, map: Uint8Array, diskBytes: number) {
    this.#file = file;
    this.#map = map;
    this.#dataOffset = dataOffset(diskBytes);
  }

  /**
   * Opens an overlay file for a disk of so many bytes; one of zeroes alone is made a new one.
   * @throws {OverlayError} (rejects) if it is no overlay file, or of another disk.
   */
  static async open(file: BlockFile, diskBytes: number): Promise<FileStore> {
    if (file.readOnly) throw new OverlayError("the overlay file is read-only");
    if (file.size < overlayFileSize(diskBytes)) {
      throw new OverlayError("the overlay file is too short for this disk");
    }
    const header = new Uint8Array(32);
    await file.read(0, header);
    const expected = makeHeader(diskBytes);
    if (header.every((byte) => byte === 0)) {
      await file.write(0, expected);
      await file.flush();
    } else if (!header.every((byte, i) => byte === expected[i])) {
      const magic = expected.subarray(0, MAGIC.length).every((byte, i) => byte === header[i]);
      throw new OverlayError(
        magic ? "the overlay belongs to a disk of another size" : "this is no overlay file",
      );
    }
    const map = new Uint8Array(mapBytes(diskBytes));
    await file.read(MAP_OFFSET, map);
    return new FileStore(file, map, diskBytes);
  }

  has(cluster: number): boolean {
    return (this.#map[cluster >>> 3] >>> (cluster & 7) & 1) !== 0;
  }

  read(offset: number, into: Uint8Array): Promise<void> {
    return this.#file.read(this.#dataOffset + offset, into);
  }

  write(offset: number, from: Uint8Array): Promise<void> {
    return this.#file.write(this.#dataOffset + offset, from);
  }

  reserve(): void {
    // The file is as long as it will ever be.
  }

  add(first: number, last: number): void {
    for (let cluster = first; cluster <= last; cluster++) {
      this.#map[cluster >>> 3] |= 1 << (cluster & 7);
      this.#dirty.add(Math.floor((cluster >>> 3) / MAP_BLOCK));
    }
  }

  flush(): Promise<void> {
    // One after the other: an older block of the map must not come after a newer one.
    const flush = this.#flushing.then(() => this.#flush());
    this.#flushing = flush.catch(() => {});
    return flush;
  }

  async close(): Promise<void> {
    await this.flush();
    await this.#file.close();
  }

  async #flush(): Promise<void> {
    const blocks = Array.from(this.#dirty, (block) => ({
      at: block * MAP_BLOCK,
      bytes: this.#map.slice(block * MAP_BLOCK, (block + 1) * MAP_BLOCK),
    }));
    this.#dirty.clear();
    try {
      await this.#file.flush();
      if (blocks.length === 0) return;
      for (const { at, bytes } of blocks) await this.#file.write(MAP_OFFSET + at, bytes);
      await this.#file.flush();
    } catch (error) {
      for (const { at } of blocks) this.#dirty.add(at / MAP_BLOCK);
      throw error;
    }
  }
}

function makeHeader(diskBytes: number): Uint8Array {
  const header = new Uint8Array(32);
  const view = new DataView(header.buffer);
  for (let i = 0; i < MAGIC.length; i++) header[i] = MAGIC.charCodeAt(i);
  view.setUint32(8, VERSION, true);
  view.setUint32(12, CLUSTER, true);
  view.setBigUint64(16, BigInt(diskBytes), true);
  return header;
}
