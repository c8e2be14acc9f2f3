import { virtioRngImage as aarch64 } from "../../../guests/virtio_rng/aarch64/image.ts";
import { virtioRngImage as x86_64 } from "../../../guests/virtio_rng/x86_64/image.ts";
import { type ConformanceCase, type Difference, forBoth } from "../case.ts";

/** QEMU shows bits 63:32 for every selector but 0; `high` is what they are, `tests` how many there are. */
function selector(high: string, tests: number): readonly Difference[] {
  return [
    {
      qemu: ["not ok 7 - no features above bit 63", `# found ${high}, expected 0x0`],
      vml: ["ok 7 - no features above bit 63"],
      reason: "DeviceFeatures are bits 32 * DeviceFeaturesSel and up (virtio 1.2, 4.2.2)",
    },
    { qemu: [`# failed 1 of ${tests} tests`], vml: [], reason: "the same" },
  ];
}

/** Transport and queues, by the simplest device. */
export const virtioRngCases: readonly ConformanceCase[] = forBoth({ aarch64, x86_64 }, [
  {
    name: "virtio-rng",
    title: "virtio-rng: handshake, split queues, chains, indirect tables, event index, reset",
    host: () => ({ devices: ["virtio-rng"] }),
    qemu: { arguments: ["-device", "virtio-rng-device"] },
    differences: selector("0x101", 50),
  },
  {
    name: "virtio-rng-packed",
    title: "virtio-rng with packed queues",
    parameters: "packed=1",
    host: () => ({ devices: [{ type: "virtio-rng", packed: true }] }),
    qemu: { arguments: ["-device", "virtio-rng-device,packed=on"] },
    differences: selector("0x105", 66),
  },
]);
