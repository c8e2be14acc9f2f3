import { closeSync, openSync } from "node:fs";
import type { Platform, Terminal } from "../lib/platform/platform.ts";
import { CollectedOutput, writeAll } from "./collected_output.ts";
import { type ConsoleAction, ESCAPE_HELP, EscapeKeys } from "./escape_keys.ts";
import { fileReason, UsageError } from "./errors.ts";

/** Milliseconds after which input is offered again to a guest that had no room. */
const INPUT_RETRY = 5;
/** File descriptor of standard error. */
const STDERR = 2;

/** Where the guest's serial line goes. */
export interface Console {
  /** Takes what the guest sends; the array may be reused afterwards. */
  output(bytes: Uint8Array): void;
  /** Writes what is left, restores the terminal, lets go of the input. */
  close(): void;
}

/** What a console is made of. */
export interface ConsoleOptions {
  /** "stdio", "virtio", "none" or "file:PATH". */
  readonly kind: string;
  readonly terminal: Terminal;
  readonly platform: Pick<Platform, "yield" | "after">;
  /** Guest output goes to standard error: standard output is for the result. */
  readonly toStandardError: boolean;
  /** Takes what is typed; gives how many bytes of it the guest has room for. */
  readonly input: (bytes: Uint8Array) => number;
  readonly action: (action: ConsoleAction) => void;
}

/** Throws a UsageError if there is no such console. */
export function checkConsoleKind(kind: string): void {
  if (!["stdio", "virtio", "none"].includes(kind) && !/^file:./s.test(kind)) {
    throw new UsageError(
      `--console: "${kind}" is not known; give stdio, virtio, none or file:PATH`,
    );
  }
}

/** Opens a console of a kind that has been checked. Throws a UsageError. */
export function openConsole(options: ConsoleOptions): Console {
  const { kind, platform, terminal } = options;
  if (kind === "none") return { output: () => {}, close: () => {} };
  if (kind.startsWith("file:")) return fileConsole(kind.slice("file:".length), platform);
  const out = new CollectedOutput(
    options.toStandardError ? (bytes) => writeAll(STDERR, bytes) : (bytes) => terminal.write(bytes),
    platform,
  );
  const stopInput = terminal.interactive ? keyInput(options) : pacedInput(options);
  return {
    output: (bytes) => out.push(bytes),
    close() {
      out.flush();
      stopInput();
    },
  };
}

/**
 * Gives consoles the terminal's size, now and whenever it changes; a serial line cannot carry it.
 * Returns the function that ends that.
 */
export function fitConsoles(
  terminal: Pick<Terminal, "interactive" | "size" | "onResize">,
  consoles: readonly { resize(columns: number, rows: number): void }[],
): () => void {
  if (!terminal.interactive || consoles.length === 0) return () => {};
  const fit = (): void => {
    const { columns, rows } = terminal.size();
    for (const port of consoles) port.resize(columns, rows);
  };
  fit();
  return terminal.onResize(fit);
}

/** The line that says how to leave, for a terminal. */
export function announcement(terminal: Terminal): string | undefined {
  return terminal.interactive ? `vml: ${ESCAPE_HELP}` : undefined;
}

function fileConsole(path: string, platform: Pick<Platform, "yield">): Console {
  let file: number;
  try {
    file = openSync(path, "w");
  } catch (error) {
    throw new UsageError(`--console: cannot write ${path}: ${fileReason(error)}`);
  }
  const out = new CollectedOutput((bytes) => writeAll(file, bytes), platform);
  return {
    output: (bytes) => out.push(bytes),
    close() {
      out.flush();
      closeSync(file);
    },
  };
}

/**
 * Input from a pipe or file: while the guest has no room, it waits and no more is read from the host.
 * Returns the function that ends it.
 */
function pacedInput({ terminal, platform, input }: ConsoleOptions): () => void {
  let stop = (): void => {};
  const feed = (bytes: Uint8Array): void => {
    const rest = bytes.subarray(input(bytes));
    if (rest.length === 0) return;
    stop();
    const timer = platform.after(INPUT_RETRY, () => {
      listen();
      feed(rest);
    });
    stop = () => timer.cancel();
  };
  const listen = (): void => {
    stop = terminal.onInput((bytes) => feed(bytes.slice()));
  };
  listen();
  return () => stop();
}

/** Keys of a terminal. What the guest has no room for is dropped, so that Ctrl-A x always works. */
function keyInput({ terminal, input, action }: ConsoleOptions): () => void {
  const keys = new EscapeKeys(action);
  const restore = terminal.raw();
  const stop = terminal.onInput((bytes) => {
    const rest = keys.filter(bytes);
    if (rest.length > 0) input(rest);
  });
  return () => {
    stop();
    restore();
  };
}
