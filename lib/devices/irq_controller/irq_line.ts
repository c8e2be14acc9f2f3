/** Interrupt wiring: a device drives lines, a controller drives the interrupt inputs of vCPUs. */

/** One input of an interrupt controller. */
export interface IrqLine {
  /** Drives the line. Setting the level it has already changes nothing. */
  set(level: boolean): void;
}

/** The interrupt inputs of the vCPUs, levels. */
export interface CpuInterrupts {
  setIrq(vcpu: number, level: boolean): void;
  setFiq(vcpu: number, level: boolean): void;
}

/** Where the host's side of a device sends message-signalled interrupts. */
export interface MsiController {
  /**
   * A message arrives: what a write of `data` to the controller's doorbell does. One that leads
   * nowhere is dropped.
   *
   * @param device id of the sender; without a meaning where the data alone names the interrupt.
   * @param data GICv2m and GICv3 without ITS: an SPI's id (from 32). ITS: the number of an event.
   */
  message(device: number, data: number): void;
}

/** A controller as a board sees it. */
export interface IrqController {
  /** Shared peripheral interrupt `n` (0 is GIC interrupt id 32). */
  spi(n: number): IrqLine;
  /** Private peripheral interrupt `n` (0 is GIC interrupt id 16) of a vCPU. */
  ppi(vcpu: number, n: number): IrqLine;
}
