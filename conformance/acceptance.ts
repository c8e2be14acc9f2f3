/**
 * What is proven where: faults that libraries of virtual hardware are prone to, and what a tester can
 * check of its components. acceptance_test.ts checks that the tests named here are there.
 */

/** Something to be proven. */
export interface Claim {
  /** Its number in the list, from 1. */
  readonly number: number;
  /** In a sentence. */
  readonly what: string;
  /** `FILE: NAME` of the tests that fail if it is not so; NAME as in the source, or in a transcript. */
  readonly tests: readonly string[];
}

/** Faults that must not be there. */
export const FAULTS: readonly Claim[] = [
  {
    number: 1,
    what:
      "Bus: a device sees an access that is not wholly inside its region, or an offset that wrapped.",
    tests: [
      "lib/devices/vbus/bus_test.ts: an access that is not wholly inside one region finds no device",
    ],
  },
  {
    number: 2,
    what: "Registers: a read leaves the result, or its upper bytes, as it was.",
    tests: [
      "lib/devices/vbus/bus_test.ts: a read gives zero when the device sets nothing, and never more than its size",
      "lib/devices/pl011/pl011_test.ts: ICR reads as zero, and clears only what it names",
    ],
  },
  {
    number: 3,
    what: "Virtio: a ring in no RAM, or across its end, is used.",
    tests: [
      "lib/devices/virtio/mmio_test.ts: rings that are misaligned, outside RAM or of a wrong size do not become ready",
    ],
  },
  {
    number: 4,
    what: "Bus: a narrow read has bytes of something else above it.",
    tests: [
      "lib/devices/vbus/bus_test.ts: a read gives zero when the device sets nothing, and never more than its size",
    ],
  },
  {
    number: 5,
    what:
      "GIC: the fall of a line is not seen; a level that stays high is not pending again after its end.",
    tests: [
      "lib/devices/gic/gic_test.ts: ${name}: a level that stays high is pending again after the end of interrupt",
    ],
  },
  {
    number: 6,
    what: "GIC: the least urgent interrupt is taken first.",
    tests: [
      "lib/devices/gic/gic_test.ts: ${name}: the lowest priority value wins, of equal ones the lowest id",
    ],
  },
  {
    number: 7,
    what: "GIC: the last interrupt is never delivered.",
    tests: [
      "lib/devices/gic/gic_test.ts: ${name}: GICD_TYPER counts interrupts in 32s, the last of them is deliverable alone",
    ],
  },
  {
    number: 8,
    what: "GICv3: GICR_WAKER loses its sleep bit.",
    tests: [
      "lib/devices/gic/gicv3_test.ts: GICR_WAKER: children sleep and wake with the processor",
    ],
  },
  {
    number: 9,
    what: "GICv2: an interrupt with several targets is taken by more than one.",
    tests: ["lib/devices/gic/gicv2_test.ts: an SPI with several targets is taken by one of them"],
  },
  {
    number: 10,
    what: "GICv2: sender and target are exchanged in the registers of pending SGIs.",
    tests: [
      "lib/devices/gic/gicv2_test.ts: GICD_SPENDSGIR and GICD_CPENDSGIR hold one bit per sender, at the vCPU that asks",
    ],
  },
  {
    number: 11,
    what: "Virtio: an indirect table is taken for data.",
    tests: [
      "lib/devices/virtio/split_ring_test.ts: an indirect table, also after direct buffers",
      "lib/devices/virtio/packed_ring_test.ts: packed: an indirect table is all of its entries, NEXT and ids in it mean nothing",
    ],
  },
  {
    number: 12,
    what: "ITS: numbers from tables in RAM are used without a check.",
    tests: [
      "lib/devices/gic/gicv3_its_test.ts: tables that the guest scribbles over lead to no vCPU and no LPI that is not there",
    ],
  },
  {
    number: 13,
    what: "What a guest writes makes a device throw.",
    tests: [
      "lib/devices/gic/gicv3_its_test.ts: random commands, tables and accesses throw nothing and stay in RAM (seeded fuzz)",
      "lib/devices/gic/gic_test.ts: ${name}: no access at any offset, size or vCPU throws (seeded fuzz)",
    ],
  },
  {
    number: 14,
    what:
      "Virtio: features that were not offered are accepted; the driver's status is compared as a whole.",
    tests: [
      "lib/devices/virtio/mmio_test.ts: FEATURES_OK is refused for a bit that was not offered and without VERSION_1",
    ],
  },
  {
    number: 15,
    what: "PL011: after a reset the FIFO is shorter than FEN says.",
    tests: [
      "lib/devices/pl011/pl011_test.ts: FIFO depth follows FEN from reset on, and 32 with revision r1p5",
    ],
  },
  {
    number: 16,
    what: "Virtio: a reset leaves chains or the back end as they were.",
    tests: [
      "lib/devices/virtio/mmio_test.ts: reset at any point returns everything to power-on state",
      "lib/devices/virtio/mmio_test.ts: a chain that is held across a reset is not returned",
    ],
  },
  {
    number: 17,
    what: "Virtio: the available index may jump.",
    tests: ["lib/devices/virtio/split_ring_test.ts: heads and the available index are checked"],
  },
  {
    number: 18,
    what: "System registers: two encodings have one id.",
    tests: ["lib/arch/aarch64/system_registers_test.ts: no encoding and no name is used twice"],
  },
  {
    number: 19,
    what: "System registers: registers stand at encodings that are not theirs.",
    tests: [],
  },
  {
    number: 20,
    what: "Timer: TVAL and CVAL count in different time bases.",
    tests: [
      "lib/devices/timer/timer_test.ts: TVAL, CVAL and the counter share one time base, also after a restore",
    ],
  },
  {
    number: 21,
    what: "Several clocks that do not agree.",
    tests: [
      "lib/platform/clock_test.ts: real time starts at 0 and leaves out pauses",
      "lib/platform/clock_test.ts: virtual wall-clock time follows virtual time",
    ],
  },
  {
    number: 22,
    what: "Virtio: what the other side has written is read in the wrong order.",
    tests: [
      "lib/devices/virtio/split_ring_test.ts: used ring: entry before index, length never above the chain, wrap at 65536",
      "lib/devices/virtio/packed_ring_test.ts: packed: used entry before its flags, all told to the code cache",
    ],
  },
  {
    number: 23,
    what: "Virtio: the used length wraps when less is written than before.",
    tests: [
      "lib/devices/virtio/virt_queue_test.ts: used length: what was written, never more than the room for it: ${format}",
    ],
  },
  {
    number: 24,
    what:
      "Virtio driver: buffers are added where there is no room, or a refusal changes something.",
    tests: [
      "lib/devices/virtio/mock_driver_test.ts: what there is no room for is refused, and nothing has changed: ${format}",
    ],
  },
  {
    number: 25,
    what: "Virtio: a mapping that fails in the middle keeps its first part.",
    tests: [],
  },
  {
    number: 26,
    what: "IOMMU: only the first byte of a range is checked; overlapping mappings are taken.",
    tests: [
      "lib/devices/virtio/iommu_test.ts: a range is translated as a whole, over adjacent mappings too",
      "lib/devices/virtio/iommu_test.ts: rights are checked for every byte",
      "lib/devices/virtio/iommu_test.ts: overlap and nonsense are refused, and nothing changes",
    ],
  },
  {
    number: 27,
    what: "System registers: a second device may register an id.",
    tests: [],
  },
  {
    number: 28,
    what: "PSCI: the affinity behind the last one is accepted.",
    tests: ["lib/devices/firmware/psci_test.ts: AFFINITY_INFO for every id and level"],
  },
  {
    number: 29,
    what: "PL011: a write to LCR_H empties the FIFOs; the line does not follow the state.",
    tests: [
      "lib/devices/pl011/pl011_test.ts: LCR_H clears the FIFOs only when FEN changes",
      "lib/devices/pl011/pl011_test.ts: emptying the receiver leaves a pending transmit interrupt",
      "lib/devices/pl011/pl011_test.ts: reset lowers the line and empties the port",
    ],
  },
  {
    number: 30,
    what: "GIC: a reset keeps pending interrupts.",
    tests: [
      "lib/devices/gic/gic_test.ts: ${name}: reset forgets all but the levels of the lines",
      "lib/devices/gic/gicv3_lpis_test.ts: reset disables LPIs and forgets which are pending",
    ],
  },
  {
    number: 31,
    what: "GIC: an interrupt that was pended by software never ends.",
    tests: [
      "lib/devices/gic/gic_test.ts: ${name}: writing ISPENDR pends a level-sensitive interrupt until it is taken",
    ],
  },
  {
    number: 32,
    what: "GIC: GICD_TYPER counts wrongly, IROUTER has too few bits.",
    tests: [
      "lib/devices/gic/gic_test.ts: ${name}: GICD_TYPER counts interrupts in 32s, the last of them is deliverable alone",
      "lib/devices/gic/gicv3_test.ts: identification: version 3, 16-bit ids, Aff3, message-based SPIs, no LPIs",
      "lib/devices/gic/gicv3_lpis_test.ts: with LPIs GICD_TYPER tells them and 16-bit ids, GICR_TYPER and GICR_CTLR what they can do",
    ],
  },
  {
    number: 33,
    what:
      "Bus: a device that uses the bus in its access hangs; one that is taken out is still used.",
    tests: [
      "lib/devices/vbus/bus_test.ts: a device that uses the bus in its access disturbs neither access",
      "lib/devices/vbus/bus_test.ts: a device that is taken out during its own access finishes it",
    ],
  },
  {
    number: 34,
    what: "Stop-the-world: who asks is counted twice; only who closed the gate can open it.",
    tests: [
      "lib/vcpu/vcpu_roundup/vcpu_roundup_test.ts: the gate may be opened by another than who came in, and not twice",
      "lib/vcpu/vcpu_roundup/vcpu_roundup_test.ts: a vCPU without a turn cannot ask, nor one that has asked already",
    ],
  },
  {
    number: 35,
    what: "Timer: the line stays high when the timer is masked or disabled.",
    tests: [
      "lib/devices/timer/timer_test.ts: ${name}: IMASK hides the line but not ISTATUS, disabling clears both",
    ],
  },
  {
    number: 36,
    what: "Console: the count of a partial write is lost; a chain is returned late.",
    tests: [
      "lib/devices/virtio_console/virtio_console_test.ts: input: partial writes report their count, and the host hears of room",
      "lib/devices/virtio_console/virtio_console_test.ts: output: chains go to the host at once and back to the guest",
    ],
  },
  {
    number: 37,
    what: "GICv3: a message that comes while its LPI is handled is lost.",
    tests: [
      "lib/devices/gic/gicv3_lpis_test.ts: a message that comes while its LPI is being handled is not lost",
    ],
  },
];

