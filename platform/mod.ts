/**
 * What the library needs of Node, Deno or Bun: time, randomness, files as disks, the terminal.
 *
 * @module
 */
export { hostPlatform } from "./host.ts";
export type { PlatformOptions } from "./runtime.ts";
export { openBlockFile } from "./block_file.ts";
export type { BlockFileOptions } from "./block_file.ts";
export { ProcessTerminal } from "./terminal.ts";
export type {
  BlockFile,
  LogLevel,
  LogSink,
  Platform,
  Terminal,
  Timer,
} from "../lib/platform/platform.ts";
export type {
  DatagramReceiver,
  DatagramSocket,
  InternetAddress,
  Sockets,
  StreamAddress,
  StreamServer,
  StreamSocket,
  UnixAddress,
} from "../lib/platform/sockets.ts";
export type {
  Thread,
  ThreadHost,
  ThreadPort,
  Threads,
  WaitResult,
} from "../lib/platform/threads.ts";
