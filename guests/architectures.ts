/** How the reference guests are compiled and linked for each architecture. */

/** An architecture that guests are built for. */
export interface Architecture {
  /** The folder of its runtime, and of what is its own in each guest. */
  readonly name: string;
  /** What an image is, for its documentation. */
  readonly image: string;
  /** For all files. */
  readonly compile: readonly string[];
  /** Instructions that the compiler may use, if nothing else is said in `special`. */
  readonly instructions: readonly string[];
  /** The same for a guest, a folder of it or a single file. */
  readonly special: Readonly<Record<string, readonly string[]>>;
  readonly link: readonly string[];
  /** For programs for Linux: Debian's name of it, and the compiler's target. */
  readonly linux: { readonly name: string; readonly compile: readonly string[] };
  /** Makes the image of the ELF file: arguments of llvm-objcopy. */
  readonly extract: readonly string[];
}

const COMPILE = [
  "-std=gnu11",
  "-O2",
  "-ffreestanding",
  "-fno-builtin",
  "-fno-ident",
  "-Wall",
  "-Wextra",
  "-Werror",
];
// Exceptions save no FP registers.
const A64 = ["-march=armv8-a", "-mgeneral-regs-only"];
const A64_NEON = ["-march=armv8-a", "-O3", "-fno-math-errno", "-ffp-contract=on"];
const A64_LSE = ["-march=armv8.1-a", "-mgeneral-regs-only"];
const A64_CRYPTO = ["-march=armv8.1-a+crypto"];
const X64 = ["-march=x86-64", "-mgeneral-regs-only"];
const X64_SSE2 = ["-march=x86-64", "-O3", "-fno-math-errno"];

/** All of them. */
export const ARCHITECTURES: readonly Architecture[] = [
  {
    name: "aarch64",
    image: "a Linux arm64 Image",
    compile: ["--target=aarch64-none-elf", ...COMPILE, "-fpie", "-fvisibility=hidden"],
    instructions: A64,
    special: {
      "atomics/aarch64": A64_LSE,
      "bench/floating.c": A64_NEON,
      "fp/aarch64": A64_CRYPTO,
    },
    link: ["-pie", "--no-dynamic-linker", "--gc-sections", "-z", "norelro"],
    linux: { name: "arm64", compile: ["--target=aarch64-linux-gnu", "-march=armv8-a"] },
    extract: ["-O", "binary"],
  },
  {
    name: "x86_64",
    image: "an ELF program with a PVH entry",
    // Interrupts use the stack of what they interrupt, below its pointer.
    compile: [
      "--target=x86_64-none-elf",
      ...COMPILE,
      "-fno-pie",
      "-mno-red-zone",
      "-fno-asynchronous-unwind-tables",
    ],
    instructions: X64,
    special: {
      "bench/floating.c": X64_SSE2,
    },
    link: [
      "-static",
      "--gc-sections",
      "-z",
      "norelro",
      "-z",
      "max-page-size=4096",
      "--build-id=none",
    ],
    linux: { name: "amd64", compile: ["--target=x86_64-linux-gnu", "-march=x86-64"] },
    extract: ["--strip-all"],
  },
];
