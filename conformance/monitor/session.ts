/**
 * Sessions at the monitor's prompt, and where the transcripts of this machine may differ from those of
 * QEMU's boards: virt with a Cortex-A53 (the committed gicv2.txt and gicv3.txt), and microvm
 * (microvm.txt).
 */
import type { Step } from "../suite/case.ts";

/** vCPUs of the session's machine. It has a virtio-rng and nothing else that is optional. */
export const SESSION_CPUS = 2;
/** Its memory. */
export const SESSION_MEMORY_MIB = 64;

const PROMPT = "vml> ";
const CTRL_C = "\x03";
const CTRL_U = "\x15";
const DELETE = "\x7f";
const UP = "\x1b[A";

const commands = (...lines: readonly string[]): Step[] =>
  lines.map((line) => ({ after: PROMPT, type: `${line}\r` }));

/** Editing: deleted characters, a deleted line, a line given up, the line before, nothing, noise. */
const editing = (address: string): Step[] => [
  { after: PROMPT, type: `piek${DELETE}${DELETE}\b` },
  { after: "\b", type: `eek ${address}${CTRL_U}` },
  { after: "\b \b", type: "reboot" },
  { after: "reboot", type: CTRL_C },
  { after: PROMPT, type: `${UP}\r` },
  { after: PROMPT, type: "\r" },
  ...commands("  what  is this", "one two three four five"),
];

/** Commands given up; a reset, after which the other CPU is set up again; power-off. */
const END: readonly Step[] = [
  ...commands("bench 60000"),
  { after: "bench 60000\r\n", type: CTRL_C },
  ...commands("timer"),
  { after: "a second ... ", type: CTRL_C },
  ...commands("reboot", "irq", "cpus", "irq", "poweroff"),
];

/** The session on virt; it ends with power-off. */
export const SESSION: readonly Step[] = [
  ...commands("help", "cpus", "mem", "timer", "devices"),
  // Identification of the UART, a store, where no device is, where nothing is mapped, and mistakes.
  ...commands("peek 0x09000fe0 8", "peek 0x40000000", "poke 0x40000000 0xdecafbad"),
  ...commands("peek 0x40000000", "peek 0x0a200000", "poke 0x0a200000 1", "peek 0xc0000000"),
  ...commands("peek 3", "peek 0x40000000 0", "poke 0x40000000 0x100000000", "poke 1"),
  ...commands("fault", "fault undefined", "fault data", "fault code", "fault align", "fault brk"),
  ...commands("fault svc", "fault none", "bench 20", "bench 0", "irq"),
  ...editing("0x40000000"),
  ...END,
];

/** The session on microvm. */
export const MICROVM_SESSION: readonly Step[] = [
  ...commands("help", "cpus", "mem", "timer", "devices"),
  // The PVH note, a store, where nothing is mapped, no address, and mistakes.
  ...commands("peek 0x100000 4", "poke 0x200000 0xdecafbad", "peek 0x200000"),
  ...commands("peek 0x8000000000", "poke 0x8000000000 1", "peek 0x800000000000"),
  ...commands("peek 3", "peek 0x200000 0", "poke 0x200000 0x100000000", "poke 1"),
  ...commands("fault", "fault undefined", "fault page", "fault canonical", "fault divide"),
  ...commands("fault int3", "fault segment", "fault none", "bench 20", "bench 0", "irq"),
  ...editing("0x200000"),
  ...END,
];

/** A line that only one of the two machines has, or that is another text in it. */
export interface Difference {
  /** The line of QEMU. */
  readonly qemu: string;
  /** Undefined: no line. */
  readonly vml: string | undefined;
  /** Why it is right. */
  readonly reason: string;
}

const features = "features: fp asimd aes pmull sha1 sha256 crc32";
const notThere = "a device that this board does not have";

/** Differences on virt, with either GIC. Each must occur. */
export const differences: readonly Difference[] = [
  {
    qemu: "physical addresses of 40 bits, ASIDs of 16, pages of 4K 64K",
    vml: "physical addresses of 48 bits, ASIDs of 16, pages of 4K 16K 64K",
    reason: "the CPU has more than a Cortex-A53",
  },
  {
    qemu: features,
    vml: `${features} lse rdm pan`,
    reason: "the CPU has more than a Cortex-A53",
  },
  { qemu: "0x0000000000  cfi-flash", vml: undefined, reason: notThere },
  { qemu: "0x4010000000  pci-host-ecam-generic", vml: undefined, reason: notThere },
];

/** Texts of microvm that each CPU has of its own; masked in both transcripts. */
const CPU_LINES: readonly { readonly pattern: RegExp; readonly mask: string }[] = [
  {
    pattern: /^.*\n(signature) 0x\w+, physical addresses of \d+ bits/gm,
    mask: "BRAND\n$1 OF THE CPU",
  },
  { pattern: /^features: sse3 .*/gm, mask: "FEATURES OF THE CPU" },
  // That of virt is fixed.
  {
    pattern: /^(?!62500000 )\d+ ticks per second, TICKS/gm,
    mask: "FREQUENCY ticks per second, TICKS",
  },
];

/** What changes from run to run, or with the size of a device tree. */
const VARIABLE: readonly { readonly pattern: RegExp; readonly mask: string }[] = [
  { pattern: /^(device tree +0x\w+)\.\..*/gm, mask: "$1..END" },
  { pattern: /, \d+ since power-on \(\d+ ms\)/g, mask: ", TICKS since power-on (MS ms)" },
  { pattern: /^\d+ million instructions in \d+ ms: \d+ MIPS/gm, mask: "BENCH" },
  // A second that was given up: QEMU's is over before the key comes, as it skips idle time.
  { pattern: /\^C\n\d+ ms, \d interrupts?/g, mask: "^C\nMS ms, N interrupts" },
  // How many characters one interrupt brings depends on how fast they come.
  { pattern: /(\(serial line\) fired) \d+ times?/g, mask: "$1 N times" },
  // Addresses in the program change with its sources.
  { pattern: /ELR 0x402\w+/g, mask: "ELR IN-PROGRAM" },
  { pattern: /RIP 0x1\w+/g, mask: "RIP IN-PROGRAM" },
  { pattern: /FAR 0x402\w+/g, mask: "FAR IN-PROGRAM" },
  { pattern: /^(monitor +0x\w+)\.\..*/gm, mask: "$1..END" },
];

/** Masks what is variable and ends lines by LF. */
export function mask(transcript: string): string {
  return [...VARIABLE, ...CPU_LINES].reduce(
    (text, { pattern, mask }) => text.replace(pattern, mask),
    transcript.replaceAll("\r\n", "\n"),
  );
}

/**
 * A masked transcript of QEMU's virt board as this machine should print it. Throws if a difference is not
 * there.
 */
export function expected(qemu: string): string {
  let lines = qemu.split("\n");
  for (const difference of differences) {
    if (!lines.includes(difference.qemu)) throw new Error(`not in QEMU's: ${difference.qemu}`);
    const replacement = difference.vml === undefined ? [] : [difference.vml];
    lines = lines.flatMap((line) => line === difference.qemu ? replacement : [line]);
  }
  return lines.join("\n");
}
