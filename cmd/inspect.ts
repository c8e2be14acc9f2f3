import process from "node:process";
import { BootError } from "../lib/boot/boot_error.ts";
import { Fdt } from "../lib/boot/fdt.ts";
import { formatFdt } from "../lib/boot/fdt_text.ts";
import { makeImage } from "../lib/boot/image.ts";
import { makePvhElf } from "../lib/boot/x86_64/pvh_elf.ts";
import type { Architecture } from "../lib/config/machine_config.ts";
import type { BusRegion } from "../lib/devices/vbus/bus.ts";
import type { BlockFile } from "../lib/platform/platform.ts";
import { hostPlatform } from "../platform/host.ts";
import type { Arguments, Command } from "./command.ts";
import { DISASSEMBLE_OPTIONS } from "./disassemble_options.ts";
import { EXIT, UsageError } from "./errors.ts";
import { readInput } from "./files.ts";
import { makeMachine } from "./make_machine.ts";
import { MACHINE_OPTIONS, readMachineRequest } from "./run_options.ts";

const SUBJECTS: Record<string, (args: Arguments) => Promise<number>> = {
  disassemble: inspectCode,
  fdt: inspectFdt,
  instructions: inspectInstructions,
  machine: inspectMachine,
};
const SUBJECT_NAMES = Object.keys(SUBJECTS);

/** `vml inspect`. */
export const inspectCommand: Command = {
  name: "inspect",
  summary: "Shows what is in a program, a device tree or a machine.",
  usage: `${SUBJECT_NAMES.join("|")} [FILE] [options]`,
  words: SUBJECT_NAMES,
  positionals: 2,
  options: [
    ...DISASSEMBLE_OPTIONS,
    ...MACHINE_OPTIONS,
    { name: "fdt", help: "Prints the machine's device tree as source text." },
    { name: "json", help: "Prints JSON." },
  ],
  examples: [
    ["vml inspect disassemble Image --length 256", "Prints A64 instructions."],
    ["vml inspect disassemble vmlinux --start 0xffff800008010000", "Those of an ELF file."],
    ["vml inspect disassemble boot.bin --arch x86_64 --bits 16", "Raw code of another kind."],
    ["vml inspect instructions --arch aarch64", "Lists the instructions that guests may use."],
    ["vml inspect fdt board.dtb", "Prints a flattened device tree as source text."],
    ["vml inspect machine machine.yaml --cpus 4", "Prints settings and memory map of a machine."],
  ],
  notes:
    `disassemble: ELF files (also .o and .so), Linux arm64 Images, also packed; anything else is raw code
of --arch. --start and --stop for all, --base, --offset, --length for Images and raw code.
instructions: --arch, --json. machine: --json or --fdt, and the options of vml run that describe a
machine.`,
  async run(args) {
    const [subject] = args.positionals;
    if (subject === undefined || !Object.hasOwn(SUBJECTS, subject)) {
      throw new UsageError(
        `inspect: ${
          subject === undefined ? "inspect what?" : `"${subject}" cannot be inspected;`
        } give one of ${SUBJECT_NAMES.join(", ")}`,
      );
    }
    return await SUBJECTS[subject](args.rest());
  },
};

async function inspectCode(args: Arguments): Promise<number> {
  // The instruction tables take their time to load.
  const { disassemble } = await import("./disassemble.ts");
  return await disassemble(args);
}

async function inspectInstructions(args: Arguments): Promise<number> {
  const { listInstructions } = await import("./instructions.ts");
  return listInstructions(args);
}

async function inspectFdt(args: Arguments): Promise<number> {
  const [file] = args.positionals;
  if (file === undefined) {
    throw new UsageError("inspect fdt: needs a file; write vml inspect fdt FILE");
  }
  const bytes = await readInput("inspect fdt", file);
  try {
    process.stdout.write(formatFdt(Fdt.parse(bytes)));
  } catch (error) {
    if (error instanceof BootError) throw new UsageError(`inspect fdt: ${file}: ${error.message}`);
    throw error;
  }
  return EXIT.ok;
}

async function inspectMachine(args: Arguments): Promise<number> {
  if (args.has("fdt") && args.has("json")) {
    throw new UsageError("--fdt: gives no JSON; leave out --json");
  }
  const request = await readMachineRequest(args);
  const disks: BlockFile[] = [];
  // A machine needs some kernel; this one is never run.
  const kernel = (arch: Architecture): Uint8Array =>
    arch === "x86_64" ? makePvhElf(new Uint8Array(4)) : makeImage(new Uint8Array(4));
  try {
    const platform = hostPlatform();
    const machine = await makeMachine(request, disks, platform, kernel);
    const { config } = machine;
    const { arch, memory, cpus, cmdline, devices, time } = config;
    const own = config.arch === "aarch64" ? { gic: config.gic } : { cpu: config.cpu };
    const settings = { arch, memory, cpus, ...own, cmdline, time };
    const ram = machine.debugger.memory.regions.map(({ base, bytes }) => ({
      name: "ram",
      address: base,
      bytes: bytes.length,
    }));
    const regions = [...ram, ...machine.regions.map(regionOf)]
      .sort((a, b) => a.address - b.address);
    const ports = machine.ports.map(regionOf);
    const types = devices.map((device) => device.type);
    if (args.has("fdt")) {
      const { fdt } = machine;
      if (fdt === undefined) {
        throw new UsageError(`--fdt: machines of ${arch} have no device tree; leave it out`);
      }
      process.stdout.write(formatFdt(fdt));
    } else if (args.has("json")) {
      process.stdout.write(`${
        JSON.stringify({
          ...settings,
          devices: types,
          regions,
          ...(ports.length > 0 && { ports }),
        })
      }\n`);
    } else {
      const head = Object.entries({ ...settings, devices: types.join(", ") || "none" });
      const hex = (n: number, digits = 8): string => `0x${n.toString(16).padStart(digits, "0")}`;
      const lines = [
        ...head.map(([name, value]) => `${name}: ${value}`),
        "",
        "address     bytes       device",
        ...folded(regions).map(({ name, address, bytes, count }) =>
          `${hex(address)}  ${hex(bytes)}  ${name}${count > 1 ? ` x ${count}` : ""}`
        ),
        ...(ports.length > 0 ? ["", "port    ports   device"] : []),
        ...folded(ports).map(({ name, address, bytes }) =>
          `${hex(address, 4)}  ${hex(bytes, 4)}  ${name}`
        ),
      ];
      process.stdout.write(`${lines.join("\n")}\n`);
    }
    await machine[Symbol.asyncDispose]();
  } finally {
    for (const disk of disks) await disk.close();
  }
  return EXIT.ok;
}

interface Region {
  readonly name: string;
  readonly address: number;
  readonly bytes: number;
}

function regionOf({ device, address, bytes }: BusRegion): Region {
  return { name: device.name, address, bytes };
}

/** Neighbours of one name (empty slots) as one. */
function folded(regions: readonly Region[]): (Region & { count: number })[] {
  const rows: (Region & { count: number })[] = [];
  for (const region of regions) {
    const last = rows.at(-1);
    if (last?.name === region.name && last.address + last.bytes === region.address) {
      rows[rows.length - 1] = {
        ...last,
        bytes: last.bytes + region.bytes,
        count: last.count + 1,
      };
    } else rows.push({ ...region, count: 1 });
  }
  return rows;
}
