/**
 * Virtual Machine Libraries: virtual hardware that is put together into whole virtual machines.
 *
 * @module
 */
export { Machine } from "./lib/machine/machine.ts";
export type { MachineParts, MachineStatistics, RunResult } from "./lib/machine/machine.ts";
export type { SerialStreams } from "./lib/machine/serial_port.ts";
export type { MachineConsole } from "./lib/machine/console_port.ts";
export { MemoryDisk } from "./lib/machine/disk.ts";
export type { EngineStatistics, ExitName } from "./lib/engine/statistics.ts";
export type { PsciStatistics } from "./lib/devices/firmware/psci.ts";
export type { BusRegion, DeviceRole, DeviceStatistics } from "./lib/devices/vbus/bus.ts";
export { AccessResult } from "./lib/devices/vbus/device.ts";
export type { AccessSize, BusAccess, Device, DeviceState } from "./lib/devices/vbus/device.ts";
export type { RunLoopStatistics } from "./lib/machine/run_loop.ts";
export type { StopReason } from "./lib/vcpu/lifecycle/lifecycle.ts";

export { validateMachineConfig } from "./lib/config/machine_config.ts";
export type { MachineConfig, MachineOptions } from "./lib/config/machine_config.ts";
export type {
  BlockConfig,
  BlockOptions,
  ConsoleConfig,
  DeviceConfig,
  DeviceOptions,
  DeviceType,
  NetBackendName,
  NetConfig,
  NetOptions,
  RngConfig,
} from "./lib/config/device_config.ts";
export { ConfigError } from "./lib/config/config_error.ts";
export type { ConfigErrorCode } from "./lib/config/config_error.ts";
export { DEBUG_LEVELS, VmmDebug } from "./lib/config/vmm_debug.ts";
export type { DebugLevel } from "./lib/config/vmm_debug.ts";

export { BootError } from "./lib/boot/boot_error.ts";
export type { BootErrorCode } from "./lib/boot/boot_error.ts";
export { Fdt, FdtNode } from "./lib/boot/fdt.ts";
export type { FdtReservation, FdtValue } from "./lib/boot/fdt.ts";
export { formatFdt } from "./lib/boot/fdt_text.ts";
export { makeImage } from "./lib/boot/image.ts";
export { readCpio, writeCpio } from "./lib/boot/cpio.ts";
export type { CpioEntry } from "./lib/boot/cpio.ts";

export type { FrameReceiver, NetBackend } from "./lib/net/backend.ts";
export type {
  BlockFile,
  Clock,
  LogLevel,
  LogSink,
  Platform,
  Terminal,
  Timer,
} from "./lib/platform/platform.ts";
export { webPlatform } from "./lib/platform/web.ts";
