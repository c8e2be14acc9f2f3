/**
 * Faults that libraries of virtual hardware are prone to: the tests that find each, and how to put it
 * into the code, so that one can see them do so (put_in.ts).
 */
import type { Fault } from "./claim.ts";
import { GIC_FAULTS } from "./faults_gic.ts";
import { VIRTIO_FAULTS } from "./faults_virtio.ts";

const BUS = "lib/devices/vbus";
const PL011 = "lib/devices/pl011";
const TIMER = "lib/devices/timer";
const PSCI = "lib/devices/firmware";
const ROUNDUP = "lib/vcpu/vcpu_roundup";

const OTHER_FAULTS: readonly Fault[] = [
  {
    number: 1,
    what:
      "Bus: a device sees an access that is not wholly inside its region, or an offset that wrapped.",
    tests: [
      `${BUS}/bus_test.ts: an access that is not wholly inside one region finds no device`,
    ],
    changes: [
      {
        file: `${BUS}/bus.ts`,
        find: "return address - entry.address <= entry.bytes - bytes ? entry : undefined;",
        replace: "return entry;",
      },
      {
        file: `${BUS}/bus.ts`,
        find: "if (entry === undefined || address < entry.address) return undefined;",
        replace: "if (entry === undefined || address + bytes <= entry.address) return undefined;",
      },
    ],
  },
  {
    number: 2,
    what: "Registers: a read leaves the result, or its upper bytes, as it was.",
    tests: [
      `${BUS}/bus_test.ts: a read gives zero when the device sets nothing, and never more than its size`,
      `${PL011}/pl011_test.ts: ICR reads as zero, and clears only what it names`,
    ],
    changes: [
      {
        file: `${BUS}/bus.ts`,
        find: "access.value = write ? (access.value & mask) >>> 0 : 0;",
        replace: "if (write) access.value = (access.value & mask) >>> 0;",
      },
      {
        file: `${PL011}/pl011.ts`,
        find: "} else if (offset === Register.FR) {",
        replace: `} else if ((offset & ~3) === Register.ICR) {
      return AccessResult.ok;
    } else if (offset === Register.FR) {`,
      },
    ],
  },
  {
    number: 4,
    what: "Bus: a narrow read has bytes of something else above it.",
    tests: [
      `${BUS}/bus_test.ts: a read gives zero when the device sets nothing, and never more than its size`,
      "lib/devices/simple_as/simple_as_test.ts: a misaligned small read has nothing but its own bytes",
    ],
    changes: [
      {
        file: `${BUS}/bus.ts`,
        find: `const result = entry.device.access(access);
    if (!write) access.value = (access.value & mask) >>> 0;`,
        replace: "const result = entry.device.access(access);",
      },
      {
        file: "lib/devices/simple_as/memory_device.ts",
        find: "return size === 2 ? this.#view.getUint16(offset, true) :",
        replace:
          "return size === 2 ? this.#view.getUint32(offset & ~3, true) >>> (8 * (offset & 3)) :",
      },
    ],
  },
  {
    number: 15,
    what: "PL011: the FIFO is shorter than FEN says.",
    tests: [
      `${PL011}/pl011_test.ts: FIFO depth follows FEN from reset on, and 32 with revision r1p5`,
    ],
    changes: [{
      file: `${PL011}/pl011.ts`,
      find: "return this.#fifosEnabled ? this.#depth : 1;",
      replace: "return 1;",
    }],
  },
  {
    number: 18,
    what: "System registers: two encodings have one id.",
    tests: [
      "lib/devices/msr/msr_test.ts: the numbers of system registers are unique over the whole encoding space",
    ],
    changes: [{
      file: `${BUS}/device.ts`,
      find: "return (op0 << 14) | (op1 << 11) |",
      replace: "return (op0 << 14) | (op1 << 10) |",
    }],
  },
  {
    number: 19,
    what: "System registers: registers stand at encodings that are not theirs.",
    tests: [
      "lib/arch/aarch64/register_space_test.ts: every register stands where an assembler puts its name",
    ],
    changes: [
      {
        file: "lib/arch/aarch64/system_registers_control.ts",
        find: 'define("AMAIR_EL1", [3, 0, 10, 3, 0],',
        replace: 'define("AMAIR_EL1", [3, 0, 10, 4, 0],',
      },
      {
        file: "lib/arch/aarch64/system_registers_control.ts",
        find: 'define("RVBAR_EL1",',
        replace: 'define("PMSIDR_EL1", [3, 0, 9, 4, 7]),\n    define("RVBAR_EL1",',
      },
      {
        file: "lib/devices/gic/gicv3_cpu_interface.ts",
        find: "RPR_EL1: systemRegister(3, 0, 12, 11, 3),",
        replace: "RPR_EL1: systemRegister(3, 0, 12, 11, 4),",
      },
      {
        file: `${TIMER}/timer.ts`,
        find: "const CNTP_CVAL_EL0 = systemRegister(3, 3, 14, 2, 2);",
        replace: "const CNTP_CVAL_EL0 = systemRegister(3, 3, 14, 2, 3);",
      },
    ],
  },
  {
    number: 20,
    what: "Timer: TVAL and CVAL count in different time bases.",
    tests: [
      `${TIMER}/timer_test.ts: TVAL, CVAL and the counter share one time base, also after a restore`,
    ],
    changes: [
      {
        file: `${TIMER}/timer.ts`,
        find: "= BigInt(this.counter()) + BigInt.asIntN(32, value);",
        replace:
          "= BigInt(Math.floor(this.#clock.now() / NANOSECONDS_PER_TICK)) + BigInt.asIntN(32, value);",
      },
      {
        file: `${TIMER}/timer.ts`,
        find: "return BigInt(this.counter()) >= this.#compare[timer];",
        replace:
          "return BigInt(Math.floor(this.#clock.now() / NANOSECONDS_PER_TICK)) >= this.#compare[timer];",
      },
    ],
  },
  {
    number: 21,
    what: "Several clocks that do not agree.",
    tests: [
      "lib/platform/clock_test.ts: real time starts at 0 and leaves out pauses",
      "lib/platform/clock_test.ts: real deadlines run when they are served, not in a pause",
      "lib/platform/clock_test.ts: virtual wall-clock time follows virtual time",
    ],
    changes: [
      {
        file: "lib/platform/clock.ts",
        find: "this.#paused ?? this.#platform.monotonic() - this.#origin;",
        replace: "this.#platform.monotonic() - this.#origin;",
      },
      {
        file: "lib/platform/clock.ts",
        find: "const now = this.now();\n    this.#queue.run(",
        replace: "const now = this.#platform.monotonic();\n    this.#queue.run(",
      },
      {
        file: "lib/platform/clock.ts",
        find: "return this.#startSeconds + Math.floor(this.#now / NANOSECONDS_PER_SECOND);",
        replace: "return Math.floor(Date.now() / 1000);",
      },
    ],
  },
  {
    number: 27,
    what: "System registers: a second device may register an id.",
    tests: [
      "lib/devices/msr/msr_test.ts: a register belongs to one device: duplicates are refused as a whole",
    ],
    changes: [
      {
        file: "lib/devices/msr/register_bus.ts",
        find: "if (wanted.has(id) || this.#entries.has(id) ||",
        replace: "if (wanted.has(id) ||",
      },
      {
        file: "lib/devices/msr/register_bank.ts",
        find: "if (this.#rows.size !== rows.length) throw",
        replace: "if (false) throw",
      },
    ],
  },
  {
    number: 28,
    what:
      "PSCI: the affinity behind the last one is accepted; levels above 0 are answered wrongly.",
    tests: [
      `${PSCI}/psci_test.ts: CPU_ON: unknown -2, on -4, pending -5, not RAM -9, success 0`,
      `${PSCI}/psci_test.ts: AFFINITY_INFO for every id and level`,
    ],
    changes: [
      {
        file: `${PSCI}/psci.ts`,
        find: "if (target < 0) return PsciResult.INVALID_PARAMETERS;\n    switch",
        replace: "switch",
      },
      {
        file: `${PSCI}/psci.ts`,
        find: "if (states.size === 0) return PsciResult.INVALID_PARAMETERS;",
        replace: "",
      },
      {
        file: `${PSCI}/psci.ts`,
        find: "this.#lifecycle.affinity(vcpu) >> shift === affinity >> shift;",
        replace: "this.#lifecycle.affinity(vcpu) === affinity;",
      },
    ],
  },
  {
    number: 29,
    what:
      "PL011: a write to LCR_H empties the FIFOs; IFLS is read wrongly; the line does not follow the state.",
    tests: [
      `${PL011}/pl011_test.ts: LCR_H clears the FIFOs only when FEN changes`,
      `${PL011}/pl011_test.ts: watermark and receive timeout`,
      `${PL011}/pl011_test.ts: emptying the receiver leaves a pending transmit interrupt`,
      `${PL011}/pl011_test.ts: reset lowers the line and empties the port`,
    ],
    changes: [
      {
        file: `${PL011}/pl011.ts`,
        find: "if ((changed & LineControl.fifoEnable) !== 0) {",
        replace: "{",
      },
      {
        file: `${PL011}/pl011.ts`,
        find: "[1, 2, 4, 6, 7][Math.min(code, 4)]",
        replace: "[1, 2, 4, 6, 7][Math.min(code + 1, 4)]",
      },
      {
        file: `${PL011}/pl011.ts`,
        find: "if (this.#rx.length === 0) this.#ris &= ~Interrupt.rxTimeout;",
        replace: "if (this.#rx.length === 0) this.#ris = 0;",
      },
      {
        file: `${PL011}/pl011.ts`,
        find: "    this.#updateLine();\n    this.#offerRoom();\n  }\n\n  shutdown(",
        replace: "    this.#offerRoom();\n  }\n\n  shutdown(",
      },
    ],
  },
  {
    number: 33,
    what:
      "Bus: a device that uses the bus in its access hangs; one that is taken out is still used.",
    tests: [
      `${BUS}/bus_test.ts: a device that uses the bus in its access disturbs neither access`,
      `${BUS}/bus_test.ts: a device that is taken out during its own access finishes it`,
      `${BUS}/bus_test.ts: devices may come and go while the bus is walked or reset`,
    ],
    changes: [
      {
        file: `${BUS}/bus.ts`,
        find: "    this.#spare = undefined;\n",
        replace: "    this.#spare = half;\n",
      },
      {
        file: `${BUS}/bus.ts`,
        find: "this.#recent.fill(nowhere);",
        replace: "",
      },
      {
        file: `${BUS}/bus.ts`,
        find: "this.#entries = this.#entries.toSpliced(at, 1);",
        replace: "(this.#entries as Entry[]).splice(at, 1);",
      },
    ],
  },
  {
    number: 34,
    what: "Stop-the-world: who asks is counted twice; only who closed the gate can open it.",
    tests: [
      `${ROUNDUP}/vcpu_roundup_test.ts: a vCPU without a turn cannot ask, nor one that has asked already`,
      `${ROUNDUP}/vcpu_roundup_test.ts: the gate may be opened by another than who came in, and not twice`,
    ],
    changes: [
      {
        file: `${ROUNDUP}/vcpu_roundup.ts`,
        find: "if (cpu?.emulating !== true || this.#yielded.has(vcpu)) {",
        replace: "if (this.#yielded.has(vcpu)) {",
      },
      {
        file: "lib/vcpu/latch.ts",
        find: 'if (!this.#closed) throw new Error("nobody is inside the gate");',
        replace: "",
      },
    ],
  },
  {
    number: 35,
    what: "Timer: the line or ISTATUS stays when the timer is masked or disabled.",
    tests: [
      `${TIMER}/timer_test.ts: \${name}: IMASK hides the line but not ISTATUS, disabling clears both`,
    ],
    changes: [
      {
        file: `${TIMER}/timer.ts`,
        find: "const high = met ? 1 : 0;",
        replace: "const high = met || this.#high[timer] !== 0 ? 1 : 0;",
      },
      {
        file: `${TIMER}/timer.ts`,
        find: "return (control & CTL.ENABLE) !== 0 && this.#met(timer) ?",
        replace: "return this.#met(timer) ?",
      },
    ],
  },
];

/** All of them, in the order of their numbers. */
export const FAULTS: readonly Fault[] = [...OTHER_FAULTS, ...GIC_FAULTS, ...VIRTIO_FAULTS]
  .sort((a, b) => a.number - b.number);
