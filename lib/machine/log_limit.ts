/** Keeps a guest from filling the host's log. */

/** Lines of one device that are logged at once. */
const BURST = 8;
/** Nanoseconds of guest time for which a device then has one line. */
const PAUSE = 10_000_000_000;

/**
 * Passes on lines of devices: the first few of each, then one in ten seconds of guest time, which
 * tells how many were left out.
 * @param log where lines go.
 * @param now guest time in nanoseconds.
 */
export function limitLog(
  log: (device: string, line: string) => void,
  now: () => number,
): (device: string, line: string) => void {
  /** Devices are as many as the board has. */
  const devices = new Map<string, { lines: number; silent: number; next: number }>();
  return (device, line) => {
    let seen = devices.get(device);
    if (seen === undefined) devices.set(device, seen = { lines: 0, silent: 0, next: 0 });
    seen.lines++;
    if (seen.lines > BURST && now() < seen.next) {
      seen.silent++;
      return;
    }
    seen.next = now() + PAUSE;
    log(device, seen.silent > 0 ? `${line} (${seen.silent} more before)` : line);
    seen.silent = 0;
  };
}
