import assert from "node:assert/strict";
import { test } from "node:test";
import { Fdt, type FdtNode } from "../boot/fdt.ts";
import { virtFdt, type VirtFdtOptions } from "./virt_fdt.ts";

// What QEMU 7.2 writes for -M virt,gic-version=3 -cpu cortex-a53 -smp 2 -m 512M, of what this board
// has: without platform-bus, flash, PCI, PMU, seeds and empty virtio slots.
const QEMU_GIC3 = `
/ #address-cells 0x2
/ #size-cells 0x2
/ compatible "linux,dummy-virt"
/ interrupt-parent &/intc@8000000
/ model "linux,dummy-virt"
/apb-pclk #clock-cells 0x0
/apb-pclk clock-frequency 0x16e3600
/apb-pclk clock-output-names "clk24mhz"
/apb-pclk compatible "fixed-clock"
/chosen stdout-path "/pl011@9000000"
/cpus #address-cells 0x1
/cpus #size-cells 0x0
/cpus/cpu-map/socket0/cluster0/core0 cpu &/cpus/cpu@0
/cpus/cpu-map/socket0/cluster0/core1 cpu &/cpus/cpu@1
/cpus/cpu@0 compatible "arm,cortex-a53"
/cpus/cpu@0 device_type "cpu"
/cpus/cpu@0 enable-method "psci"
/cpus/cpu@0 reg 0x0
/cpus/cpu@1 compatible "arm,cortex-a53"
/cpus/cpu@1 device_type "cpu"
/cpus/cpu@1 enable-method "psci"
/cpus/cpu@1 reg 0x1
/fw-cfg@9020000 compatible "qemu,fw-cfg-mmio"
/fw-cfg@9020000 dma-coherent
/fw-cfg@9020000 reg 0x0 0x9020000 0x0 0x18
/gpio-keys compatible "gpio-keys"
/gpio-keys/poweroff gpios &/pl061@9030000 0x3 0x0
/gpio-keys/poweroff label "GPIO Key Poweroff"
/gpio-keys/poweroff linux,code 0x74
/intc@8000000 #address-cells 0x2
/intc@8000000 #interrupt-cells 0x3
/intc@8000000 #redistributor-regions 0x1
/intc@8000000 #size-cells 0x2
/intc@8000000 compatible "arm,gic-v3"
/intc@8000000 interrupt-controller
/intc@8000000 ranges
/intc@8000000 reg 0x0 0x8000000 0x0 0x10000 0x0 0x80a0000 0x0 0xf60000
/intc@8000000/its@8080000 #msi-cells 0x1
/intc@8000000/its@8080000 compatible "arm,gic-v3-its"
/intc@8000000/its@8080000 msi-controller
/intc@8000000/its@8080000 reg 0x0 0x8080000 0x0 0x20000
/memory@40000000 device_type "memory"
/memory@40000000 reg 0x0 0x40000000 0x0 0x20000000
/pl011@9000000 clock-names "uartclk" "apb_pclk"
/pl011@9000000 clocks &/apb-pclk &/apb-pclk
/pl011@9000000 compatible "arm,pl011" "arm,primecell"
/pl011@9000000 interrupts 0x0 0x1 0x4
/pl011@9000000 reg 0x0 0x9000000 0x0 0x1000
/pl031@9010000 clock-names "apb_pclk"
/pl031@9010000 clocks &/apb-pclk
/pl031@9010000 compatible "arm,pl031" "arm,primecell"
/pl031@9010000 interrupts 0x0 0x2 0x4
/pl031@9010000 reg 0x0 0x9010000 0x0 0x1000
/pl061@9030000 #gpio-cells 0x2
/pl061@9030000 clock-names "apb_pclk"
/pl061@9030000 clocks &/apb-pclk
/pl061@9030000 compatible "arm,pl061" "arm,primecell"
/pl061@9030000 gpio-controller
/pl061@9030000 interrupts 0x0 0x7 0x4
/pl061@9030000 reg 0x0 0x9030000 0x0 0x1000
/psci compatible "arm,psci-1.0" "arm,psci-0.2" "arm,psci"
/psci cpu_off 0x84000002
/psci cpu_on 0xc4000003
/psci cpu_suspend 0xc4000001
/psci method "hvc"
/psci migrate 0xc4000005
/timer always-on
/timer compatible "arm,armv8-timer" "arm,armv7-timer"
/timer interrupts 0x1 0xd 0x4 0x1 0xe 0x4 0x1 0xb 0x4 0x1 0xa 0x4
/virtio_mmio@a003c00 compatible "virtio,mmio"
/virtio_mmio@a003c00 dma-coherent
/virtio_mmio@a003c00 interrupts 0x0 0x2e 0x1
/virtio_mmio@a003c00 reg 0x0 0xa003c00 0x0 0x200
/virtio_mmio@a003e00 compatible "virtio,mmio"
/virtio_mmio@a003e00 dma-coherent
/virtio_mmio@a003e00 interrupts 0x0 0x2f 0x1
/virtio_mmio@a003e00 reg 0x0 0xa003e00 0x0 0x200
`;

