/** What a machine counts. */
import type { FirmwareStatistics } from "../devices/firmware/firmware.ts";
import type { RegisterStatistics } from "../devices/msr/register_bus.ts";
import type { DeviceStatistics } from "../devices/vbus/bus.ts";
import type { EngineStatistics } from "../engine/statistics.ts";
import type { Board } from "./board.ts";
import type { RunLoop, RunLoopStatistics } from "./run_loop.ts";

/** Counters of a machine since it was made. */
export interface MachineStatistics {
  /** Guest time in nanoseconds. */
  readonly nanoseconds: number;
  /** Resets by guest and host. */
  readonly resets: number;
  /** Slices and waits. */
  readonly loop: RunLoopStatistics;
  /** Execution of guest code. */
  readonly engine: EngineStatistics;
  /** Firmware calls, where the host answers any (PSCI). */
  readonly firmware?: FirmwareStatistics;
  /** Accesses by device; empty while {@linkcode Machine.debug} does not count "vbus". */
  readonly devices: readonly DeviceStatistics[];
  /** Accesses by system register of a device; empty while "msr" is not counted. */
  readonly registers: readonly RegisterStatistics[];
}

/** Gathers the counters of the parts of a machine. */
export function machineStatistics(
  { board, loop, nanoseconds, resets }: {
    readonly board: Board;
    readonly loop: RunLoop;
    readonly nanoseconds: number;
    readonly resets: number;
  },
): MachineStatistics {
  const { engine, bus, ports, registers, firmwareStatistics: firmware } = board;
  return {
    nanoseconds,
    resets,
    loop: { ...loop.statistics },
    engine: engine.statistics,
    ...(firmware !== undefined && { firmware }),
    devices: [...bus.statistics, ...(ports?.statistics ?? [])],
    registers: registers.statistics,
  };
}