/** What must be so. */
export const ACCEPTANCE: readonly Claim[] = [
  {
    number: 1,
    what: "Bus: edges, wrapping, overlap; reset reaches devices before interrupt controllers.",
    tests: [
      "lib/devices/vbus/bus_test.ts: register refuses empty, wrapping and overlapping ranges",
      "lib/devices/vbus/bus_test.ts: an access that is not wholly inside one region finds no device",
      "lib/devices/vbus/bus_test.ts: devices are reset before interrupt controllers, each once",
    ],
  },
  {
    number: 2,
    what:
      "Memory: what is read-only for the guest can be changed by the host if the host may write it.",
    tests: [
      "lib/devices/simple_as/simple_as_test.ts: read-only region: a guest's write faults, the host patches it if it may",
    ],
  },
  {
    number: 3,
    what: "Code: what a device writes to code is executed.",
    tests: [
      "lib/devices/virtio/split_ring_test.ts: device writes are told to the code cache",
      "lib/engine/code_cache_test.ts: a long write drops all pages on its way, in all modes",
    ],
  },
  {
    number: 4,
    what: "GIC: GICD_TYPER tells the configuration.",
    tests: [
      "lib/devices/gic/gic_test.ts: ${name}: GICD_TYPER counts interrupts in 32s, the last of them is deliverable alone",
      "lib/devices/gic/gicv2_test.ts: identification: version 2, number of vCPUs and lines",
      "lib/devices/gic/gicv3_lpis_test.ts: with LPIs GICD_TYPER tells them and 16-bit ids, GICR_TYPER and GICR_CTLR what they can do",
    ],
  },
  {
    number: 5,
    what: "GIC: order by priority and id, mask, running priority, binary point.",
    tests: [
      "lib/devices/gic/gic_test.ts: ${name}: the lowest priority value wins, of equal ones the lowest id",
      "lib/devices/gic/gic_test.ts: ${name}: only priorities above the mask are signalled",
      "lib/devices/gic/gic_test.ts: ${name}: a more urgent group priority preempts, the binary point decides how fine",
    ],
  },
  {
    number: 6,
    what: "GIC: levels.",
    tests: [
      "lib/devices/gic/gic_test.ts: ${name}: a level that stays high is pending again after the end of interrupt",
      "lib/devices/gic/gic_test.ts: ${name}: writing ISPENDR pends a level-sensitive interrupt until it is taken",
    ],
  },
  {
    number: 7,
    what: "GIC: edges.",
    tests: [
      "lib/devices/gic/gic_test.ts: ${name}: an edge is latched, once while active, and survives the falling line",
    ],
  },
  {
    number: 8,
    what: "GICv2: SGIs by sender.",
    tests: [
      "lib/devices/gic/gicv2_test.ts: an SGI is pending once per sender, the lowest sender first",
      "lib/devices/gic/gicv2_test.ts: GICD_SPENDSGIR and GICD_CPENDSGIR hold one bit per sender, at the vCPU that asks",
    ],
  },
  {
    number: 9,
    what: "GICv3: 1-of-N and routes.",
    tests: [
      "lib/devices/gic/gicv3_test.ts: 1-of-N: goes to one vCPU that is awake, is offered to another when that one sleeps",
      "lib/devices/gic/gicv3_test.ts: IROUTER: a pending interrupt follows its route, one to nobody waits",
    ],
  },
  {
    number: 10,
    what: "GIC: the last interrupt; GICR_WAKER.",
    tests: [
      "lib/devices/gic/gic_test.ts: ${name}: GICD_TYPER counts interrupts in 32s, the last of them is deliverable alone",
      "lib/devices/gic/gicv3_test.ts: GICR_WAKER: children sleep and wake with the processor",
    ],
  },
  {
    number: 11,
    what: "GIC: no access harms the machine.",
    tests: [
      "lib/devices/gic/gic_test.ts: ${name}: no access at any offset, size or vCPU throws (seeded fuzz)",
      "lib/devices/gic/gicv3_its_test.ts: random commands, tables and accesses throw nothing and stay in RAM (seeded fuzz)",
    ],
  },
  {
    number: 12,
    what: "ITS: all commands; what is wrong is dropped.",
    tests: [
      "lib/devices/gic/gicv3_its_test.ts: MAPD, MAPC, MAPTI, INT: an event becomes the LPI at the collection's vCPU",
      "lib/devices/gic/gicv3_its_test.ts: MAPI: the event's number is the LPI's",
      "lib/devices/gic/gicv3_its_test.ts: MOVI: moves the event, and its pending LPI with it",
      "lib/devices/gic/gicv3_its_test.ts: MAPC moves a collection; what is pending stays until MOVALL",
      "lib/devices/gic/gicv3_its_test.ts: CLEAR takes the pending state away, DISCARD the mapping too",
      "lib/devices/gic/gicv3_its_test.ts: INV and INVALL read the configuration again",
      "lib/devices/gic/gicv3_its_test.ts: what a command names is checked: device, event, LPI, collection, redistributor",
    ],
  },
  {
    number: 13,
    what: "Timer: ISTATUS is live, IMASK and ENABLE, TVAL and CVAL.",
    tests: [
      "lib/devices/timer/timer_test.ts: ${name}: IMASK hides the line but not ISTATUS, disabling clears both",
      "lib/devices/timer/timer_test.ts: ${name}: TVAL is a signed 32-bit distance from the counter",
    ],
  },
  {
    number: 14,
    what: "PL011: reset values, interrupts, flow to and from the host.",
    tests: [
      "lib/devices/gpio/pl061_test.ts: reset values and identification",
      "lib/devices/pl011/pl011_test.ts: receive interrupt rises on the first byte and falls when the FIFO is empty",
      "lib/devices/pl011/pl011_test.ts: transmit interrupt: raised by a write, cleared by ICR until the next",
      "lib/devices/pl011/pl011_test.ts: CR.RXE holds the host back and enabling it calls the host",
    ],
  },
  {
    number: 15,
    what: "System registers: what there is not is undefined, what is read-only refuses writes.",
    tests: ["lib/arch/aarch64/exceptions_test.ts: undefined instructions"],
  },
  {
    number: 16,
    what: "PSCI: results of CPU_ON, CPU_OFF, AFFINITY_INFO and SYSTEM_SUSPEND.",
    tests: [
      "lib/devices/firmware/psci_test.ts: CPU_ON: unknown -2, on -4, pending -5, not RAM -9, success 0",
      "lib/devices/firmware/psci_test.ts: AFFINITY_INFO for every id and level",
      "lib/devices/firmware/psci_test.ts: CPU_OFF and CPU_FREEZE do not return; the last vCPU may go",
      "lib/devices/firmware/psci_test.ts: SYSTEM_SUSPEND is denied while another vCPU is not off",
    ],
  },
  {
    number: 17,
    what: "Traps of cache maintenance by set and way are the machine's own affair.",
    tests: [],
  },
  {
    number: 18,
    what: "vCPUs: every transition; no request is lost.",
    tests: [
      "lib/vcpu/cpu_model/cpu_model_test.ts: every transition of the state machine, and every one that there is not",
    ],
  },
  {
    number: 19,
    what: "vCPUs: a pause by either requestor; one that the guest turns on.",
    tests: [
      "lib/vcpu/cpu_model/cpu_model_test.ts: a pause by either requestor keeps the vCPU out until both have ended it",
      "lib/vcpu/cpu_model/cpu_model_test.ts: turned on by the guest: a debugger's pause does not count",
    ],
  },
  {
    number: 20,
    what: "vCPUs: what ends WFI.",
    tests: [
      "lib/vcpu/cpu_model/cpu_model_test.ts: a wait for an interrupt ends with one, and not with a false alarm",
      "lib/vcpu/cpu_model/cpu_model_test.ts: a wait ends when registers are wanted, for a pause, and when the world stops",
    ],
  },
  {
    number: 21,
    what: "Stop-the-world under stress.",
    tests: [
      "lib/vcpu/vcpu_roundup/stress_test.ts: vCPUs and hosts stop the world in all ways at once: no progress, no deadlock",
      "lib/vcpu/vcpu_roundup/stress_test.ts: all vCPUs hit the same event at once: all inside one stopped world",
    ],
  },
  {
    number: 22,
    what: "Stop-the-world with vCPUs in every state.",
    tests: [
      "lib/vcpu/vcpu_roundup/vcpu_roundup_test.ts: from outside: OFF, ON and a long turn; stopped only when the turn has ended",
      "lib/vcpu/vcpu_roundup/vcpu_roundup_test.ts: a vCPU that is turned on in a stopped world begins when it goes on",
    ],
  },
  {
    number: 23,
    what: "Virtio: handshake, and reset at any point.",
    tests: [
      "lib/devices/virtio/mmio_test.ts: FEATURES_OK is refused for a bit that was not offered and without VERSION_1",
      "lib/devices/virtio/mmio_test.ts: reset at any point returns everything to power-on state",
    ],
  },
  {
    number: 24,
    what: "Virtio: what the chain walker refuses.",
    tests: [
      "lib/devices/virtio/split_ring_test.ts: the walker refuses what breaks the rules",
      "lib/devices/virtio/split_ring_test.ts: the walker refuses broken indirect tables",
      "lib/devices/virtio/split_ring_test.ts: a chain is at most 1024 buffers and below 4 GiB",
      "lib/devices/virtio/split_ring_test.ts: heads and the available index are checked",
      "lib/devices/virtio/split_ring_test.ts: every descriptor field is read once",
      "lib/devices/virtio/packed_ring_test.ts: packed: the walker refuses what breaks the rules",
    ],
  },
  {
    number: 25,
    what: "Virtio: used length, interrupts and notifications.",
    tests: [
      "lib/devices/virtio/virt_queue_test.ts: used length: what was written, never more than the room for it: ${format}",
      "lib/devices/virtio/split_ring_test.ts: interrupts follow the flag of the driver",
      "lib/devices/virtio/split_ring_test.ts: event index: an interrupt when used_event is passed, also in a batch and over the wrap",
      "lib/devices/virtio/split_ring_test.ts: no wake-up is lost: a buffer that arrives while the event is published is seen",
    ],
  },
  {
    number: 26,
    what: "Virtio: configuration.",
    tests: [
      "lib/devices/virtio/mmio_test.ts: configuration: byte granular, bounds, generation and interrupt bit 1",
    ],
  },
  {
    number: 27,
    what: "IOMMU: ranges, rights, detach.",
    tests: [
      "lib/devices/virtio/iommu_test.ts: a range is translated as a whole, over adjacent mappings too",
      "lib/devices/virtio/iommu_test.ts: rights are checked for every byte",
      "lib/devices/virtio/iommu_test.ts: detach takes rings and buffers away at once: ${format}",
    ],
  },
  {
    number: 28,
    what: "Console: partial writes; chains come back at once.",
    tests: [
      "lib/devices/virtio_console/virtio_console_test.ts: input: partial writes report their count, and the host hears of room",
      "lib/devices/virtio_console/virtio_console_test.ts: output: chains go to the host at once and back to the guest",
    ],
  },
  {
    number: 29,
    what: "Debugging: levels and statistics change at run time; traces fold.",
    tests: [
      "lib/config/vmm_debug_test.ts: a tracer follows its component's level while the machine runs",
      "lib/devices/vbus/bus_test.ts: tracing folds runs on one device",
      "lib/devices/vbus/bus_test.ts: statistics count per device while switched on",
    ],
  },
];
