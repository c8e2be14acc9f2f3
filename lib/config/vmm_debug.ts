/**
 * How much a machine tells about itself: a level and statistics for each component, switched while
 * the machine runs. One object per machine, shared by its parts.
 */

/** Least to most. What each level shows is the component's business; "full" may be very much. */
export const DEBUG_LEVELS = ["none", "condensed", "detailed", "full"] as const;
/** One of {@linkcode DEBUG_LEVELS}. */
export type DebugLevel = typeof DEBUG_LEVELS[number];

interface Switches {
  level: DebugLevel;
  statistics: boolean;
}

/** The switches. Components that were never named have the settings of "*". */
export class VmmDebug {
  readonly #all: Switches = { level: "none", statistics: false };
  readonly #components = new Map<string, Switches>();
  readonly #observers = new Set<() => void>();

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
    for (const observer of this.#observers) observer();
  }
}
