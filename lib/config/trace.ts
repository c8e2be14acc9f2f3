/**
 * Structured trace events: what happens inside a machine, as data. Each component has one
 * {@linkcode Tracer}, which it asks before it makes an event: while nobody traces, that is one
 * comparison.
 */

/** What can be traced, and what each component tells at which level. */
export const TRACE_COMPONENTS = {
  machine: "run, end, reset, pause and resume of the machine",
  vcpu: "power states, waits and single steps of vCPUs; detailed: each wait and wake",
  vbus: "device accesses, runs on one device folded; full: each access",
  msr: "system registers of devices, runs on one register folded; full: each access",
  gic: "aarch64: interrupt lines that change, and the interrupt inputs of vCPUs",
  apic: "x86_64: interrupt lines that change, and the interrupt inputs of vCPUs",
  timer: "aarch64: output lines of the generic timer",
  virtio: "queue notifications, interrupts and failures of virtio devices",
  net: "frames between network cards and their back ends, without their bytes",
  psci: "aarch64: firmware calls with arguments and results",
} as const;

/** One of the names of {@linkcode TRACE_COMPONENTS}. */
export type TraceComponent = keyof typeof TRACE_COMPONENTS;

/** Least to most. What each level shows is the component's business; "full" may be very much. */
export const DEBUG_LEVELS = ["none", "condensed", "detailed", "full"] as const;
/** One of {@linkcode DEBUG_LEVELS}. */
export type DebugLevel = typeof DEBUG_LEVELS[number];

/** Numbers of {@linkcode DEBUG_LEVELS}, for comparisons with {@linkcode Tracer.level}. */
export const TraceLevel = { none: 0, condensed: 1, detailed: 2, full: 3 } as const;
/** One of the values of {@linkcode TraceLevel}. */
export type TraceLevel = typeof TraceLevel[keyof typeof TraceLevel];

/** What an event says, by name. Addresses and register values are text in hexadecimal. */
export type TraceFields = { readonly [name: string]: number | string | boolean };

/** Something that happened. */
export interface TraceEvent {
  /** Guest time in nanoseconds since the machine was made. */
  readonly time: number;
  /** Who tells. */
  readonly component: string;
  /** What happened: "irq", "notify". */
  readonly event: string;
  /** The rest. */
  readonly fields: TraceFields;
}

/** Receives trace events. Called while guest code waits: it must neither throw nor take long. */
export type TraceSink = (event: TraceEvent) => void;

/**
 * The tracer of one component.
 *
 * @example
 * ```ts
 * import { TraceLevel, VmmDebug } from "@vml/vml";
 *
 * const debug = new VmmDebug();
 * debug.onTrace(({ component, event, fields }) => console.log(component, event, fields));
 * const tracer = debug.tracer("gic");
 * debug.setLevel("gic", "condensed");
 * if (tracer.level >= TraceLevel.condensed) tracer.emit("irq", { vcpu: 0, level: true });
 * ```
 */
export class Tracer {
  /** How much is wanted now. Ask it before {@linkcode Tracer.emit}; only {@linkcode VmmDebug} sets it. */
  level: TraceLevel = TraceLevel.none;
  readonly #component: string;
  readonly #send: TraceSink;
  readonly #now: () => number;

  /** For a component; events get their time from `now` and go to `send`. */
  constructor(component: string, now: () => number, send: TraceSink) {
    this.#component = component;
    this.#now = now;
    this.#send = send;
  }

  /** Tells an event; nothing while the level is `none`. */
  emit(event: string, fields: TraceFields): void {
    if (this.level === TraceLevel.none) return;
    this.#send({ time: this.#now(), component: this.#component, event, fields });
  }
}

/** One line for people: `0.001234000 gic irq vcpu=0 level=true`. Time is in seconds. */
export function formatTraceEvent({ time, component, event, fields }: TraceEvent): string {
  const what = Object.entries(fields).map(([name, value]) => ` ${name}=${value}`).join("");
  return `${(time / 1e9).toFixed(9)} ${component} ${event}${what}`;
}

/** A number of up to 53 bits or a bigint as text: `0x1f`. */
export function hex(value: number | bigint): string {
  return `0x${value.toString(16)}`;
}
