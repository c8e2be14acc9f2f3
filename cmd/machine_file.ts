import { dirname, isAbsolute, join } from "node:path";
import { UsageError } from "./errors.ts";
import { readInput } from "./files.ts";

/** A machine described in YAML. */
export interface MachineFile {
  /** The settings, unchecked. */
  readonly value: Record<string, unknown>;
  /** Where a setting is: "machine.yaml:7: devices[0].type". */
  where(path: string): string;
  /** A file that the machine names, relative to the machine's own file. */
  resolve(path: string): string;
}

/** Reads a YAML file. Throws a UsageError that names file and line. */
export async function readMachineFile(path: string): Promise<MachineFile> {
  const bytes = await readInput("machine", path);
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw new UsageError(
      `${path}: this is no text in UTF-8, so no machine in YAML; give a kernel with --kernel`,
    );
  }
  const { isNode, LineCounter, parseDocument } = await loadYaml(path);
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const [fault] = [...document.errors, ...document.warnings];
  if (fault !== undefined) {
    const { line, col } = lines.linePos(fault.pos[0]);
    throw new UsageError(`${path}:${line}:${col}: ${fault.message}`);
  }
  const where = (setting: string): string => {
    const line = lineOf(setting);
    return `${path}${line === undefined ? "" : `:${line}`}${setting === "" ? "" : `: ${setting}`}`;
  };
  let value: unknown;
  try {
    value = document.toJS();
  } catch (error) {
    // Aliases that do not resolve, or grow without end.
    throw new UsageError(`${path}: ${(error as Error).message}`);
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new UsageError(
      `${path}:1: expected settings by name, such as "kernel: Image" and "memory: 512M"`,
    );
  }
  return {
    value: value as Record<string, unknown>,
    where,
    resolve: (file) => isAbsolute(file) ? file : join(dirname(path), file),
  };

  /** Line of the setting, or of the nearest that holds it. */
  function lineOf(setting: string): number | undefined {
    const keys = setting.split(/[.[\]]+/).filter((key) => key !== "");
    for (let length = keys.length; length > 0; length--) {
      const steps = keys.slice(0, length).map((key) => /^\d+$/.test(key) ? Number(key) : key);
      const node = document.getIn(steps, true);
      if (isNode(node) && node.range) return lines.linePos(node.range[0]).line;
    }
    return undefined;
  }
}

/** The only package of the program; everything but machine files works without it. */
async function loadYaml(path: string): Promise<typeof import("yaml")> {
  try {
    return await import("yaml");
  } catch {
    throw new UsageError(
      `${path}: the package yaml is not there; get it with "npm install" or "deno install"`,
    );
  }
}
