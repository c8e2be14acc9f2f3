/** Threads of Deno, Bun and Node: web workers where there are any, else those of node:worker_threads. */
import { availableParallelism } from "node:os";
import { clearInterval, setInterval } from "node:timers";
import { Worker as NodeWorker } from "node:worker_threads";
import type { Thread, Threads, WaitResult } from "../lib/platform/threads.ts";
import { Envelope } from "./thread_envelope.ts";

/** Longest delay that timers keep, in milliseconds. */
const LONGEST_DELAY = 2 ** 31 - 1;

/** A worker of either kind. */
interface AnyWorker {
  postMessage(message: unknown, transfer: ArrayBuffer[]): void;
  terminate(): Promise<unknown> | void;
}

/** The web worker's constructor and events, as far as they are used. */
interface WebWorker extends AnyWorker {
  addEventListener(
    type: "message" | "error" | "close",
    listener: (event: WebWorkerEvent) => void,
  ): void;
}
interface WebWorkerEvent {
  readonly data?: unknown;
  readonly error?: unknown;
  readonly message?: string;
  preventDefault?(): void;
}
type WebWorkerClass = new (url: URL, options: { type: "module" }) => WebWorker;

class WorkerThread implements Thread {
  readonly ended: Promise<Error | undefined>;
  /** Resolves when the thread listens or has ended. */
  readonly listens: Promise<void>;
  #worker: AnyWorker | undefined;
  #end: (error: Error | undefined) => void = () => {};
  #ready: () => void = () => {};
  #callback: ((message: unknown) => void) | undefined;
  /** Messages for which there is no callback yet. */
  #early: unknown[] = [];

  constructor(url: URL) {
    this.ended = new Promise((resolve) => this.#end = resolve);
    this.listens = new Promise((resolve) => this.#ready = resolve);
    const { Worker } = globalThis as { Worker?: WebWorkerClass };
    this.#worker = typeof Worker === "function" ? this.#web(Worker, url) : this.#node(url);
  }

  post(message: unknown, transfer: readonly ArrayBuffer[] = []): void {
    this.#worker?.postMessage(message, [...transfer]);
  }

  onMessage(callback: (message: unknown) => void): void {
    this.#callback = callback;
    for (const message of this.#early.splice(0)) callback(message);
  }

  async terminate(): Promise<void> {
    const worker = this.#worker;
    this.#worker = undefined;
    await worker?.terminate();
    this.#finish(undefined);
  }

  #web(Worker: WebWorkerClass, url: URL): AnyWorker {
    const worker = new Worker(url, { type: "module" });
    worker.addEventListener("message", ({ data }) => this.#receive(data));
    worker.addEventListener("error", (event) => {
      // Else it would become an error of this thread.
      event.preventDefault?.();
      const { error, message } = event;
      void this.#die(error instanceof Error ? error : new Error(message ?? "the thread failed"));
    });
    worker.addEventListener("close", () => this.#finish(undefined));
    return worker;
  }

  #node(url: URL): AnyWorker {
    const worker = new NodeWorker(url);
    worker.on("message", (data) => this.#receive(data));
    worker.on("error", (error) => this.#finish(error as Error));
    worker.on("exit", () => this.#finish(undefined));
    return worker;
  }

  #receive(data: unknown): void {
    const [kind, message] = data as readonly [number, unknown];
    if (kind === Envelope.ready) this.#ready();
    else if (kind === Envelope.end) void this.terminate();
    else if (this.#callback === undefined) this.#early.push(message);
    else this.#callback(message);
  }

  async #die(error: Error): Promise<void> {
    this.#finish(error);
    await this.terminate();
  }

  #finish(error: Error | undefined): void {
    this.#end(error);
    this.#ready();
  }
}

/** Makes the threads of this runtime. */
export function workerThreads(): Threads {
  return {
    parallelism: Math.max(1, availableParallelism()),
    start: async (name, beside) => {
      const extension = beside.endsWith(".ts") ? ".ts" : ".js";
      const thread = new WorkerThread(new URL(`./${name}${extension}`, beside));
      let early: Error | undefined | null = null;
      void thread.ended.then((error) => early = error);
      await thread.listens;
      // `ended` has been resolved before `listens` if it did not come to listening.
      await Promise.resolve();
      if (early === null) return thread;
      await thread.terminate();
      throw early ?? new Error(`the thread ${name} ended before it listened`);
    },
    wait: (words, index, value, milliseconds = Infinity) =>
      Atomics.wait(words, index, value, milliseconds),
    waitAsync,
    notify: (words, index, count = Infinity) => Atomics.notify(words, index, count),
  };
}

async function waitAsync(
  words: Int32Array,
  index: number,
  value: number,
  milliseconds = Infinity,
): Promise<WaitResult> {
  const result = Atomics.waitAsync(
    words as Int32Array<SharedArrayBuffer>,
    index,
    value,
    milliseconds,
  );
  if (!result.async) return result.value;
  // No runtime stays alive for a wait.
  const hold = setInterval(() => {}, LONGEST_DELAY);
  try {
    return await result.value;
  } finally {
    clearInterval(hold);
  }
}
