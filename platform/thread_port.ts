/** The thread's end of the channel: what a thread's program talks to its starter with. */
import { parentPort } from "node:worker_threads";
import type { ThreadHost } from "../lib/platform/threads.ts";
import { Envelope } from "./thread_envelope.ts";

/** What both kinds of workers have, and how they get messages. */
interface Scope {
  postMessage(message: unknown, transfer?: readonly ArrayBuffer[]): void;
  listen(callback: (data: unknown) => void): void;
  close(): void;
}

/**
 * The starter of this thread. To be called once, at the start of the thread's program; the starter
 * goes on when `onMessage` is called.
 * @throws {Error} if this is no thread.
 */
export function threadHost(): ThreadHost {
  const scope = findScope();
  let ready = false;
  return {
    post: (message, transfer = []) => scope.postMessage([Envelope.message, message], transfer),
    onMessage: (callback) => {
      scope.listen((data) => callback(data));
      if (ready) return;
      ready = true;
      scope.postMessage([Envelope.ready]);
    },
    close: () => {
      scope.postMessage([Envelope.end]);
      scope.close();
    },
  };
}

function findScope(): Scope {
  const web = globalThis as unknown as {
    postMessage?: (message: unknown, transfer?: readonly ArrayBuffer[]) => void;
    onmessage: ((event: { readonly data: unknown }) => void) | null;
    close?: () => void;
    WorkerGlobalScope?: unknown;
  };
  if (typeof web.postMessage === "function") {
    return {
      postMessage: (message, transfer) => web.postMessage?.(message, transfer),
      listen: (callback) => {
        web.onmessage = ({ data }) => callback(data);
      },
      // A close at once would take posted messages with it.
      close: () => void setTimeout(() => web.close?.(), 0),
    };
  }
  const port = parentPort;
  if (port === null) throw new Error("this is not a thread");
  let listener: ((data: unknown) => void) | undefined;
  return {
    postMessage: (message, transfer = []) => port.postMessage(message, [...transfer]),
    listen: (callback) => {
      if (listener !== undefined) port.off("message", listener);
      listener = callback;
      port.on("message", callback);
    },
    close: () => port.close(),
  };
}
