import process from "node:process";
import { type Command, HELP_OPTION, type OptionSpec } from "./command.ts";
import { EXIT, UsageError } from "./errors.ts";

const SHELLS = { bash, zsh, fish };
const SHELL_NAMES = Object.keys(SHELLS);

/** The command that prints completions; `commands` gives all of the program's. */
export function completionsCommand(commands: () => readonly Command[]): Command {
  return {
    name: "completions",
    summary: "Prints a completion script for a shell.",
    usage: SHELL_NAMES.join("|"),
    words: SHELL_NAMES,
    positionals: 1,
    options: [],
    examples: [
      ["source <(vml completions bash)", "Completes vml's commands in this bash."],
      ["vml completions zsh > ~/.zfunc/_vml", "For zsh, in a directory of fpath."],
      ["vml completions fish > ~/.config/fish/completions/vml.fish", "For fish, for good."],
    ],
    run(args) {
      const shell = args.positionals[0];
      if (shell === undefined || !Object.hasOwn(SHELLS, shell)) {
        throw new UsageError(
          `completions: ${
            shell === undefined ? "which shell?" : `no completions for "${shell}";`
          } give one of ${SHELL_NAMES.join(", ")}`,
        );
      }
      process.stdout.write(SHELLS[shell as keyof typeof SHELLS](commands()));
      return Promise.resolve(EXIT.ok);
    },
  };
}

const allOptions = (command: Command): readonly OptionSpec[] => [...command.options, HELP_OPTION];

const takesFile = (option: OptionSpec): boolean =>
  option.value !== undefined && option.value.startsWith("FILE");

function bash(commands: readonly Command[]): string {
  const cases = commands.map((command) => {
    const values = command.options.filter((option) => option.choices !== undefined).map((option) =>
      `      --${option.name}) COMPREPLY=($(compgen -W "${
        option.choices?.join(" ")
      }" -- "$cur")); return ;;`
    );
    const words = [
      ...command.words ?? [],
      ...allOptions(command).map((option) => `--${option.name}`),
    ];
    return `  ${command.name})
    case "$prev" in
${[...values, "      *) ;;"].join("\n")}
    esac
    words="${words.join(" ")}" ;;`;
  });
  return `# Completions of vml for bash.
_vml() {
  local cur="\${COMP_WORDS[COMP_CWORD]}" prev="\${COMP_WORDS[COMP_CWORD - 1]}" words=""
  case "\${COMP_WORDS[1]}" in
${cases.join("\n")}
  *) words="${commands.map((command) => command.name).join(" ")} --help --version" ;;
  esac
  if [[ $COMP_CWORD -eq 1 ]]; then
    words="${commands.map((command) => command.name).join(" ")} --help --version"
  fi
  COMPREPLY=($(compgen -W "$words" -- "$cur"))
}
complete -o default -F _vml vml
`;
}

function zsh(commands: readonly Command[]): string {
  const quote = (text: string): string => text.replaceAll("'", "'\\''").replaceAll(":", "\\:");
  const bracket = (text: string): string => quote(text).replaceAll(/[[\]]/g, "\\$&");
  const cases = commands.map((command) => {
    const specs = allOptions(command).map((option) => {
      const repeat = option.multiple ? "*" : "";
      const argument = option.value === undefined
        ? ""
        : `:${option.value.toLowerCase().replaceAll(/[^a-z]/g, " ")}:${
          option.choices !== undefined
            ? `(${option.choices.join(" ")})`
            : takesFile(option)
            ? "_files"
            : ""
        }`;
      return `      '${repeat}--${option.name}[${bracket(option.help)}]${argument}'`;
    });
    const words = command.words === undefined
      ? []
      : [`      '1:what:(${command.words.join(" ")})'`];
    const files = [`      '*:file:_files'`];
    return `    ${command.name})
      _arguments \\
${[...specs, ...words, ...files].join(" \\\n")}
      ;;`;
  });
  return `#compdef vml
_vml() {
  local -a commands
  commands=(
${commands.map((c) => `    '${c.name}:${quote(c.summary)}'`).join("\n")}
  )
  if (( CURRENT == 2 )); then
    _describe command commands
    return
  fi
  local command=$words[2]
  shift words
  (( CURRENT-- ))
  case $command in
${cases.join("\n")}
  esac
}
# In a directory of fpath this file is the body of _vml; elsewhere it is sourced.
if [ "$funcstack[1]" = "_vml" ]; then
  _vml "$@"
else
  compdef _vml vml
fi
`;
}

function fish(commands: readonly Command[]): string {
  const quote = (text: string): string =>
    `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;
  const lines = ["# Completions of vml for fish.", "complete -c vml -f"];
  for (const command of commands) {
    lines.push(
      `complete -c vml -n __fish_use_subcommand -a ${command.name} -d ${quote(command.summary)}`,
    );
    const when = `-n '__fish_seen_subcommand_from ${command.name}'`;
    if (command.words !== undefined) {
      lines.push(`complete -c vml ${when} -a ${quote(command.words.join(" "))}`);
    }
    if (command.usage.includes(".yaml") || command.usage.includes("FILE")) {
      lines.push(`complete -c vml ${when} -F`);
    }
    for (const option of allOptions(command)) {
      const short = option.short === undefined ? "" : ` -s ${option.short}`;
      const argument = option.choices !== undefined
        ? ` -x -a ${quote(option.choices.join(" "))}`
        : takesFile(option)
        ? " -r -F"
        : option.value !== undefined
        ? " -x"
        : "";
      lines.push(
        `complete -c vml ${when} -l ${option.name}${short}${argument} -d ${quote(option.help)}`,
      );
    }
  }
  return `${lines.join("\n")}\n`;
}
