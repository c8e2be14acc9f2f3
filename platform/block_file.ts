import { readSync, writeSync } from "node:fs";
import { open } from "node:fs/promises";
import type { FileHandle } from "node:fs/promises";
import type { BlockFile } from "../lib/platform/platform.ts";

/** How a disk image is opened. */
export interface BlockFileOptions {
  /** Refuses writes; the file needs no permission to write. @default false */
  readonly readOnly?: boolean;
  /** Makes a file of so many zero bytes, as far as possible a hole, if there is none. */
  readonly create?: number;
}

/**
 * Bytes that are read or written while the caller waits. From the page cache that takes a tenth of what
 * a promise of the runtimes costs; a disk of its own is then waited for, as a guest mostly does anyhow.
 */
const NOW_BYTES = 256 * 1024;

/** Permission bits of owner, group and others; a superuser could write without any of them. */
const WRITE_PERMISSIONS = 0o222;

/**
 * Opens a disk image. Its size is that of the file and never changes.
 * @throws the file system's error (`code` ENOENT, EACCES, EROFS, ...), or EISDIR or ENODEV for what
 * is no regular file. A file that nobody may write is not opened for writing by a superuser, either.
 */
export async function openBlockFile(
  path: string,
  options: BlockFileOptions = {},
): Promise<BlockFile> {
  const readOnly = options.readOnly ?? false;
  if (options.create !== undefined) await createFile(path, options.create);
  const handle = await open(path, readOnly ? "r" : "r+");
  try {
    const stat = await handle.stat();
    if (stat.isDirectory()) throw systemError("EISDIR", "is a directory");
    if (!stat.isFile()) throw systemError("ENODEV", "is not a regular file");
    if (!readOnly && (stat.mode & WRITE_PERMISSIONS) === 0) {
      throw systemError("EACCES", "is write-protected");
    }
    return new HostBlockFile(handle, stat.size, readOnly);
  } catch (error) {
    await handle.close();
    throw error;
  }
}

/** Leaves a file alone that is there. */
async function createFile(path: string, size: number): Promise<void> {
  let handle: FileHandle;
  try {
    handle = await open(path, "wx");
  } catch (error) {
    if ((error as { code?: string }).code === "EEXIST") return;
    throw error;
  }
  try {
    await handle.truncate(size);
  } finally {
    await handle.close();
  }
}

function systemError(code: string, message: string): Error {
  return Object.assign(new Error(message), { code });
}

class HostBlockFile implements BlockFile {
  readonly size: number;
  readonly readOnly: boolean;
  readonly #handle: FileHandle;
  /** Reads and writes that have begun and not ended. */
  readonly #underway = new Set<Promise<void>>();
  #closed: Promise<void> | undefined;

  constructor(handle: FileHandle, size: number, readOnly: boolean) {
    this.#handle = handle;
    this.size = size;
    this.readOnly = readOnly;
  }

  read(offset: number, into: Uint8Array): Promise<void> {
    return this.#track(this.#read(offset, into));
  }

  write(offset: number, from: Uint8Array): Promise<void> {
    return this.#track(this.#write(offset, from));
  }

  readNow(offset: number, into: Uint8Array): boolean {
    checkOffset(offset);
    if (into.length > NOW_BYTES || this.#closed !== undefined) return false;
    for (let done = 0; done < into.length;) {
      const bytesRead = readSync(this.#handle.fd, into, done, into.length - done, offset + done);
      if (bytesRead === 0) {
        into.fill(0, done);
        break;
      }
      done += bytesRead;
    }
    return true;
  }

  writeNow(offset: number, from: Uint8Array): boolean {
    this.#checkWrite(offset, from.length);
    if (from.length > NOW_BYTES || this.#closed !== undefined) return false;
    for (let done = 0; done < from.length;) {
      done += writeSync(this.#handle.fd, from, done, from.length - done, offset + done);
    }
    return true;
  }

  async flush(): Promise<void> {
    // Writes first: `fdatasync` covers only what has reached the kernel.
    await Promise.allSettled(this.#underway);
    if (!this.readOnly) await this.#handle.datasync();
  }

  close(): Promise<void> {
    this.#closed ??= Promise.allSettled(this.#underway).then(() => this.#handle.close());
    return this.#closed;
  }

  async #read(offset: number, into: Uint8Array): Promise<void> {
    checkOffset(offset);
    let done = 0;
    while (done < into.length) {
      const { bytesRead } = await this.#handle.read(into, done, into.length - done, offset + done);
      if (bytesRead === 0) {
        into.fill(0, done);
        return;
      }
      done += bytesRead;
    }
  }

  async #write(offset: number, from: Uint8Array): Promise<void> {
    this.#checkWrite(offset, from.length);
    let done = 0;
    while (done < from.length) {
      const length = from.length - done;
      const { bytesWritten } = await this.#handle.write(from, done, length, offset + done);
      done += bytesWritten;
    }
  }

  #checkWrite(offset: number, length: number): void {
    checkOffset(offset);
    if (this.readOnly) throw systemError("EROFS", "disk image is read-only");
    if (offset + length > this.size) {
      throw new RangeError(`write of ${length} bytes at ${offset} passes the end of the disk`);
    }
  }

  #track(operation: Promise<void>): Promise<void> {
    this.#underway.add(operation);
    const forget = () => this.#underway.delete(operation);
    operation.then(forget, forget);
    return operation;
  }
}

function checkOffset(offset: number): void {
  if (!Number.isSafeInteger(offset) || offset < 0) {
    throw new RangeError(`offset ${offset} is not a byte position`);
  }
}
