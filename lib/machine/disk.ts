/** Disks as a machine's devices see them: their requests are known to the run loop. */
import type { BlockFile, Clock } from "../platform/platform.ts";

/** Virtual nanoseconds that a request takes. */
const REQUEST_TIME = 100_000;
/** Bytes after which the event loop has its turn, for files that never make anybody wait. */
const TURN_BYTES: number = 8 * 2 ** 20;

/** What a disk asks of the run loop. */
export interface DiskHost {
  /** No guest code may run until the promise settles. */
  hold(promise: Promise<unknown>): void;
  /** The host's event loop should get its turn soon, as long as the promise is open. */
  expect(promise: Promise<unknown>): void;
  /** Resolves when the event loop has turned once. */
  yield(): Promise<void>;
}

/**
 * A disk whose requests end when the clock says so. In virtual time each takes the same time, and the
 * guest stands still if the host needs longer, so that no run depends on the host's speed. In real
 * time requests end when they end.
 */
export class MachineDisk implements BlockFile {
  readonly #file: BlockFile;
  readonly #host: DiskHost;
  readonly #virtual: Clock | undefined;
  /** Bytes moved since the event loop had its turn. */
  #moved = 0;

  /** @param virtual the clock, if its time is virtual. */
  constructor(file: BlockFile, host: DiskHost, virtual: Clock | undefined) {
    this.#file = file;
    this.#host = host;
    this.#virtual = virtual;
  }

  get size(): number {
    return this.#file.size;
  }

  get readOnly(): boolean {
    return this.#file.readOnly;
  }

  read(offset: number, into: Uint8Array): Promise<void> {
    return this.#request(this.#file.read(offset, into), into.length);
  }

  write(offset: number, from: Uint8Array): Promise<void> {
    return this.#request(this.#file.write(offset, from), from.length);
  }

  readNow(offset: number, into: Uint8Array): boolean {
    return this.#mayBeNow(into.length) && this.#file.readNow?.(offset, into) === true;
  }

  writeNow(offset: number, from: Uint8Array): boolean {
    return this.#mayBeNow(from.length) && this.#file.writeNow?.(offset, from) === true;
  }

  /** In virtual time every request takes its time; in real time the event loop has its turns. */
  #mayBeNow(bytes: number): boolean {
    if (this.#virtual !== undefined || this.#moved >= TURN_BYTES) return false;
    this.#moved += bytes;
    return true;
  }

  flush(): Promise<void> {
    return this.#request(this.#file.flush(), 0);
  }

  close(): Promise<void> {
    return this.#file.close();
  }

  #request(work: Promise<void>, bytes: number): Promise<void> {
    if (this.#virtual === undefined) {
      this.#moved += bytes;
      let ended = work;
      if (this.#moved >= TURN_BYTES) {
        this.#moved = 0;
        ended = work.then(() => this.#host.yield());
      }
      this.#host.expect(ended);
      return ended;
    }
    const clock = this.#virtual;
    // Somebody looks at the result later: until then a failure is not an unhandled one.
    work.catch(() => {});
    return new Promise((resolve, reject) => {
      clock.at(clock.now() + REQUEST_TIME, () => {
        const done = work.then(resolve, reject);
        // One turn more, so that whatever the device does with the result is done as well.
        this.#host.hold(done.then(() => this.#host.yield()));
      });
    });
  }
}

/** A disk in memory. Writes change the bytes that were given. */
export class MemoryDisk implements BlockFile {
  /** Bytes. */
  readonly size: number;
  /** Whether writes are refused. */
  readonly readOnly: boolean;
  readonly #bytes: Uint8Array;

  /** Makes a disk of the bytes; whole sectors of 512 of them are seen by a guest. */
  constructor(bytes: Uint8Array, readOnly = false) {
    this.#bytes = bytes;
    this.size = bytes.length;
    this.readOnly = readOnly;
  }

  /** Fills `into` from byte `offset`; beyond the end with zeroes. */
  read(offset: number, into: Uint8Array): Promise<void> {
    const part = this.#bytes.subarray(offset, offset + into.length);
    into.set(part);
    into.fill(0, part.length);
    return Promise.resolve();
  }

  /** Writes; rejects with a RangeError if the disk is read-only or too short. */
  write(offset: number, from: Uint8Array): Promise<void> {
    if (this.readOnly || offset + from.length > this.size) {
      return Promise.reject(new RangeError("the disk is read-only, or ends before"));
    }
    this.#bytes.set(from, offset);
    return Promise.resolve();
  }

  /** Does nothing: memory is as stable as it gets. */
  flush(): Promise<void> {
    return Promise.resolve();
  }

  /** Does nothing. */
  close(): Promise<void> {
    return Promise.resolve();
  }
}
