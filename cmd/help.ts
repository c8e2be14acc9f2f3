import { type Command, HELP_OPTION, type OptionSpec } from "./command.ts";

/** Help for the whole program. */
export function programHelp(commands: readonly Command[]): string {
  const width = Math.max(...commands.map((command) => command.name.length));
  return `vml: virtual machines in TypeScript, executed as WebAssembly.

Usage: vml <command> [options]

Commands:
${commands.map((c) => `  ${c.name.padEnd(width)}  ${c.summary}`).join("\n")}

Options:
  -h, --help     Shows this help, or that of a command: vml run --help
      --version  Shows the version.

Examples:
${examples(commands.flatMap((command) => command.examples.slice(0, 2)))}
`;
}

/** Help for one command. */
export function commandHelp(command: Command): string {
  const options = [...command.options, HELP_OPTION];
  const heads = options.map(optionHead);
  const width = Math.max(...heads.map((head) => head.length));
  const lines = options.map((option, i) => `${heads[i].padEnd(width)}  ${option.help}`);
  const notes = command.notes === undefined ? "" : `\n${command.notes}\n`;
  return `${command.summary}

Usage: vml ${command.name} ${command.usage}

Options:
${lines.join("\n")}
${notes}
Examples:
${examples(command.examples)}
`;
}

function optionHead({ name, short, value, choices, settings, multiple }: OptionSpec): string {
  const letter = short === undefined ? "    " : `-${short}, `;
  const plain = choices?.join("|") ?? value;
  const argument = settings === undefined ? plain : `${plain}[,${settings}]`;
  return `  ${letter}--${name}${argument === undefined ? "" : ` ${argument}`}${
    multiple ? " ..." : ""
  }`;
}

function examples(list: readonly (readonly [string, string])[]): string {
  return list.map(([line, does]) => `  ${line}\n      ${does}`).join("\n");
}
