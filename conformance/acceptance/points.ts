/** What a tester can check of the components, and the tests that do. */
import type { Claim } from "./claim.ts";

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
      "lib/machine/debugger_test.ts: code that is written from outside is executed anew by all vCPUs",
    ],
  },
  {
    number: 4,
    what: "GIC: GICD_TYPER tells the configuration.",
    tests: [
      "lib/devices/gic/gic_test.ts: ${name}: GICD_TYPER counts interrupts in 32s, the last of them is deliverable alone",
      "lib/devices/gic/gicv2_test.ts: identification: version 2, number of vCPUs and lines",
      "lib/devices/gic/gicv3_lpis_test.ts: with LPIs GICD_TYPER tells them and 16-bit ids, GICR_TYPER and GICR_CTLR what they can do",
      "lib/devices/gic/gicv3_test.ts: identification: version 3, 16-bit ids, Aff3, message-based SPIs, no LPIs",
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
      "lib/devices/gic/gicv3_lpis_test.ts: a disabled LPI stays pending; GICR_INVLPIR and GICR_INVALLR read its configuration again",
    ],
  },
  {
    number: 13,
    what: "Timer: ISTATUS is live, IMASK and ENABLE, TVAL and CVAL.",
    tests: [
      "lib/devices/timer/timer_test.ts: ${name}: IMASK hides the line but not ISTATUS, disabling clears both",
      "lib/devices/timer/timer_test.ts: ${name}: TVAL is a signed 32-bit distance from the counter",
      "lib/devices/timer/timer_test.ts: TVAL, CVAL and the counter share one time base, also after a restore",
    ],
  },
  {
    number: 14,
    what: "PL011: reset values, interrupts, flow to and from the host.",
    tests: [
      "lib/devices/pl011/pl011_test.ts: receive interrupt rises on the first byte and falls when the FIFO is empty",
      "lib/devices/pl011/pl011_test.ts: transmit interrupt: raised by a write, cleared by ICR until the next",
      "lib/devices/pl011/pl011_test.ts: CR.RXE holds the host back and enabling it calls the host",
      "lib/devices/pl011/pl011_test.ts: reset values and identification",
      "lib/devices/pl011/pl011_test.ts: FIFO depth follows FEN from reset on, and 32 with revision r1p5",
      "lib/devices/pl011/pl011_test.ts: a refused host is called when half of the FIFO is free",
    ],
  },
  {
    number: 15,
    what:
      "System registers: identification is stable; what there is not is undefined, as are writes to what is read-only.",
    tests: [
      "lib/arch/aarch64/register_space_test.ts: identification registers are the same after a reset, whatever the guest wrote",
      "lib/arch/aarch64/register_space_test.ts: an unknown register, and a write to one that is read-only, are UNDEFINED",
    ],
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
    tests: [
      "lib/arch/aarch64/register_space_test.ts: set/way maintenance does nothing, traps nothing, and ends nobody's traps",
    ],
  },
  {
    number: 18,
    what: "vCPUs: every transition; no request is lost.",
    tests: [
      "lib/vcpu/cpu_model/cpu_model_test.ts: every transition of the state machine, and every one that there is not",
      "lib/vcpu/cpu_model/cpu_model_test.ts: a feature is what either requestor wants",
      "lib/vcpu/cpu_model/cpu_model_test.ts: the mark is cleared before the value is read: a request in between is not lost",
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
      "lib/machine/machine_test.ts: idle seconds pass at once in virtual time, and exactly",
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
      "lib/vcpu/vcpu_roundup/vcpu_roundup_test.ts: two vCPUs that ask at once get the world one after the other",
    ],
  },
  {
    number: 23,
    what: "Virtio: handshake, and reset at any point.",
    tests: [
      "lib/devices/virtio/mmio_test.ts: FEATURES_OK is refused for a bit that was not offered and without VERSION_1",
      "lib/devices/virtio/mmio_test.ts: reset at any point returns everything to power-on state",
      "lib/devices/virtio/mmio_test.ts: features are fixed after FEATURES_OK",
      "lib/devices/virtio/mmio_test.ts: a chain that is held across a reset is not returned",
      "lib/devices/virtio/mmio_test.ts: RING_RESET: one queue goes back to its defaults, the other lives on",
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
      "lib/devices/virtio/chain_fuzz_test.ts: fuzz: hostile chains, split and packed, direct and indirect",
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
      "lib/devices/virtio/virt_queue_test.ts: the chain knows its used length: the written prefix, rewritten shorter or with gaps: ${format}",
      "lib/devices/virtio/packed_ring_test.ts: packed: event index, in batches, over the wrap, in the middle of a list",
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
      "lib/devices/virtio/iommu_test.ts: a buffer whose second half is not mapped any more is not begun",
    ],
  },
  {
    number: 28,
    what: "Console: partial writes; chains come back at once.",
    tests: [
      "lib/devices/virtio_console/virtio_console_test.ts: input: partial writes report their count, and the host hears of room",
      "lib/devices/virtio_console/virtio_console_test.ts: output: chains go to the host at once and back to the guest",
      "lib/devices/virtio_console/virtio_console_test.ts: a chain goes back with its last byte, also to a host that takes no more then",
    ],
  },
  {
    number: 29,
    what: "Debugging: levels and statistics change at run time; traces fold.",
    tests: [
      "lib/config/vmm_debug_test.ts: a tracer follows its component's level while the machine runs",
      "lib/devices/vbus/bus_test.ts: tracing folds runs on one device",
      "lib/devices/vbus/bus_test.ts: statistics count per device while switched on",
      "lib/machine/trace_test.ts: levels and statistics are switched while the machine runs",
    ],
  },
];
