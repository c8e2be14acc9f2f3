/** Takes the terminal and goes out in the way that the first argument names; for tests. */
import process from "node:process";
import { ProcessTerminal } from "../terminal.ts";

const WAYS: Record<string, () => void> = {
  end: () => {
    stopInput();
    restore();
  },
  exit: () => process.exit(0),
  throw: () => {
    throw new Error("on purpose");
  },
  SIGTERM: () => process.kill(process.pid, "SIGTERM"),
  SIGHUP: () => process.kill(process.pid, "SIGHUP"),
  SIGINT: () => process.kill(process.pid, "SIGINT"),
};

const terminal = new ProcessTerminal();
const { columns, rows } = terminal.size();
const restore = terminal.raw();
const received: number[] = [];
const stopInput = terminal.onInput((bytes) => {
  received.push(...bytes);
  // The test ends its input with "!".
  if (!bytes.includes(0x21)) return;
  const line = `got ${received.join(" ")} ${terminal.interactive} ${columns}x${rows}\r\n`;
  terminal.write(new TextEncoder().encode(line));
  WAYS[process.argv[2]]();
});
terminal.write(new TextEncoder().encode("ready\r\n"));
