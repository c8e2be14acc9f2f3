/**
 * The device tree of the virt board, as QEMU's board writes it, of what this board has. There is no
 * kaslr-seed: it makes kernels map themselves apart from user space (KPTI) on processors of this
 * kind, which makes system calls ten times slower.
 */
import { Fdt, type FdtNode } from "../boot/fdt.ts";
import { FW_CFG_SIZE } from "../devices/fw_cfg/fw_cfg.ts";
import {
  POWER_BUTTON_PIN,
  VIRTIO_SLOTS,
  virtioAddress,
  VirtMap,
  VirtPpi,
  VirtSpi,
} from "./virt_map.ts";

/** Interrupt specifiers (Linux, bindings of arm,gic): kind and trigger. */
const SPI = 0;
const PPI = 1;
const EDGE_RISING = 1;
const LEVEL_HIGH = 4;

/** The power button: a code of Linux's input subsystem, and the polarity of its pin. */
const KEY_POWER = 116;
const ACTIVE_HIGH = 0;

/** What the tree depends on. */
export interface VirtFdtOptions {
  /** Bytes of RAM. */
  readonly memory: number;
  readonly cpus: number;
  readonly gic: 2 | 3;
  /** The instruction that calls the firmware. @default "hvc" */
  readonly conduit?: "hvc" | "smc";
  /** MPIDR affinity of a vCPU. */
  readonly affinity: (vcpu: number) => bigint;
  /** Slots of the virtio devices, in the order in which a guest should find them. */
  readonly virtioSlots: readonly number[];
  readonly cmdline: string;
  /** Guest-physical addresses of the first byte and of the byte after the last. */
  readonly initrd?: { readonly start: number; readonly end: number };
  /** 32 bytes. */
  readonly rngSeed: Uint8Array;
}

/** Builds the tree. */
export function virtFdt(options: VirtFdtOptions): Fdt {
  const fdt = new Fdt();
  const { root } = fdt;
  root.strings("compatible", "linux,dummy-virt").strings("model", "linux,dummy-virt");
  root.cells("#address-cells", 2).cells("#size-cells", 2);
  addChosen(root, options);
  root.node(`memory@${VirtMap.ram.toString(16)}`).strings("device_type", "memory")
    .cells64("reg", VirtMap.ram, options.memory);
  addCpus(fdt, options);
  root.node("psci").strings("compatible", "arm,psci-1.0", "arm,psci-0.2", "arm,psci")
    .strings("method", options.conduit ?? "hvc").cells("cpu_suspend", 0xc4000001).cells(
      "cpu_off",
      0x84000002,
    )
    .cells("cpu_on", 0xc4000003).cells("migrate", 0xc4000005);
  root.cells("interrupt-parent", addGic(fdt, options));
  addTimer(root, options);
  addPeripherals(fdt);
  addFwCfg(root);
  for (const slot of options.virtioSlots) addVirtio(root, slot);
  return fdt;
}

function addChosen(root: FdtNode, { cmdline, initrd, rngSeed }: VirtFdtOptions): void {
  const chosen = root.node("chosen");
  if (cmdline !== "") chosen.strings("bootargs", cmdline);
  chosen.strings("stdout-path", `/pl011@${VirtMap.pl011.toString(16)}`);
  if (initrd !== undefined) {
    chosen.cells64("linux,initrd-start", initrd.start).cells64("linux,initrd-end", initrd.end);
  }
  chosen.bytes("rng-seed", rngSeed);
}

function addCpus(fdt: Fdt, { cpus, affinity }: VirtFdtOptions): void {
  const parent = fdt.root.node("cpus").cells("#address-cells", 1).cells("#size-cells", 0);
  const cluster = parent.node("cpu-map").node("socket0").node("cluster0");
  for (let vcpu = 0; vcpu < cpus; vcpu++) {
    const id = Number(affinity(vcpu));
    const node = parent.node(`cpu@${id.toString(16)}`).strings("device_type", "cpu")
      .strings("compatible", "arm,cortex-a53").cells("reg", id);
    // A single vCPU needs nobody to switch it on.
    if (cpus > 1) node.strings("enable-method", "psci");
    cluster.node(`core${vcpu}`).cells("cpu", fdt.phandle(node));
  }
}

