import type { Step } from "./case.ts";

/** Collects serial output and types the next step's keys when the output is right for it. */
export class Typist {
  /** All output so far, one character per byte. */
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

  /** To be called with all output, in pieces of any size. */
  push(bytes: Uint8Array): void {
    for (const byte of bytes) {
      this.output += String.fromCharCode(byte);
      const step = this.#steps[this.#step];
      if (step === undefined || !this.output.endsWith(step.after)) continue;
      this.#step++;
      this.#type(Uint8Array.from(step.type, (key) => key.charCodeAt(0)));
    }
  }
}