const QEMU_GIC2_ONLY = `
/intc@8000000 compatible "arm,cortex-a15-gic"
/intc@8000000 reg 0x0 0x8000000 0x0 0x10000 0x0 0x8010000 0x0 0x10000
/intc@8000000/v2m@8020000 compatible "arm,gic-v2m-frame"
/intc@8000000/v2m@8020000 msi-controller
/intc@8000000/v2m@8020000 reg 0x0 0x8020000 0x0 0x1000
/timer interrupts 0x1 0xd 0x304 0x1 0xe 0x304 0x1 0xb 0x304 0x1 0xa 0x304
`;

const BASE: VirtFdtOptions = {
  memory: 512 * 2 ** 20,
  cpus: 2,
  gic: 3,
  affinity: (vcpu) => BigInt(vcpu),
  virtioSlots: [31, 30],
  cmdline: "",
  rngSeed: new Uint8Array(32).fill(7),
};

function lines(text: string): string[] {
  return text.trim().split("\n");
}

/** One line per property, phandles as the path of their node, sorted. */
function flatten(options: VirtFdtOptions): string[] {
  const { root } = Fdt.parse(virtFdt(options).toBytes());
  const nodes = [...walk(root, "")];
  const targets = new Map(nodes.map(([path, node]) => [node.getCells("phandle")?.[0], path]));
  const out: string[] = [];
  for (const [path, node] of nodes) {
    for (const name of node.properties.keys()) {
      if (name === "phandle" || name === "rng-seed") continue;
      out.push(`${path || "/"} ${name} ${valueText(node, name, targets)}`.trimEnd());
    }
  }
  return out.sort();
}

function* walk(node: FdtNode, path: string): Generator<[string, FdtNode]> {
  yield [path, node];
  for (const child of node.children) yield* walk(child, `${path}/${child.name}`);
}

function valueText(
  node: FdtNode,
  name: string,
  targets: ReadonlyMap<number | undefined, string>,
): string {
  const cells = node.getCells(name);
  if (["clocks", "cpu", "interrupt-parent"].includes(name)) {
    return (cells ?? []).map((cell) => `&${targets.get(cell)}`).join(" ");
  }
  if (name === "gpios") {
    const [target, ...rest] = cells ?? [];
    return [`&${targets.get(target)}`, ...rest.map((cell) => `0x${cell.toString(16)}`)].join(" ");
  }
  const strings = node.getStrings(name);
  return strings?.every((text) => /^[ -~]+$/.test(text))
    ? strings.map((text) => `"${text}"`).join(" ")
    : (cells ?? []).map((cell) => `0x${cell.toString(16)}`).join(" ");
}

test("the tree of a board with GICv3 is QEMU's", () => {
  assert.deepEqual(flatten(BASE), lines(QEMU_GIC3));
});

test("the tree of a board with GICv2 is QEMU's", () => {
  const only = lines(QEMU_GIC2_ONLY);
  const key = (line: string): string => line.split(" ").slice(0, 2).join(" ");
  const keys = only.map(key);
  const common = lines(QEMU_GIC3).filter((line) =>
    !keys.includes(key(line)) && !/#redistributor-regions|\/its@/.test(line)
  );
  assert.deepEqual(flatten({ ...BASE, gic: 2 }), [...common, ...only].sort());
});

test("a single vCPU has no enable-method", () => {
  const { root } = virtFdt({ ...BASE, cpus: 1 });
  assert.equal(root.find("cpus/cpu@0")?.getStrings("enable-method"), undefined);
  assert.equal(root.find("cpus/cpu@1"), undefined);
});

test("command line, initrd and seed are in chosen, and no seed for KASLR", () => {
  const { root } = virtFdt({
    ...BASE,
    cmdline: "console=ttyAMA0 quiet",
    initrd: { start: 0x48000000, end: 0x48123456 },
  });
  const chosen = root.find("chosen");
  assert.deepEqual(chosen?.getStrings("bootargs"), ["console=ttyAMA0 quiet"]);
  assert.deepEqual(chosen?.getCells("linux,initrd-start"), [0, 0x48000000]);
  assert.deepEqual(chosen?.getCells("linux,initrd-end"), [0, 0x48123456]);
  assert.deepEqual(chosen?.properties.get("rng-seed"), BASE.rngSeed);
  assert.equal(chosen?.properties.has("kaslr-seed"), false);
});

test("the psci node names the instruction that calls the firmware", () => {
  const { root } = virtFdt({ ...BASE, conduit: "smc" });
  assert.deepEqual(root.find("psci")?.getStrings("method"), ["smc"]);
});
