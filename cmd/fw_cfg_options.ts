import type { FwCfgOptions } from "../lib/config/fw_cfg_config.ts";
import type { OptionSpec } from "./command.ts";
import { UsageError } from "./errors.ts";

/** `--fw-cfg`, written as QEMU's -fw_cfg. */
export const FW_CFG_OPTION: OptionSpec = {
  name: "fw-cfg",
  value: "[name=]NAME,file=FILE|string=TEXT",
  multiple: true,
  help: "aarch64: a file that firmware and kernel can read (QEMU's fw_cfg): opt/org.example/key.",
};

/** Reads its value. Commas in FILE and TEXT stay. Throws a UsageError. */
export function parseFwCfg(text: string): FwCfgOptions {
  const match = /^(?:name=)?([^,=]+),(file|string)=(.*)$/s.exec(text);
  if (match === null) {
    throw new UsageError(
      `--fw-cfg: "${text}" is not understood; write --fw-cfg NAME,file=FILE or NAME,string=TEXT`,
    );
  }
  const [, name, key, value] = match;
  return { name, [key]: value };
}
