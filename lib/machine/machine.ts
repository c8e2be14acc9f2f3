/** A whole virtual machine: board, run loop, loaded kernel, and the host's ends of its devices. */
import type { Fdt } from "../boot/fdt.ts";
import {
  type MachineConfig,
  type MachineOptions,
  validateMachineConfig,
} from "../config/machine_config.ts";
import { formatTraceEvent, type TraceFields } from "../config/trace.ts";
import { VmmDebug } from "../config/vmm_debug.ts";
import type { BusRegion } from "../devices/vbus/bus.ts";
import { VirtioConsole } from "../devices/virtio_console/virtio_console.ts";
import { VirtioSock } from "../devices/virtio_sock/virtio_sock.ts";
import type { Platform } from "../platform/platform.ts";
import { webPlatform } from "../platform/web.ts";
import type { StopReason } from "../vcpu/lifecycle/lifecycle.ts";
import { type Roundup, VcpuRoundup } from "../vcpu/vcpu_roundup/vcpu_roundup.ts";
import { type Board, type MakeBoard, vcpuId } from "./board.ts";
import { openBoard } from "./boards.ts";
import { BusObserver } from "./bus_observer.ts";
import { ConsolePort, type MachineConsole, type MachinePort } from "./console_port.ts";
import { Debugger } from "./debugger.ts";
import { type MachineVsock, VsockPort } from "./machine_vsock.ts";
import { type MachineStatistics, machineStatistics } from "./machine_statistics.ts";
import { type Hubs, openNetworks, processHubs } from "./networks.ts";
import { openOverlays, type OverlayDisk } from "./overlay_disk.ts";
import { PanicWatch } from "./panic_watch.ts";
import { limitLog } from "./log_limit.ts";
import { seededRandom } from "./random.ts";
import { RunLoop } from "./run_loop.ts";
import { type OutputOptions, SerialPort, type SerialStreams } from "./serial_port.ts";
import { RealSliceClock, type SliceClock, VirtualSliceClock } from "./slice_clock.ts";
import { Vcpus } from "./vcpus.ts";
import { openVsockForwards, type VsockForwards } from "./vsock_forwards.ts";

/** Wall-clock time at which guests in virtual time start: 2025-01-01T00:00:00Z. */
const VIRTUAL_START_SECONDS = 1_735_689_600;

/** What {@linkcode Machine.create} takes besides the configuration. */
export interface MachineParts {
  /** Clock, event loop and randomness of the host. @default one that needs web standards only */
  readonly platform?: Platform;
  /** Hubs of networks by name: machines that share them. @default those of the process */
  readonly hubs?: Hubs;
  /** Nanoseconds that one instruction takes in virtual time, a whole number. @default 1 */
  readonly nanosecondsPerInstruction?: number;
}

/** How a run ended. */
export interface RunResult {
  /**
   * `power-off`, `reset` (with `onReset: "stop"`) or `crash`: by the guest, the last one also if its
   * kernel says on a console that it has panicked (unless `onPanic: "continue"`). `stopped`: by
   * {@linkcode Machine.stop} or the signal. `timeout`: by a signal of AbortSignal.timeout.
   */
  readonly reason: StopReason;
  /** What the kernel panicked about, in printable ASCII. */
  readonly panic?: string;
  /** Instructions executed by all vCPUs since the machine was made. */
  readonly instructions: number;
  /** Guest time in nanoseconds since the machine was made. */
  readonly nanoseconds: number;
}

/**
 * A virtual machine.
 *
 * @example
 * ```ts ignore
 * await using vm = await Machine.create({ kernel: await Deno.readFile("Image"), memory: "512M" });
 * vm.onSerial((bytes) => Deno.stdout.writeSync(bytes));
 * const { reason } = await vm.run();
 * ```
 */