/** Gives the phandle. */
function addGic(fdt: Fdt, { gic }: VirtFdtOptions): number {
  const node = fdt.root.node(`intc@${VirtMap.gic.toString(16)}`);
  node.flag("interrupt-controller").cells("#interrupt-cells", 3);
  node.cells("#address-cells", 2).cells("#size-cells", 2).flag("ranges");
  if (gic === 3) {
    // Room for 123 vCPUs; the last redistributor says that it is the last.
    node.strings("compatible", "arm,gic-v3").cells("#redistributor-regions", 1)
      .cells64("reg", VirtMap.gic, 0x10000, VirtMap.gicRedistributors, 0xf60000);
    const its = node.node(`its@${VirtMap.gicIts.toString(16)}`).strings(
      "compatible",
      "arm,gic-v3-its",
    ).flag("msi-controller").cells("#msi-cells", 1).cells64("reg", VirtMap.gicIts, 0x20000);
    fdt.phandle(its);
  } else {
    node.strings("compatible", "arm,cortex-a15-gic")
      .cells64("reg", VirtMap.gic, 0x10000, VirtMap.gicCpu, 0x10000);
    const frame = node.node(`v2m@${VirtMap.gicV2m.toString(16)}`)
      .strings("compatible", "arm,gic-v2m-frame").flag("msi-controller")
      .cells64("reg", VirtMap.gicV2m, 0x1000);
    fdt.phandle(frame);
  }
  return fdt.phandle(node);
}

function addTimer(root: FdtNode, { gic, cpus }: VirtFdtOptions): void {
  const flags = LEVEL_HIGH | (gic === 2 ? ((1 << cpus) - 1) << 8 : 0);
  const { secureTimer, physicalTimer, virtualTimer, hypervisorTimer } = VirtPpi;
  root.node("timer").strings("compatible", "arm,armv8-timer", "arm,armv7-timer").flag("always-on")
    .cells(
      "interrupts",
      ...[secureTimer, physicalTimer, virtualTimer, hypervisorTimer]
        .flatMap((ppi) => [PPI, ppi, flags]),
    );
}

function addPeripherals(fdt: Fdt): void {
  const { root } = fdt;
  const clock = root.node("apb-pclk").strings("compatible", "fixed-clock").cells("#clock-cells", 0)
    .cells("clock-frequency", 24_000_000).strings("clock-output-names", "clk24mhz");
  const pclk = fdt.phandle(clock);
  root.node(`pl011@${VirtMap.pl011.toString(16)}`).strings(
    "compatible",
    "arm,pl011",
    "arm,primecell",
  )
    .cells64("reg", VirtMap.pl011, 0x1000).cells("interrupts", SPI, VirtSpi.pl011, LEVEL_HIGH)
    .cells("clocks", pclk, pclk).strings("clock-names", "uartclk", "apb_pclk");
  root.node(`pl031@${VirtMap.pl031.toString(16)}`).strings(
    "compatible",
    "arm,pl031",
    "arm,primecell",
  )
    .cells64("reg", VirtMap.pl031, 0x1000).cells("interrupts", SPI, VirtSpi.pl031, LEVEL_HIGH)
    .cells("clocks", pclk).strings("clock-names", "apb_pclk");
  const gpio = root.node(`pl061@${VirtMap.pl061.toString(16)}`)
    .strings("compatible", "arm,pl061", "arm,primecell")
    .cells64("reg", VirtMap.pl061, 0x1000).cells("interrupts", SPI, VirtSpi.pl061, LEVEL_HIGH)
    .cells("clocks", pclk).strings("clock-names", "apb_pclk")
    .flag("gpio-controller").cells("#gpio-cells", 2);
  const key = root.node("gpio-keys").strings("compatible", "gpio-keys").node("poweroff");
  key.strings("label", "GPIO Key Poweroff").cells("linux,code", KEY_POWER)
    .cells("gpios", fdt.phandle(gpio), POWER_BUTTON_PIN, ACTIVE_HIGH);
}

function addFwCfg(root: FdtNode): void {
  root.node(`fw-cfg@${VirtMap.fwCfg.toString(16)}`).strings("compatible", "qemu,fw-cfg-mmio")
    .cells64("reg", VirtMap.fwCfg, FW_CFG_SIZE).flag("dma-coherent");
}

function addVirtio(root: FdtNode, slot: number): void {
  if (slot < 0 || slot >= VIRTIO_SLOTS) {
    throw new RangeError(`there is no virtio-mmio slot ${slot}`);
  }
  const address = virtioAddress(slot);
  root.node(`virtio_mmio@${address.toString(16)}`).strings("compatible", "virtio,mmio")
    .cells64("reg", address, 0x200).cells("interrupts", SPI, VirtSpi.virtio + slot, EDGE_RISING)
    .flag("dma-coherent");
}
