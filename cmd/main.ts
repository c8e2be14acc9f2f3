/** The vml program: finds the command, turns what goes wrong into a line and an exit code. */
import process from "node:process";
import { suggest } from "../lib/config/checks.ts";
import { type Command, parseArguments } from "./command.ts";
import { completionsCommand } from "./completions.ts";
import { conformanceCommand } from "./conformance.ts";
import { EXIT, UsageError } from "./errors.ts";
import { commandHelp, programHelp } from "./help.ts";
import { imageCommand } from "./image.ts";
import { inspectCommand } from "./inspect.ts";
import { runCommand } from "./run.ts";
import { versionText } from "./version.ts";

const COMMANDS: readonly Command[] = [
  runCommand,
  inspectCommand,
  imageCommand,
  conformanceCommand,
  completionsCommand(() => COMMANDS),
];

async function main(args: readonly string[]): Promise<number> {
  const [name, ...rest] = args;
  if (name === undefined || name === "--help" || name === "-h" || name === "help") {
    const topic = COMMANDS.find((command) => command.name === rest[0]);
    process.stdout.write(topic === undefined ? programHelp(COMMANDS) : commandHelp(topic));
    return name === undefined ? EXIT.usage : EXIT.ok;
  }
  if (name === "--version" || name === "version") {
    process.stdout.write(`${versionText()}\n`);
    return EXIT.ok;
  }
  const command = COMMANDS.find((candidate) => candidate.name === name);
  if (command === undefined) {
    const names = COMMANDS.map((candidate) => candidate.name);
    throw new UsageError(
      name.startsWith("-")
        ? `${name}: no such option; options come behind a command, see vml --help`
        : `${name}: no such command; ${suggest(name, names)}; see vml --help`,
    );
  }
  const parsed = parseArguments(command, rest);
  if (parsed.has("help")) {
    process.stdout.write(commandHelp(command));
    return EXIT.ok;
  }
  return await command.run(parsed);
}

/** "vml:", in red on a terminal that wants colours. */
function errorPrefix(): string {
  const colours = process.stderr.isTTY && !process.env.NO_COLOR && process.env.TERM !== "dumb";
  return colours ? "\x1b[1;31mvml:\x1b[0m" : "vml:";
}

// A reader that has gone (`vml --help | head -1`) is no reason for a stack trace.
process.stdout.on("error", () => {});

let exitCode: number;
try {
  exitCode = await main(process.argv.slice(2));
} catch (error) {
  if (error instanceof UsageError) {
    process.stderr.write(`${errorPrefix()} ${error.message.replaceAll(/\s*\n\s*/g, " ")}\n`);
    exitCode = EXIT.usage;
  } else {
    const text = error instanceof Error ? error.stack ?? error.message : String(error);
    process.stderr.write(`${errorPrefix()} this is a fault of vml: ${text}\n`);
    exitCode = EXIT.failed;
  }
}
// Input that is still being read would keep the process; output must have left before it ends.
process.stdout.write("", () => process.exit(exitCode));
