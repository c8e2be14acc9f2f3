/** A platform without a runtime: time, randomness and network are in memory and the same each time. */
import { VirtualClock } from "./clock.ts";
import type { Platform } from "./platform.ts";
import { VirtualSockets } from "./virtual_sockets.ts";

const NANOSECONDS_PER_MILLISECOND = 1e6;

/** A {@linkcode Platform} whose host time is in the hands of its user. */
export interface VirtualPlatform extends Platform {
  /** Host time: it stands still but for `advance`. */
  readonly clock: VirtualClock;
  /** The network that all users of this platform share. */
  readonly sockets: VirtualSockets;
  /** All lines so far: "level component: message". */
  readonly lines: readonly string[];
}

/** Options of {@linkcode virtualPlatform}. */
export interface VirtualPlatformOptions {
  /** Seed of the randomness, 32 bits. @default 1 */
  readonly seed?: number;
  /** Wall-clock time at the start, in seconds since 1970. @default 0 */
  readonly startSeconds?: number;
}

/** Makes a platform for tests. */
export function virtualPlatform(options: VirtualPlatformOptions = {}): VirtualPlatform {
  const { seed = 1, startSeconds = 0 } = options;
  const clock = new VirtualClock(startSeconds);
  const lines: string[] = [];
  // Zero is the one state that xorshift does not leave.
  let state = (seed | 0) || 1;
  return {
    name: "virtual",
    clock,
    sockets: new VirtualSockets(),
    lines,
    monotonic: () => clock.now(),
    wallSeconds: () => clock.wallSeconds(),
    yield: () => Promise.resolve(),
    after: (milliseconds, callback) =>
      clock.at(clock.now() + milliseconds * NANOSECONDS_PER_MILLISECOND, callback),
    random: (into) => {
      for (let i = 0; i < into.length; i++) {
        state ^= state << 13;
        state ^= state >>> 17;
        state ^= state << 5;
        into[i] = state >>> 8;
      }
    },
    log: (level, component, message) => void lines.push(`${level} ${component}: ${message}`),
  };
}
