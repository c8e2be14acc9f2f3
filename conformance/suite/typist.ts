import type { Step } from "./case.ts";

/** Characters that are kept of a guest's output: many times what any of the guests prints. */
export const MAX_OUTPUT: number = 2 ** 20;

/** Collects serial output and types the next step's keys when the output is right for it. */
export class Typist {
  /** All output so far, one character per byte, up to {@linkcode MAX_OUTPUT}. */
  output = "";
  readonly #steps: readonly Step[];
  readonly #type: (keys: Uint8Array<ArrayBuffer>) => void;
  #step = 0;

  /** @param type sends keys. */
  constructor(steps: readonly Step[], type: (keys: Uint8Array<ArrayBuffer>) => void) {
    this.#steps = steps;
    this.#type = type;
  }

  /** Steps that are left. */
  get left(): number {
    return this.#steps.length - this.#step;
  }

  /** Whether the guest has printed more than is kept. */
  get full(): boolean {
    return this.output.length >= MAX_OUTPUT;
  }

  /** To be called with all output, in pieces of any size. */
  push(bytes: Uint8Array): void {
    for (const byte of bytes) {
      if (this.full) return;
      this.output += String.fromCharCode(byte);
      const step = this.#steps[this.#step];
      if (step === undefined || !this.output.endsWith(step.after)) continue;
      this.#step++;
      this.#type(Uint8Array.from(step.type, (key) => key.charCodeAt(0)));
    }
  }
}
