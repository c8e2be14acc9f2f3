/** Executable code of handlers: the interpreter with the common ones inline, the others one by one. */
import { formatOf } from "./code_cache.ts";
import { type CodeContext, Slots } from "./code_context.ts";
import { type HostFunctions, instantiate, newModule } from "./guest_module.ts";
import { writeInterpreter, writeSingle } from "./interpreter.ts";
import type { Exit } from "./memory_map.ts";
import { Special } from "./memory_map.ts";
import type { Handler } from "./instruction.ts";

/** A handler as a function: see `SingleBuilder`. */
export type SingleHandler = (record: number, pc: bigint, tlb: number) => Exit;

/**
 * Functions of handlers before all are forgotten. Debian needs some hundreds; what the runtime makes of
 * one takes up to 30 KB. No more than the table's room for them are made between two looks at it.
 */
const MOST = 6144;

export class HandlerCode {
  /** The interpreter: runs from the pc in the state, comes back with an `Exit`. */
  readonly interpret: () => Exit;
  readonly #context: CodeContext;
  readonly #inline: Map<Handler, number> = new Map();
  /** Numbers of handlers, by their ids. */
  readonly #numbers: number[] = [];
  /** Handlers that are functions of their own, in the order of their table slots. */
  readonly #singles: Map<Handler, number> = new Map();

  readonly #compiled: () => void;

  /** `compiled` is called for each handler that has been made a function: that takes long. */
  constructor(
    context: CodeContext,
    threshold: number,
    host: HostFunctions,
    compiled: () => void,
  ) {
    this.#context = context;
    this.#compiled = compiled;
    const { binding, layout, helpers, imports, modules, decoder, arch } = context;
    const inline = new Set<Handler>();
    for (const code of arch.common.code) {
      const decoded = decoder.decode(code, 0, code.length, arch.common.mode);
      if (decoded === undefined || decoded === "cut") continue;
      if (decoded.handler.instruction.host === undefined) inline.add(decoded.handler);
    }
    for (const handler of inline) this.#inline.set(handler, Special.first + this.#inline.size);
    const ids = [...inline].map(({ id }) => id);
    const module = modules.get(`interpreter ${threshold}: ${ids}`, () =>
      writeInterpreter({
        binding,
        layout,
        helpers,
        inline: [...inline],
        singleBase: Slots.singles - this.#firstSingle,
        threshold,
        format: formatOf(arch),
        slots: Slots.end,
      }));
    const { run } = instantiate(module, imports, host);
    this.interpret = run as () => Exit;
  }

  get #firstSingle(): number {
    return Special.first + this.#inline.size;
  }

  /** Number of a handler in records; it can be executed from now on. */
  numberOf(handler: Handler): number {
    const known = this.#numbers[handler.id];
    if (known !== undefined) return known;
    const number = this.#inline.get(handler) ?? this.#firstSingle + this.#compile(handler);
    this.#numbers[handler.id] = number;
    return number;
  }

  /** Whether there are many functions: `clear` is due. */
  get isCrowded(): boolean {
    return this.#singles.size > MOST;
  }

  /** Forgets the functions. No record may have their numbers any more. */
  clear(): void {
    for (const index of this.#singles.values()) {
      this.#context.imports.table.set(Slots.singles + index, null);
    }
    this.#singles.clear();
    this.#numbers.length = 0;
  }

  /** A handler as a function, for single steps. */
  single(handler: Handler): SingleHandler {
    const slot = Slots.singles + this.#compile(handler);
    return this.#context.imports.table.get(slot) as SingleHandler;
  }

  /** Makes a handler a function; gives its place among those. */
  #compile(handler: Handler): number {
    const known = this.#singles.get(handler);
    if (known !== undefined) return known;
    const { arch, binding, layout, helpers, imports, modules } = this.#context;
    const module = modules.get(`handler ${handler.id}`, () => {
      const writer = newModule(Slots.end);
      writeSingle(writer, "f", handler, binding, layout, helpers.links(writer), formatOf(arch));
      return writer.finish();
    });
    const index = this.#singles.size;
    imports.table.set(Slots.singles + index, instantiate(module, imports).f as SingleHandler);
    this.#singles.set(handler, index);
    this.#compiled();
    return index;
  }
}
