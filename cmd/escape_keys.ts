/** Ctrl-A. */
const ESCAPE = 0x01;

/** What the user asked the program, not the guest. */
export type ConsoleAction = "quit" | "power-button" | "help";

/** The line that announces the keys. */
export const ESCAPE_HELP =
  "Ctrl-A x quits, Ctrl-A p presses the power button, Ctrl-A Ctrl-A sends Ctrl-A, Ctrl-A h shows this";

const ACTIONS: Record<string, ConsoleAction> = {
  x: "quit",
  p: "power-button",
  h: "help",
  "?": "help",
};

/**
 * Takes Ctrl-A and the key behind it out of what is typed, as QEMU does. Keys without a meaning
 * are dropped with their Ctrl-A.
 */
export class EscapeKeys {
  readonly #act: (action: ConsoleAction) => void;
  #escaped = false;

  constructor(act: (action: ConsoleAction) => void) {
    this.#act = act;
  }

  /** What is left for the guest. */
  filter(typed: Uint8Array): Uint8Array {
    const out = new Uint8Array(typed.length);
    let length = 0;
    for (const byte of typed) {
      if (this.#escaped) {
        this.#escaped = false;
        if (byte === ESCAPE) out[length++] = byte;
        else {
          const action = ACTIONS[String.fromCharCode(byte).toLowerCase()];
          if (action !== undefined) this.#act(action);
        }
      } else if (byte === ESCAPE) this.#escaped = true;
      else out[length++] = byte;
    }
    return out.subarray(0, length);
  }
}