export class Machine implements AsyncDisposable {
  /** The configuration with every default filled in. */
  readonly config: MachineConfig;
  /** Switches of trace events and statistics, and where the events go. */
  readonly debug: VmmDebug;
  /** Stops, steps and looks into the guest. */
  readonly debugger: Debugger;
  readonly #platform: Platform;
  readonly #clock: SliceClock;
  readonly #board: Board;
  readonly #vcpus: Vcpus;
  readonly #loop: RunLoop;
  readonly #roundup: VcpuRoundup;
  /** The stopped world of {@linkcode Machine.pause}. */
  #pause: Promise<Roundup> | undefined;
  readonly #serial: SerialPort;
  /** Ports of virtio consoles, in the order of the configuration. */
  readonly #ports: readonly ConsolePort[];
  readonly #vsock: VsockPort | undefined;
  #forwards: VsockForwards | undefined;
  #overlays: readonly OverlayDisk[] = [];
  readonly #panicWatches: readonly PanicWatch[];
  #reason: StopReason | undefined;
  #restart = false;
  #resets = 0;
  #running: Promise<unknown> | undefined;
  /** Between the call of `run` and its end. */
  #active = false;
  /** How the host has ended the run; prevails over a guest that resets. */
  #ended: "stopped" | "timeout" | undefined;
  #disposed = false;
  private constructor(
    config: MachineConfig,
    parts: MachineParts,
    makeBoard: MakeBoard,
  ) {
    this.config = config;
    const platform = parts.platform ?? webPlatform();
    this.#platform = platform;
    const nanosecondsPerInstruction = parts.nanosecondsPerInstruction ?? 1;
    // The board needs clock and vCPUs, both need the engine, which is the board's.
    const board = (): Board => this.#board;
    const runner = {
      run: (vcpu: number, instructions: number) => board().run(vcpu, instructions),
      requestExit: () => board().engine.requestExit(),
    };
    const requestExit = (): void => this.#loop.requestExit();
    const counter = {
      get instructions(): number {
        return board().engine.instructions;
      },
      requestExit,
    };
    const virtual = config.time === "virtual";
    const clock = virtual
      ? new VirtualSliceClock(counter, nanosecondsPerInstruction, VIRTUAL_START_SECONDS)
      : new RealSliceClock(platform, counter);
    this.#clock = clock;
    this.debug = new VmmDebug({
      now: () => clock.now(),
      log: (event) => platform.log("debug", event.component, formatTraceEvent(event)),
    });
    this.#vcpus = new Vcpus({
      count: config.cpus,
      affinity: vcpuId,
      core: (vcpu) => board().cpus[vcpu],
      select: (vcpu) => board().engine.select(vcpu),
      isMemory: (address) => board().engine.memory.contains(Number(address), 4),
      requestExit,
      stop: (reason) => this.#end(reason),
      wake: () => this.#loop.kick(),
      tracer: this.debug.tracer("vcpu"),
    });
    this.#roundup = new VcpuRoundup(this.#vcpus.models, {
      onStop: () => this.#loop.pause(),
      onResume: () => this.#loop.resume(),
    });
    this.#loop = new RunLoop({
      runner,
      vcpus: this.#vcpus,
      clock,
      platform,
      nanosecondsPerInstruction,
      poll: () => {
        this.#serial.poll();
        for (const port of this.#ports) port.poll();
      },
    });
    this.#board = makeBoard({
      clock,
      debug: this.debug,
      lifecycle: this.#vcpus,
      traps: {
        hypercall: (vcpu, args) => {
          if (!this.debugger.wants("hypercall", vcpu)) return;
          this.debugger.tell({ kind: "hypercall", vcpu, args: [...args] });
        },
        controlWrite: (vcpu, register, value) => {
          if (!this.debugger.wants("register", vcpu)) return;
          this.debugger.tell({ kind: "register", vcpu, register, value });
        },
      },
      random: virtual ? seededRandom(config.seed) : (into) => platform.random(into),
      wake: (vcpu) => this.#loop.wake(vcpu),
      virtual,
      host: {
        hold: (promise) => this.#loop.hold(promise),
        expect: (promise) => this.#loop.expect(promise),
        yield: () => platform.yield(),
      },
      platform,
      hubs: parts.hubs ?? processHubs,
      onFailure: limitLog(
        (device, reason) => platform.log("warn", device, reason),
        () => clock.now(),
      ),
    });
    this.debugger = new Debugger({
      vcpus: this.#vcpus,
      roundup: this.#roundup,
      ram: this.#board.engine.memory,
      inSlice: () => this.#loop.inSlice,
      registers: (vcpu) => this.#board.dumpRegisters(vcpu),
      step: (vcpu) => this.#step(vcpu),
      observeSteps: (vcpu, callback) => this.#board.cpus[vcpu].onStep = callback,
    });
    const { uart } = this.#board;
    this.#serial = new SerialPort(uart, this.#loop);
    uart.onTransmit((character) => this.#serial.transmit(character));
    this.#ports = this.#board.virtio.flatMap(({ device }) =>
      device instanceof VirtioConsole
        ? device.ports.map((port) => new ConsolePort(port, this.#loop))
        : []
    );
    const sock = this.#board.virtio.find(({ device }) => device instanceof VirtioSock)?.device;
    this.#vsock = sock instanceof VirtioSock ? new VsockPort(sock) : undefined;
    const watched = config.onPanic === "stop"
      ? [this.#serial, ...this.#ports.filter(({ isConsole }) => isConsole)]
      : [];
    this.#panicWatches = watched.map((port) => {
      const watch = new PanicWatch(clock, () => this.#end("crash"));
      port.onOutput((bytes) => watch.push(bytes), { lent: true });
      return watch;
    });
    const observer = new BusObserver(this.#board, this.debug, () => platform.monotonic());
    this.debug.onChange(() => observer.update());
    this.#load();
  }

  /**
   * Makes a machine with its kernel loaded; it stands still until {@linkcode Machine.run}.
   *
   * @throws {ConfigError} if no machine can be made of the configuration.
   * @throws {BootError} if the kernel or initrd cannot be booted.
   * @throws {RangeError} if the host does not give the memory.
   */
  static async create(
    options: MachineOptions | MachineConfig,
    parts: MachineParts = {},
  ): Promise<Machine> {
    const checked = validateMachineConfig(options);
    const { devices, overlays } = await openOverlays(checked.devices);
    const config = { ...checked, devices };
    const machine = new Machine(config, parts, await openBoard(config));
    machine.#overlays = overlays;
    try {
      const { virtio } = machine.#board;
      await openNetworks(devices, virtio);
      machine.#forwards = await openVsockForwards(devices, virtio, machine.#platform.sockets);
    } catch (error) {
      await machine[Symbol.asyncDispose]();
      throw error;
    }
    return machine;
  }

  /** The serial line (PL011, 16550) as Web Streams. */
  get serial(): SerialStreams {
    return this.#serial;
  }

  /** The host's ends of the virtio consoles, in the order of the configuration. */
  get consoles(): readonly MachineConsole[] {
    return this.#ports.filter(({ isConsole }) => isConsole);
  }

  /** The host's end of the virtio console port of that name; undefined if there is none. */
  port(name: string): MachinePort | undefined {
    return this.#ports.find((port) => port.name !== "" && port.name === name);
  }

  /** Sockets between the guest and this process; undefined without a virtio-sock device. */
  get vsock(): MachineVsock | undefined {
    return this.#vsock;
  }

  /** Calls back with what the guest sends on the serial line. The result ends that. */
  onSerial(callback: (bytes: Uint8Array) => void, options?: OutputOptions): () => void {
    return this.#serial.onOutput(callback, options);
  }

  /** Bytes for the guest's serial line; gives how many fitted into the window of 64 KiB. */
  serialInput(bytes: Uint8Array): number {
    return this.#serial.input(bytes);
  }

  /**
   * Runs until the guest powers off, {@linkcode Machine.stop} is called or the signal aborts. After
   * `stopped` and `timeout` another call goes on where the guest was; after the others it starts anew.
   *
   * @throws {Error} if the machine runs already or is disposed, or the engine fails.
   */
  async run(signal?: AbortSignal): Promise<RunResult> {
    if (this.#disposed) throw new Error("the machine is disposed");
    if (this.#active) throw new Error("the machine is already running");
    const onAbort = (): void => this.#endByHost(isTimeout(signal?.reason) ? "timeout" : "stopped");
    if (this.#reason === "power-off" || this.#reason === "reset" || this.#reason === "crash") {
      this.#hardReset();
    }
    this.#reason = this.#ended = undefined;
    this.#active = true;
    if (signal?.aborted) onAbort();
    signal?.addEventListener("abort", onAbort);
    const run = this.#runUntilEnd();
    this.#running = run.catch(() => {});
    try {
      const reason = await run;
      const panic = reason === "crash" ? this.#panic() : undefined;
      return { reason, ...(panic !== undefined && { panic }), ...this.#progress() };
    } finally {
      signal?.removeEventListener("abort", onAbort);
      this.#running = undefined;
      this.#active = false;
      this.#flush();
    }
  }

  /** Ends the run. Does nothing while the machine does not run. */
  stop(): void {
    if (this.#active) this.#endByHost("stopped");
  }

  /** Resets the machine: devices and vCPUs to power-on state, kernel loaded again. RAM keeps the rest. */
  reset(): void {
    if (!this.#active) {
      this.#hardReset();
      return;
    }
    this.#restart = true;
    this.#loop.stop();
  }

  /** No guest code runs and guest time stands still until {@linkcode Machine.resume}. */
  pause(): void {
    if (this.#pause !== undefined) return;
    this.#pause = this.#roundup.parallel();
    this.#tell("pause");
  }

  /**
   * Presses the power button for 100 ms of guest time. A guest that watches it (a GPIO key or ACPI's
   * button, as on QEMU's boards) shuts down; others do nothing.
   */
  powerButton(): void {
    this.#board.powerButton.press();
    this.#loop.kick();
  }

  /** Lets guest and guest time go on after {@linkcode Machine.pause}. */
  resume(): void {
    const pause = this.#pause;
    if (pause === undefined) return;
    this.#pause = undefined;
    void pause.then((world) => world.resume());
    this.#tell("resume");
  }

  /** Whether {@linkcode Machine.run} has been called and has not come back. */
  get running(): boolean {
    return this.#active;
  }

  /** Whether the machine is paused. */
  get paused(): boolean {
    return this.#pause !== undefined;
  }

  /** Devices with their addresses, in the order of these. */
  get regions(): readonly BusRegion[] {
    return this.#board.bus.regions;
  }

  /** Devices by I/O port; none on machines without I/O ports. */
  get ports(): readonly BusRegion[] {
    return this.#board.ports?.regions ?? [];
  }

  /** The device tree that the kernel was given at the last reset; undefined if its board has none. */
  get fdt(): Fdt | undefined {
    return this.#board.fdt;
  }

  /** Counters since the machine was made. */
  statistics(): MachineStatistics {
    return machineStatistics({
      board: this.#board,
      loop: this.#loop,
      nanoseconds: this.#clock.now(),
      resets: this.#resets,
    });
  }

  /** Stops the machine and lets go of everything: back ends, streams, memory. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#disposed) return;
    this.#disposed = true;
    this.stop();
    await this.#running;
    await this.#forwards?.close();
    this.#board.shutdown();
    this.#serial.close();
    for (const port of this.#ports) port.close();
    this.#board.engine.dispose();
    for (const overlay of this.#overlays) {
      await overlay.flush().catch((error) => this.#platform.log("error", "disk", String(error)));
    }
  }

  async #runUntilEnd(): Promise<StopReason> {
    for (;;) {
      if (this.#reason === undefined) await this.#loop.run();
      // What was printed before a reset says whose work it is.
      this.#flush();
      if (this.#reason === "reset" && this.#panic() !== undefined) this.#reason = "crash";
      if (this.#reason === "reset" && this.config.onReset === "restart") this.#restart = true;
      if (!this.#restart) return this.#reason ?? "stopped";
      this.#hardReset();
      // Asked for by a listener to that output.
      if (this.#ended !== undefined) {
        this.#reason = this.#ended;
        return this.#ended;
      }
    }
  }

  #endByHost(reason: "stopped" | "timeout"): void {
    this.#ended ??= reason;
    this.#end(reason);
  }

  /** The first reason counts. */
  #end(reason: StopReason): void {
    if (this.#reason === undefined) this.#tell("end", { reason });
    this.#reason ??= reason;
    this.#loop.stop();
  }

  #flush(): void {
    this.#serial.flush();
    for (const port of this.#ports) port.flush();
  }

  /** One instruction of a vCPU, outside of its turns. */
  #step(vcpu: number): void {
    const cpu = this.#board.cpus[vcpu];
    const observer = cpu.onStep;
    cpu.onStep = observer ?? ((): void => {});
    try {
      // An exit that was requested meanwhile comes first.
      for (let tries = 0; tries < 3; tries++) if (this.#loop.runOne(vcpu) > 0) break;
    } finally {
      cpu.onStep = observer;
    }
  }

  #tell(event: string, fields: TraceFields = {}): void {
    this.debug.tracer("machine").emit(event, fields);
  }

  /** What the kernel has panicked about. */
  #panic(): string | undefined {
    return this.#panicWatches.find((watch) => watch.reason !== undefined)?.reason;
  }

  #progress(): { instructions: number; nanoseconds: number } {
    return { instructions: this.#board.engine.instructions, nanoseconds: this.#clock.now() };
  }

  #hardReset(): void {
    // No vCPU has its turn now, and none gets one before the world goes on.
    const world = this.#roundup.parallel();
    this.#tell("reset");
    this.#reason = undefined;
    this.#restart = false;
    this.#resets++;
    for (const watch of this.#panicWatches) watch.reset();
    this.#platform.log("info", "machine", "reset");
    this.#board.reset();
    this.#load();
    void world.then((stopped) => stopped.resume());
  }

  #load(): void {
    const { entry, context } = this.#board.load();
    this.#vcpus.reset(entry, context);
  }
}

function isTimeout(reason: unknown): boolean {
  return reason instanceof Error && reason.name === "TimeoutError";
}
