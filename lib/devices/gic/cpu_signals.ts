import type { CpuInterrupts } from "../irq_controller/irq_line.ts";

/** What a GIC signals to the vCPUs, and which of them it has to look at again. */
export class CpuSignals {
  readonly #inputs: CpuInterrupts;
  readonly #irq: Uint8Array;
  readonly #fiq: Uint8Array;
  readonly #dirty: Uint8Array;

  /** Drives `inputs`, which are taken to be low. */
  constructor(cpus: number, inputs: CpuInterrupts) {
    this.#inputs = inputs;
    this.#irq = new Uint8Array(cpus);
    this.#fiq = new Uint8Array(cpus);
    this.#dirty = new Uint8Array(cpus);
  }

  /** Whether IRQ is signalled. */
  irq(cpu: number): boolean {
    return this.#irq[cpu] !== 0;
  }

  /** Whether FIQ is signalled. */
  fiq(cpu: number): boolean {
    return this.#fiq[cpu] !== 0;
  }

  /** What vCPU `cpu` should be signalled may have changed. */
  mark(cpu: number): void {
    this.#dirty[cpu] = 1;
  }

  /** What any vCPU should be signalled may have changed. */
  markAll(): void {
    this.#dirty.fill(1);
  }

  /** Has all marked vCPUs looked at. */
  settle(evaluate: (cpu: number) => void): void {
    const dirty = this.#dirty;
    for (let cpu = 0; cpu < dirty.length; cpu++) {
      if (dirty[cpu] === 0) continue;
      dirty[cpu] = 0;
      evaluate(cpu);
    }
  }

  /** Signals a vCPU. */
  drive(cpu: number, irq: boolean, fiq: boolean): void {
    if (irq !== this.irq(cpu)) {
      this.#irq[cpu] = irq ? 1 : 0;
      this.#inputs.setIrq(cpu, irq);
    }
    if (fiq !== this.fiq(cpu)) {
      this.#fiq[cpu] = fiq ? 1 : 0;
      this.#inputs.setFiq(cpu, fiq);
    }
  }

  /** Drives all inputs, which may have any level, as they should be. */
  repeat(): void {
    for (let cpu = 0; cpu < this.#irq.length; cpu++) {
      this.#inputs.setIrq(cpu, this.irq(cpu));
      this.#inputs.setFiq(cpu, this.fiq(cpu));
    }
  }
}
