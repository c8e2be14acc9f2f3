/**
 * The host CPU as an executor: builds record.c and talks to it. Needs Linux on x86-64 and a C
 * compiler.
 */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { arch, platform, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { CaseCode, Executor } from "./replay.ts";
import { CODE, slotAddress, State, STATE_BYTES, WINDOW } from "./state.ts";

const RUN_BYTES = 8 + STATE_BYTES + WINDOW.centreSize;
/** The C compilers that are looked for. */
const COMPILERS = ["cc", "gcc", "clang"];
const OPTIONS = ["-O1", "-static-pie", "-fPIE", "-fno-stack-protector", "-mfsgsbase", "-mno-avx"];

/** How a string of bytes ended that was executed as code. */
export interface Outcome {
  /** Bytes of the instruction; of one that is undefined, those that the CPU looked at. */
  readonly length: number;
  /** Vector of the exception; 0xff none, 0xfe a system call, 0xfd no end. */
  readonly vector: number;
  readonly error: number;
  /** Low 32 bits of a page fault's address. */
  readonly address: number;
}

/** What the recorder, or the instructions that are recorded, need; as /proc/cpuinfo names it. */
const FEATURES: readonly string[] = [
  ...["sse4_2", "bmi1", "bmi2", "adx", "aes", "pclmulqdq", "sha_ni", "popcnt", "movbe"],
  ...["fsgsbase", "abm", "cx16"],
];
/** Whose CPU the vectors were recorded on; others differ where the manuals leave room. */
const VENDOR = "AuthenticAMD";

/** Why the host cannot record; undefined if it can. */
export function whyNotNative(): string | undefined {
  if (platform() !== "linux" || arch() !== "x64") return "not Linux on x86-64";
  const missing = FEATURES.filter((name) => !new RegExp(`^flags.*\\b${name}\\b`, "m").test(cpu()));
  if (missing.length > 0) return `the CPU has no ${missing.join(", ")}`;
  return compiler() === undefined ? `no C compiler (${COMPILERS.join(", ")})` : undefined;
}

/** Why the host's CPU cannot be compared with what was recorded; undefined if it can. */
export function whyNotComparable(): string | undefined {
  const vendor = /^vendor_id\s*: (.*)$/m.exec(cpu())?.[1];
  return whyNotNative() ??
    (vendor === VENDOR ? undefined : `a CPU of ${vendor}, recorded on one of ${VENDOR}`);
}

function cpu(): string {
  try {
    return readFileSync("/proc/cpuinfo", "utf8");
  } catch {
    return "";
  }
}

function compiler(): string | undefined {
  return COMPILERS.find((name) => {
    try {
      execFileSync(name, ["--version"], { stdio: "ignore" });
      return true;
    } catch {
      return false;
    }
  });
}

/** The recorder, built in a directory of its own. */
export class NativeExecutor implements Executor {
  readonly name = "host CPU";
  readonly #directory: string = mkdtempSync(join(tmpdir(), "x64-"));
  readonly #program: string = join(this.#directory, "record");

  constructor() {
    const source = fileURLToPath(new URL("./record.c", import.meta.url));
    execFileSync(compiler() ?? "cc", [...OPTIONS, "-o", this.#program, source]);
  }

  dispose(): void {
    rmSync(this.#directory, { recursive: true });
  }

  run(
    code: readonly CaseCode[],
    before: (index: number, state: State) => void,
    result: (index: number, after: State) => void,
  ): void {
    const input = new Uint8Array(8 + CODE.slots * CODE.slotBytes + code.length * RUN_BYTES);
    const view = new DataView(input.buffer);
    view.setUint32(0, CODE.slots, true);
    input.fill(CODE.filler, 4, 4 + CODE.slots * CODE.slotBytes);
    let at = 4 + CODE.slots * CODE.slotBytes;
    view.setUint32(at, code.length, true);
    at += 4;
    const state = new State();
    for (const { index, bytes } of code) {
      input.set(bytes, 4 + slotAddress(index) - CODE.address);
      view.setUint32(at, index % CODE.slots, true);
      before(index, state);
      writeRun(input, at, state);
      at += RUN_BYTES;
    }
    const output = this.#execute("cases", input);
    const out = new DataView(output.buffer);
    at = 0;
    const after = new State();
    for (const { index } of code) {
      before(index, after);
      after.bytes.set(output.subarray(at, at + STATE_BYTES));
      at += STATE_BYTES;
      const changes = out.getUint32(at, true);
      at += 8;
      for (let i = 0; i < changes; i++, at += 8) {
        after.memory[out.getUint32(at, true) / 4] = out.getUint32(at + 4, true);
      }
      result(index, after);
    }
    if (at !== output.length) throw new Error("the recorder's output is of another length");
  }

  /** Executes each string of 16 bytes; string i starts from state i % states. */
  outcomes(strings: readonly Uint8Array[], states: readonly State[]): Outcome[] {
    const input = new Uint8Array(8 + states.length * RUN_BYTES + 16 * strings.length);
    const view = new DataView(input.buffer);
    view.setUint32(0, states.length, true);
    view.setUint32(4, strings.length, true);
    states.forEach((state, i) => writeRun(input, 8 + i * RUN_BYTES, state));
    const stringsAt = 8 + states.length * RUN_BYTES;
    strings.forEach((string, i) => input.set(string, stringsAt + 16 * i));
    const output = this.#execute("lengths", input);
    const out = new DataView(output.buffer);
    if (output.length !== 8 * strings.length) {
      throw new Error("the recorder did not come to its end");
    }
    return strings.map((_, i) => ({
      length: output[8 * i],
      vector: output[8 * i + 1],
      error: out.getUint16(8 * i + 2, true),
      address: out.getUint32(8 * i + 4, true),
    }));
  }

  #execute(mode: string, input: Uint8Array): Uint8Array<ArrayBuffer> {
    const bytes = execFileSync(this.#program, [mode], { input, maxBuffer: 1 << 28 });
    return new Uint8Array(bytes);
  }
}

/** A `struct run` but for its slot. */
function writeRun(input: Uint8Array, at: number, state: State): void {
  input.set(state.bytes, at + 8);
  const memory = new Uint8Array(state.memory.buffer);
  const centre = memory.subarray(WINDOW.centre, WINDOW.centre + WINDOW.centreSize);
  input.set(centre, at + 8 + STATE_BYTES);
}
