/**
 * Virtual Machine Libraries: virtual hardware that is put together into whole virtual machines.
 *
 * @example A guest that prints two letters and switches the machine off
 * ```ts
 * import assert from "node:assert/strict";
 * import { Machine, makeImage } from "@vml/vml";
 *
 * const program = Uint32Array.of(
 *   0xd2a12001, // mov x1, #0x09000000: UART
 *   0x52800d00, // mov w0, #'h'
 *   0xb9000020, // str w0, [x1]
 *   0x52800d20, // mov w0, #'i'
 *   0xb9000020, // str w0, [x1]
 *   0x52800100, // mov w0, #8
 *   0x72b08000, // movk w0, #0x8400, lsl #16: PSCI SYSTEM_OFF
 *   0xd4000002, // hvc #0
 * );
 * const machine = await Machine.create({
 *   kernel: makeImage(new Uint8Array(program.buffer)),
 *   memory: "16M",
 * });
 * let output = "";
 * machine.onSerial((bytes) => output += new TextDecoder().decode(bytes));
 * const { reason } = await machine.run();
 * await machine[Symbol.asyncDispose]();
 * assert.deepEqual([output, reason], ["hi", "power-off"]);
 * ```
 *
 * @module
 */
export { Machine } from "./lib/machine/machine.ts";
export type { MachineParts, RunResult } from "./lib/machine/machine.ts";
export type { MachineStatistics } from "./lib/machine/machine_statistics.ts";
export type { OutputOptions, SerialStreams } from "./lib/machine/serial_port.ts";
export type { MachineConsole, MachinePort } from "./lib/machine/console_port.ts";
export type { MachineVsock } from "./lib/machine/machine_vsock.ts";
export type { VsockAddress, VsockStream } from "./lib/devices/virtio_sock/vsock.ts";
export { MemoryDisk } from "./lib/machine/disk.ts";
export { MEMORY_OVERLAY_BYTES, OverlayDisk } from "./lib/machine/overlay_disk.ts";
export { OverlayError, overlayFileSize } from "./lib/machine/overlay_store.ts";
export type { EngineStatistics, ExitName } from "./lib/engine/statistics.ts";
export type { FirmwareStatistics } from "./lib/devices/firmware/firmware.ts";
export type { BusRegion, DeviceRole, DeviceStatistics } from "./lib/devices/vbus/bus.ts";
export { AccessResult, systemRegister } from "./lib/devices/vbus/device.ts";
export type { SystemRegisters } from "./lib/devices/vbus/device.ts";
export { RegisterBus, registerRange } from "./lib/devices/msr/register_bus.ts";
export type {
  RegisterStatistics,
  RegisterTrace,
  RegisterTraceSink,
} from "./lib/devices/msr/register_bus.ts";
export { RegisterBank } from "./lib/devices/msr/register_bank.ts";
export type { RegisterRow } from "./lib/devices/msr/register_bank.ts";
export { AddressSpace } from "./lib/devices/simple_as/address_space.ts";
export type { Accessor, MemoryRegion } from "./lib/devices/simple_as/address_space.ts";
export { MemoryDevice } from "./lib/devices/simple_as/memory_device.ts";
export {
  complement,
  formatPermissions,
  PagePermission,
  permits,
} from "./lib/devices/simple_as/page_permission.ts";
export type { PagePermissions } from "./lib/devices/simple_as/page_permission.ts";
export { Debugger } from "./lib/machine/debugger.ts";
export type { StoppedMachine, Trap, TrapOptions } from "./lib/machine/debugger.ts";
export type { RegisterDump } from "./lib/vcpu/register_dump.ts";
export type { CpuStateName } from "./lib/vcpu/cpu_model/cpu_state.ts";
export type { PowerState } from "./lib/vcpu/lifecycle/lifecycle.ts";
export type { AccessSize, BusAccess, Device, DeviceState } from "./lib/devices/vbus/device.ts";
export { GuestMemory } from "./lib/engine/guest_memory.ts";
export type { WriteObserver } from "./lib/engine/guest_memory.ts";
export type { IrqLine } from "./lib/devices/irq_controller/irq_line.ts";
export { featureMask, VirtioFeature, VirtioId, VirtioStatus } from "./lib/devices/virtio/device.ts";
export type { VirtioDevice, VirtioTransport } from "./lib/devices/virtio/device.ts";
export {
  DEFAULT_TRANSPORT_FEATURES,
  PACKED_FEATURES,
  VIRTIO_MMIO_SIZE,
  VirtioMmio,
} from "./lib/devices/virtio/mmio.ts";
export type { VirtioMmioOptions, VirtioMmioStatistics } from "./lib/devices/virtio/mmio.ts";
export { VirtQueue } from "./lib/devices/virtio/virt_queue.ts";
export type { QueueStatistics } from "./lib/devices/virtio/virt_queue.ts";
export type { QueueHost, RingFeatures } from "./lib/devices/virtio/ring.ts";
export { DescriptorChain } from "./lib/devices/virtio/chain.ts";
export { IoMappings, MAX_IO_MAPPINGS } from "./lib/devices/virtio/iommu.ts";
export type { IoMapping, IoPiece, IoTranslator } from "./lib/devices/virtio/iommu.ts";
export { MockDriver } from "./lib/devices/virtio/mock_driver.ts";
export type {
  MockBuffer,
  MockCompletion,
  MockDriverOptions,
  MockQueue,
  MockQueueHost,
  MockQueueParts,
  MockRequest,
} from "./lib/devices/virtio/mock_driver.ts";
export { HostileDriver } from "./lib/devices/virtio/hostile_driver.ts";
export type { RunLoopStatistics } from "./lib/machine/run_loop.ts";
export type { StopReason } from "./lib/vcpu/lifecycle/lifecycle.ts";

