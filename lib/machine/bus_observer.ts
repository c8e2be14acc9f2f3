/** Has the buses of a board count and trace what the machine's debug switches ask for. */
import type { DebugLevel } from "../config/trace.ts";
import type { VmmDebug } from "../config/vmm_debug.ts";
import type { Board } from "./board.ts";
import { busTap, registerTap } from "./trace_taps.ts";

/** The components that buses are. */
type BusComponent = "vbus" | "msr";

/** The buses of a board. */
type ObservedBoard = Pick<Board, "bus" | "ports" | "registers" | "registerName">;

/** "vbus" and "msr" at "condensed" tell accesses with repetitions folded, at "full" each one. */
export class BusObserver {
  readonly #board: ObservedBoard;
  readonly #debug: VmmDebug;
  readonly #now: () => number;
  /** What the buses were told last. */
  readonly #switches: Record<BusComponent, { counts: boolean; level: DebugLevel }> = {
    vbus: { counts: false, level: "none" },
    msr: { counts: false, level: "none" },
  };

  /** `now`: the host's time, for the time that devices take. */
  constructor(
    board: ObservedBoard,
    debug: VmmDebug,
    now: () => number,
  ) {
    this.#board = board;
    this.#debug = debug;
    this.#now = now;
  }

  /** To be called when a switch has changed. */
  update(): void {
    const { bus, ports, registers } = this.#board;
    const debug = this.#debug;
    const name = (id: number): string => this.#board.registerName(id);
    this.#follow("vbus", {
      count: (on) => {
        bus.countAccesses(on, this.#now);
        ports?.countAccesses(on, this.#now);
      },
      trace: (on, fold) => {
        const tracer = debug.tracer("vbus");
        bus.trace(on ? busTap(tracer, "address") : undefined, { fold });
        ports?.trace(on ? busTap(tracer, "port") : undefined, { fold });
      },
    });
    this.#follow("msr", {
      count: (on) => registers.countAccesses(on),
      trace: (on, fold) =>
        registers.trace(on ? registerTap(debug.tracer("msr"), name) : undefined, { fold }),
    });
  }

  /** Tells a bus what has changed for it. */
  #follow(component: BusComponent, bus: {
    readonly count: (on: boolean) => void;
    readonly trace: (on: boolean, fold: boolean) => void;
  }): void {
    const counts = this.#debug.statistics(component);
    const level = this.#debug.level(component);
    const before = this.#switches[component];
    if (counts !== before.counts) bus.count(counts);
    if (level !== before.level) bus.trace(level !== "none", level !== "full");
    this.#switches[component] = { counts, level };
  }
}
