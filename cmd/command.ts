import { parseArgs } from "node:util";
import { suggest } from "../lib/config/checks.ts";
import { UsageError } from "./errors.ts";

/** One option of a command; help, completions and the parser are made from it. */
export interface OptionSpec {
  /** Long name without dashes. */
  readonly name: string;
  readonly short?: string;
  /** What the value is, for help: "FILE", "SECONDS". A switch has none. */
  readonly value?: string;
  /** Values that there are. */
  readonly choices?: readonly string[];
  /** A choice may have settings behind it, "virtio-sock,cid=3", "hub=a"; for help: "SETTING=VALUE". */
  readonly settings?: string;
  /** May be given several times. @default false */
  readonly multiple?: boolean;
  /** One line. */
  readonly help: string;
}

/** What the caller gave. */
export class Arguments {
  readonly positionals: readonly string[];
  readonly #values: ReadonlyMap<string, readonly string[]>;

  constructor(positionals: readonly string[], values: ReadonlyMap<string, readonly string[]>) {
    this.positionals = positionals;
    this.#values = values;
  }

  /** The same without the first positional argument. */
  rest(): Arguments {
    return new Arguments(this.positionals.slice(1), this.#values);
  }

  /** Whether an option was given. */
  has(name: string): boolean {
    return this.#values.has(name);
  }

  /** The value of an option. */
  get(name: string): string | undefined {
    return this.#values.get(name)?.at(-1);
  }

  /** The values of an option that may be repeated. */
  all(name: string): readonly string[] {
    return this.#values.get(name) ?? [];
  }
}

/** A command of the program. */
export interface Command {
  readonly name: string;
  /** One line for the list of commands. */
  readonly summary: string;
  /** What stands behind the name: "[machine.yaml] [options]". */
  readonly usage: string;
  /** Words that may come first, for completions. */
  readonly words?: readonly string[];
  /** Most positional arguments. */
  readonly positionals: number;
  readonly options: readonly OptionSpec[];
  /** Command lines with what they do. */
  readonly examples: readonly (readonly [line: string, does: string])[];
  /** More text for the command's help. */
  readonly notes?: string;
  /** Returns the exit code. */
  run(args: Arguments): Promise<number>;
}

/** Every command has it. */
export const HELP_OPTION: OptionSpec = { name: "help", short: "h", help: "Shows this help." };

/** Sorts arguments by the command's options. Throws a UsageError that names the remedy. */
export function parseArguments(command: Command, args: readonly string[]): Arguments {
  const specs = [...command.options, HELP_OPTION];
  const { tokens } = parseArgs({
    args: [...args],
    options: Object.fromEntries(specs.map((spec) => [spec.name, {
      type: spec.value === undefined ? "boolean" as const : "string" as const,
      multiple: true,
      ...(spec.short !== undefined && { short: spec.short }),
    }])),
    // The messages for wrong arguments are made here: those of the runtimes differ.
    strict: false,
    allowPositionals: true,
    tokens: true,
  });
  const values = new Map<string, string[]>();
  const positionals: string[] = [];
  for (const token of tokens) {
    if (token.kind === "positional") positionals.push(token.value);
    if (token.kind !== "option") continue;
    const spec = specs.find((candidate) => candidate.name === token.name);
    if (spec === undefined) {
      const known = specs.map((candidate) => `--${candidate.name}`);
      throw new UsageError(`${token.rawName}: no such option; ${suggest(token.rawName, known)}`);
    }
    const value = checkValue(spec, token.value, token.inlineValue ?? false);
    const list = values.get(spec.name);
    if (list === undefined) values.set(spec.name, [value]);
    else if (spec.multiple) list.push(value);
    else throw new UsageError(`--${spec.name}: given twice; give it once`);
  }
  if (positionals.length > command.positionals && !values.has("help")) {
    const extra = positionals[command.positionals];
    throw new UsageError(
      `${extra}: one argument too many; usage: vml ${command.name} ${command.usage}`,
    );
  }
  return new Arguments(positionals, values);
}

function checkValue(spec: OptionSpec, value: string | undefined, inline: boolean): string {
  const option = `--${spec.name}`;
  if (spec.value === undefined) {
    if (value !== undefined) throw new UsageError(`${option}: takes no value`);
    return "";
  }
  // "--kernel --initrd x" has lost the kernel's name; "--append=--x" says that it is meant.
  if (value === undefined || value === "" && !inline || value.startsWith("--") && !inline) {
    throw new UsageError(`${option}: needs a value; write ${option} ${spec.value}`);
  }
  const word = spec.settings === undefined ? value : value.split(/[,=]/, 1)[0];
  if (spec.choices !== undefined && !spec.choices.includes(word)) {
    throw new UsageError(`${option}: "${word}" is not known; ${suggest(word, spec.choices)}`);
  }
  return value;
}
