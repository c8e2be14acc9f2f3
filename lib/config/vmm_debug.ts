/**
 * How much a machine tells about itself: a level and statistics for each component, switched while
 * the machine runs. One object per machine, shared by its parts.
 */
import { DEBUG_LEVELS, type DebugLevel, TraceLevel, Tracer, type TraceSink } from "./trace.ts";

interface Switches {
  level: DebugLevel;
  statistics: boolean;
}

/** Options of {@linkcode VmmDebug}. */
export interface VmmDebugOptions {
  /** Guest time in nanoseconds, for events. @default always 0 */
  readonly now?: () => number;
  /** Gets events while {@linkcode VmmDebug.onTrace} has nobody. @default nobody does */
  readonly log?: TraceSink;
}

/** The switches. Components that were never named have the settings of "*". */
export class VmmDebug {
  readonly #all: Switches = { level: "none", statistics: false };
  readonly #components = new Map<string, Switches>();
  readonly #observers = new Set<() => void>();
  readonly #tracers = new Map<string, Tracer>();
  readonly #sinks = new Set<TraceSink>();
  readonly #options: VmmDebugOptions;

  /** Everything is switched off at first. */
  constructor(options: VmmDebugOptions = {}) {
    this.#options = options;
  }

  /** The level of a component. */
  level(component: string): DebugLevel {
    return this.#of(component).level;
  }

  /** Whether a component shows what belongs to `level`. */
  enabled(component: string, level: Exclude<DebugLevel, "none"> = "condensed"): boolean {
    return DEBUG_LEVELS.indexOf(this.level(component)) >= DEBUG_LEVELS.indexOf(level);
  }

  /** Whether a component counts. */
  statistics(component: string): boolean {
    return this.#of(component).statistics;
  }

  /** Sets the level of a component, or of all with "*". */
  setLevel(component: string, level: DebugLevel): void {
    this.#change(component, (switches) => switches.level = level);
  }

  /** Switches statistics of a component, or of all with "*". */
  setStatistics(component: string, on: boolean): void {
    this.#change(component, (switches) => switches.statistics = on);
  }

  /** The tracer of a component, always the same one; its level follows the switches. */
  tracer(component: string): Tracer {
    let tracer = this.#tracers.get(component);
    if (tracer === undefined) {
      const send: TraceSink = (event) => {
        if (this.#sinks.size === 0) this.#options.log?.(event);
        else for (const sink of this.#sinks) sink(event);
      };
      tracer = new Tracer(component, this.#options.now ?? (() => 0), send);
      tracer.level = TraceLevel[this.level(component)];
      this.#tracers.set(component, tracer);
    }
    return tracer;
  }

  /** Sends the events of all components to `sink`, too. The result ends that. */
  onTrace(sink: TraceSink): () => void {
    this.#sinks.add(sink);
    return () => this.#sinks.delete(sink);
  }

  /** Calls back after each change, for components that keep a copy; the result ends that. */
  onChange(callback: () => void): () => void {
    this.#observers.add(callback);
    return () => this.#observers.delete(callback);
  }

  #of(component: string): Switches {
    return this.#components.get(component) ?? this.#all;
  }

  #change(component: string, change: (switches: Switches) => void): void {
    if (component === "*") {
      change(this.#all);
      for (const switches of this.#components.values()) change(switches);
    } else {
      const switches = this.#components.get(component) ?? { ...this.#all };
      this.#components.set(component, switches);
      change(switches);
    }
    // Observers first: who is switched off may have something left to tell.
    for (const observer of this.#observers) observer();
    for (const [name, tracer] of this.#tracers) tracer.level = TraceLevel[this.level(name)];
  }
}
