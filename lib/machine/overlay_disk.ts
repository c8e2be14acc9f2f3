/** Disks whose writes go somewhere else. */
import { ConfigError } from "../config/config_error.ts";
import type { BlockConfig, DeviceConfig } from "../config/device_config.ts";
import type { BlockFile } from "../platform/platform.ts";
import { MemoryDisk } from "./disk.ts";
import {
  CLUSTER,
  FileStore,
  MemoryStore,
  OverlayError,
  type OverlayStore,
} from "./overlay_store.ts";

/** Bytes that an overlay in memory holds if nothing else is said: 1 GiB. */
export const MEMORY_OVERLAY_BYTES: number = 2 ** 30;

/**
 * A disk over another one, which is never written: what changes is kept in memory or in a file.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { MemoryDisk, OverlayDisk } from "@vml/vml";
 *
 * const base = new MemoryDisk(new Uint8Array(65536), true);
 * const disk = OverlayDisk.inMemory(base);
 * await disk.write(512, Uint8Array.of(1, 2, 3));
 * const bytes = new Uint8Array(3);
 * await disk.read(512, bytes);
 * assert.deepEqual([...bytes], [1, 2, 3]);
 * await base.read(512, bytes);
 * assert.deepEqual([...bytes], [0, 0, 0]);
 * ```
 */
export class OverlayDisk implements BlockFile {
  readonly size: number;
  readonly readOnly = false;
  readonly #base: BlockFile;
  readonly #store: OverlayStore;
  /** Ends when the last write that adds clusters has ended. */
  #adding: Promise<void> = Promise.resolve();

  private constructor(base: BlockFile, store: OverlayStore) {
    this.#base = base;
    this.#store = store;
    this.size = base.size;
  }

  /** Changes are in memory and lost at the end; writes fail when `limit` bytes have changed. */
  static inMemory(base: BlockFile, limit: number = MEMORY_OVERLAY_BYTES): OverlayDisk {
    return new OverlayDisk(base, new MemoryStore(limit));
  }

  /**
   * Changes are in `file`, which has {@linkcode overlayFileSize} bytes: those of an earlier time, or
   * all zero for a new one. Base and file are closed with the disk.
   * @throws {OverlayError} (rejects) if the file is no overlay, or that of a disk of another size.
   */
  static async inFile(base: BlockFile, file: BlockFile): Promise<OverlayDisk> {
    return new OverlayDisk(base, await FileStore.open(file, base.size));
  }

  /** Reads each part from where it is. */
  async read(offset: number, into: Uint8Array): Promise<void> {
    const reads: Promise<void>[] = [];
    for (let at = 0; at < into.length;) {
      const changed = this.#store.has(clusterOf(offset + at));
      let end = at;
      while (end < into.length && this.#store.has(clusterOf(offset + end)) === changed) {
        end = Math.min(into.length, (clusterOf(offset + end) + 1) * CLUSTER - offset);
      }
      const part = into.subarray(at, end);
      reads.push(
        changed ? this.#store.read(offset + at, part) : this.#base.read(offset + at, part),
      );
      at = end;
    }
    await Promise.all(reads);
  }

  /** Writes; rejects with a RangeError past the end, with an Error if there is no room. */
  async write(offset: number, from: Uint8Array): Promise<void> {
    if (!Number.isSafeInteger(offset) || offset < 0 || offset + from.length > this.size) {
      throw new RangeError(`write of ${from.length} bytes at ${offset} passes the end of the disk`);
    }
    if (from.length === 0) return;
    if (this.#allChanged(offset, from.length)) {
      await this.#store.write(offset, from);
      return;
    }
    // One at a time: a cluster that two writes add would lose what one of them wrote.
    const add = this.#adding.then(() => this.#add(offset, from));
    this.#adding = add.catch(() => {});
    await add;
  }

  /** Resolves when all earlier writes are on stable storage. */
  async flush(): Promise<void> {
    await this.#adding;
    await this.#store.flush();
  }

  /** Keeps what was written, and closes the disk below and the overlay file. */
  async close(): Promise<void> {
    await this.#adding;
    try {
      await this.#store.close();
    } finally {
      await this.#base.close();
    }
  }

  /** Writes data together with the rest of the clusters at both ends, then says that they are there. */
  async #add(offset: number, from: Uint8Array): Promise<void> {
    const first = clusterOf(offset);
    const end = offset + from.length;
    const last = clusterOf(end - 1);
    let missing = 0;
    for (let cluster = first; cluster <= last; cluster++) {
      if (!this.#store.has(cluster)) missing++;
    }
    this.#store.reserve(missing);
    if (!this.#store.has(first)) await this.#copy(first * CLUSTER, offset);
    if (!this.#store.has(last)) {
      await this.#copy(end, Math.min((last + 1) * CLUSTER, this.size));
    }
    await this.#store.write(offset, from);
    this.#store.add(first, last);
  }

  /** Copies bytes from the base to the store. */
  async #copy(start: number, end: number): Promise<void> {
    if (start >= end) return;
    const bytes = new Uint8Array(end - start);
    await this.#base.read(start, bytes);
    await this.#store.write(start, bytes);
  }

  #allChanged(offset: number, length: number): boolean {
    const last = clusterOf(offset + length - 1);
    for (let cluster = clusterOf(offset); cluster <= last; cluster++) {
      if (!this.#store.has(cluster)) return false;
    }
    return true;
  }
}

function clusterOf(offset: number): number {
  return Math.floor(offset / CLUSTER);
}

/**
 * The devices with each disk that has an overlay put together with it. The disks are the caller's to
 * flush; files stay open.
 * @throws {ConfigError} (rejects) if an overlay does not fit its disk, or a file is not open.
 */
export async function openOverlays(
  devices: readonly DeviceConfig[],
): Promise<{ devices: readonly DeviceConfig[]; overlays: readonly OverlayDisk[] }> {
  const overlays: OverlayDisk[] = [];
  const opened: DeviceConfig[] = [];
  for (const [i, device] of devices.entries()) {
    if (device.type !== "virtio-block" || device.overlay === undefined) {
      opened.push(device);
      continue;
    }
    const { overlay, ...rest } = device;
    const disk = await openOverlay(rest.file, overlay, `devices[${i}]`);
    overlays.push(disk);
    opened.push({ ...rest, file: disk });
  }
  return { devices: opened, overlays };
}

async function openOverlay(
  file: BlockConfig["file"],
  overlay: BlockFile | string,
  path: string,
): Promise<OverlayDisk> {
  if (typeof file === "string") throw notOpen(`${path}.file`, file);
  const base = file instanceof Uint8Array ? new MemoryDisk(file, true) : file;
  if (overlay === "memory") return OverlayDisk.inMemory(base);
  if (typeof overlay === "string") throw notOpen(`${path}.overlay`, overlay);
  try {
    return await OverlayDisk.inFile(base, overlay);
  } catch (error) {
    if (error instanceof OverlayError) {
      throw new ConfigError("conflict", `${path}.overlay`, error.message);
    }
    throw error;
  }
}

function notOpen(path: string, file: string): ConfigError {
  return new ConfigError(
    "wrong-type",
    path,
    `"${file}" is the name of a file; open it first (openBlockFile of a platform)`,
  );
}