export { validateMachineConfig } from "./lib/config/machine_config.ts";
export type { FwCfgConfig, FwCfgOptions } from "./lib/config/fw_cfg_config.ts";
export type {
  AArch64Config,
  Architecture,
  CommonConfig,
  MachineConfig,
  MachineOptions,
  X86Config,
  X86CpuName,
} from "./lib/config/machine_config.ts";
export type {
  BlockConfig,
  BlockOptions,
  DeviceConfig,
  DeviceOptions,
  DeviceType,
  RngConfig,
} from "./lib/config/device_config.ts";
export type { QueueConfig } from "./lib/config/queue_config.ts";
export type {
  ConsoleConfig,
  ConsoleOptions,
  ConsolePortConfig,
  ConsolePortOptions,
} from "./lib/config/console_config.ts";
export type {
  BuiltInNetConfig,
  HubNetConfig,
  NetBackendFactory,
  NetBackendName,
  NetConfig,
  NetOptions,
  NetworkEnvironment,
  SimpleNetConfig,
  StreamNetConfig,
  StreamNetOptions,
  UserNetConfig,
  UserNetOptions,
} from "./lib/config/net_config.ts";
export type {
  SockConfig,
  SockConnect,
  SockOptions,
  SockPublish,
} from "./lib/config/sock_config.ts";
export { ConfigError } from "./lib/config/config_error.ts";
export type { ConfigErrorCode } from "./lib/config/config_error.ts";
export { VmmDebug } from "./lib/config/vmm_debug.ts";
export type { VmmDebugOptions } from "./lib/config/vmm_debug.ts";
export {
  DEBUG_LEVELS,
  formatTraceEvent,
  TRACE_COMPONENTS,
  TraceLevel,
  Tracer,
} from "./lib/config/trace.ts";
export type {
  DebugLevel,
  TraceComponent,
  TraceEvent,
  TraceFields,
  TraceSink,
} from "./lib/config/trace.ts";

export { BootError } from "./lib/boot/boot_error.ts";
export type { BootErrorCode } from "./lib/boot/boot_error.ts";
export { Fdt, FdtNode } from "./lib/boot/fdt.ts";
export type { FdtReservation, FdtValue } from "./lib/boot/fdt.ts";
export { formatFdt } from "./lib/boot/fdt_text.ts";
export { makeImage } from "./lib/boot/image.ts";
export { makePvhElf } from "./lib/boot/x86_64/pvh_elf.ts";
export { readCpio, writeCpio } from "./lib/boot/cpio.ts";
export type { CpioEntry } from "./lib/boot/cpio.ts";

export { ALL_OFFLOADS, MAX_FRAME, MIN_FRAME } from "./lib/net/backend.ts";
export type { FrameOffload, FrameReceiver, NetBackend, NetOffloads } from "./lib/net/backend.ts";
export { PassingBackend } from "./lib/net/passing_backend.ts";
export { CaptureBackend } from "./lib/net/capture.ts";
export type { CaptureOptions, CaptureSink } from "./lib/net/capture.ts";
export { FrameStream } from "./lib/net/frame_stream.ts";
export type { FrameStreamOptions, FrameStreamStatistics } from "./lib/net/frame_stream.ts";
export { Hub } from "./lib/net/hub.ts";
export type { HubStatistics } from "./lib/net/hub.ts";
export { UserNetwork } from "./lib/net/user/user_network.ts";
export type {
  PortForward,
  UserNetworkOptions,
  UserNetworkParts,
  UserNetworkStatistics,
} from "./lib/net/user/user_network.ts";
export type { AddressOptions } from "./lib/net/user/addresses.ts";
export type { DhcpOptions } from "./lib/net/user/dhcp.ts";
export type { NetworkHost } from "./lib/net/user/host_turns.ts";
export type { TcpStatistics } from "./lib/net/user/tcp.ts";
export type { Hubs } from "./lib/machine/networks.ts";
export type {
  BlockFile,
  Clock,
  LogLevel,
  LogSink,
  Platform,
  Terminal,
  Timer,
} from "./lib/platform/platform.ts";
export { SocketError } from "./lib/platform/sockets.ts";
export type {
  DatagramReceiver,
  DatagramSocket,
  InternetAddress,
  SocketErrorCode,
  Sockets,
  StreamAddress,
  StreamServer,
  StreamSocket,
  UnixAddress,
  WriteOptions,
} from "./lib/platform/sockets.ts";
export type {
  Thread,
  ThreadHost,
  ThreadPort,
  Threads,
  WaitResult,
} from "./lib/platform/threads.ts";
export { webPlatform } from "./lib/platform/web.ts";
