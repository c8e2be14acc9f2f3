/** Where shared peripheral interrupts of a GICv3 go (GICD_IROUTER, IHI 0069, 12.9.22). */
import type { StateArrays } from "../vbus/device_state.ts";

/** IROUTER.Interrupt_Routing_Mode: any participating vCPU (1-of-N). */
export const ROUTE_ANY = 0x8000_0000;
/** Target of an interrupt that no vCPU can take. */
export const NOBODY = 0xffff;

/** Routes and targets by SPI number, 0 being interrupt 32. */
export class SpiRoutes {
  /** vCPU that an SPI goes to. NOBODY: none has that affinity, or it is 1-of-N and nobody's yet. */
  readonly target: Uint16Array;
  /** GICD_IROUTER: low word, and Aff3. */
  readonly #low: Uint32Array;
  readonly #high: Uint32Array;
  /** Where the search for a vCPU for a 1-of-N interrupt starts. */
  readonly #turn: Uint32Array = new Uint32Array(1);
  readonly #cpuOfAffinity: Map<number, number> = new Map();
  readonly #cpus: number;
  #anyRoutes = 0;

  /** `affinity` of each vCPU as Aff3:Aff2:Aff1:Aff0. */
  constructor(count: number, affinity: Uint32Array) {
    this.#cpus = affinity.length;
    affinity.forEach((value, cpu) => this.#cpuOfAffinity.set(value, cpu));
    this.target = new Uint16Array(count);
    this.#low = new Uint32Array(count);
    this.#high = new Uint32Array(count);
  }

  /** What is saved. */
  get arrays(): StateArrays {
    return { routeLow: this.#low, routeHigh: this.#high, target: this.target, turn: this.#turn };
  }

  /** The vCPU with a packed affinity, undefined if there is none. */
  cpuWithAffinity(affinity: number): number | undefined {
    return this.#cpuOfAffinity.get(affinity >>> 0);
  }

  /** GICD_IROUTER of an SPI, low or high word. */
  get(n: number, high: boolean): number {
    return (high ? this.#high : this.#low)[n];
  }

  /** Writes half of GICD_IROUTER; the target is then that of the new route. */
  set(n: number, high: boolean, value: number): void {
    if (this.isAny(n)) this.#anyRoutes--;
    if (high) this.#high[n] = value & 0xff;
    else this.#low[n] = value & 0x80ff_ffff;
    if (this.isAny(n)) this.#anyRoutes++;
    this.target[n] = this.#fixedTarget(n);
  }

  /** Whether an SPI is a 1-of-N interrupt. */
  isAny(n: number): boolean {
    return this.#low[n] >= ROUTE_ANY;
  }

  /** Whether any is. */
  get someAny(): boolean {
    return this.#anyRoutes > 0;
  }

  /** Gives a 1-of-N interrupt to a vCPU that takes part, in turn; NOBODY if none does. */
  choose(n: number, takesPart: (cpu: number) => boolean): number {
    for (let i = 0; i < this.#cpus; i++) {
      const cpu = (this.#turn[0] + i) % this.#cpus;
      if (!takesPart(cpu)) continue;
      this.#turn[0] = (cpu + 1) % this.#cpus;
      return this.target[n] = cpu;
    }
    return NOBODY;
  }

  /** Computes what follows from routes that were reset or restored. */
  rebuild(): void {
    this.#turn[0] %= this.#cpus;
    this.#anyRoutes = 0;
    for (let n = 0; n < this.target.length; n++) {
      const any = this.isAny(n);
      if (any) this.#anyRoutes++;
      if (!any || this.target[n] >= this.#cpus) this.target[n] = this.#fixedTarget(n);
    }
  }

  #fixedTarget(n: number): number {
    if (this.isAny(n)) return NOBODY;
    return this.cpuWithAffinity((this.#high[n] << 24) | this.#low[n]) ?? NOBODY;
  }
}
