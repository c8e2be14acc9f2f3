/** PL031 real-time clock (Arm DDI 0224): a 32-bit counter of seconds with a match interrupt. */
import type { Clock, Timer } from "../../platform/platform.ts";
import type { IrqLine } from "../irq_controller/irq_line.ts";
import { PRIMECELL_ID, primeCellIds } from "../primecell.ts";
import { AccessResult, type BusAccess, type Device, type DeviceState } from "../vbus/device.ts";
import { restoreArrays, saveArrays, type StateArrays } from "../vbus/device_state.ts";

const RTC = {
  /** Seconds (RO). */
  DR: 0x00,
  /** Match. */
  MR: 0x04,
  /** Load: what is written becomes the counter's value. */
  LR: 0x08,
  /** Control: always enabled. */
  CR: 0x0c,
  /** Interrupt mask: 1 lets the interrupt through. */
  IMSC: 0x10,
  /** Raw interrupt status (RO). */
  RIS: 0x14,
  /** Masked interrupt status (RO). */
  MIS: 0x18,
  /** Interrupt clear (WO). */
  ICR: 0x1c,
} as const;

const ID_VALUES = primeCellIds({ part: 0x031, revision: 1 });
const NANOSECONDS_PER_SECOND = 1e9;
/**
 * Seconds between looks at the wall clock while an alarm may interrupt: the host may set it, and it
 * goes on while the machine is paused.
 */
const LOOK = 60;
/** The same in the last second, whose fractions the clock does not tell: how late an alarm may be. */
const LAST_LOOK = 1 / 16;
/** A match so many seconds (68 years) or more ahead lies in the past. */
const NEVER = 2 ** 31;

/** What the clock is connected to. */
export interface Pl031Options {
  /** Gives the wall-clock time. */
  readonly clock: Clock;
  /** Interrupt output, a level. */
  readonly irq: IrqLine;
}

/**
 * The device: 4 KiB. It shows the wall-clock time of the machine's clock until the guest loads
 * another. Registers are read with accesses of any size and written as words.
 */
export class Pl031 implements Device {
  /** For people. */
  readonly name = "pl031";
  readonly #clock: Clock;
  readonly #irq: IrqLine;
  /** Seconds to add to the wall-clock time. */
  readonly #offset: Uint32Array = new Uint32Array(1);
  readonly #match: Uint32Array = new Uint32Array(1);
  readonly #load: Uint32Array = new Uint32Array(1);
  readonly #mask: Uint8Array = new Uint8Array(1);
  readonly #raw: Uint8Array = new Uint8Array(1);
  /** 1 while the match is still to come. */
  readonly #armed: Uint8Array = new Uint8Array(1);
  #deadline: Timer | undefined;

  /** Shows the time of the clock. */
  constructor(options: Pl031Options) {
    this.#clock = options.clock;
    this.#irq = options.irq;
  }

  /** Reads or writes a register. */
  access(access: BusAccess): AccessResult {
    const { offset, size } = access;
    if (!access.write) access.value = this.#read(offset & ~3) >>> (8 * (offset & 3));
    else if (size === 4) this.#write(offset, access.value);
    return AccessResult.ok;
  }

  reset(): void {
    for (const array of Object.values(this.#saved)) array.fill(0);
    this.shutdown();
    this.#update();
  }

  shutdown(): void {
    this.#deadline?.cancel();
    this.#deadline = undefined;
    this.#armed[0] = 0;
  }

  state(): DeviceState {
    return saveArrays(this.#saved);
  }

  restore(state: DeviceState): void {
    restoreArrays(this.#saved, state);
    this.#mask[0] &= 1;
    this.#raw[0] &= 1;
    // A match that came while nobody looked counts; one that was acknowledged does not come again.
    if (this.#armed[0] !== 0) this.#look();
    else this.shutdown();
    this.#update();
  }

  get #saved(): { readonly [name: string]: Uint8Array | Uint32Array } & StateArrays {
    return {
      offset: this.#offset,
      match: this.#match,
      load: this.#load,
      mask: this.#mask,
      raw: this.#raw,
      armed: this.#armed,
    };
  }

  /** RTCDR. */
  #seconds(): number {
    return (Math.floor(this.#clock.wallSeconds()) + this.#offset[0]) >>> 0;
  }

  #read(offset: number): number {
    switch (offset) {
      case RTC.DR:
        return this.#seconds();
      case RTC.MR:
        return this.#match[0];
      case RTC.LR:
        return this.#load[0];
      case RTC.CR:
        return 1;
      case RTC.IMSC:
        return this.#mask[0];
      case RTC.RIS:
        return this.#raw[0];
      case RTC.MIS:
        return this.#raw[0] & this.#mask[0];
      default:
        return ID_VALUES[(offset - PRIMECELL_ID) >>> 2] ?? 0;
    }
  }

  #write(offset: number, value: number): void {
    switch (offset) {
      case RTC.MR:
        this.#match[0] = value;
        this.#arm();
        break;
      case RTC.LR:
        this.#load[0] = value;
        this.#offset[0] += value - this.#seconds();
        this.#arm();
        break;
      case RTC.IMSC:
        this.#mask[0] = value & 1;
        this.#schedule();
        break;
      case RTC.ICR:
        this.#raw[0] &= ~value;
        break;
      default:
        return;
    }
    this.#update();
  }

  /** The match or the time has changed: raises the interrupt if they are equal. */
  #arm(): void {
    if (this.#distance() === 0) this.#raw[0] = 1;
    this.#schedule();
  }

  /** Seconds until the match; 0 if it is now. */
  #distance(): number {
    return (this.#match[0] - this.#seconds()) >>> 0;
  }

  /** Sets the deadline at which to look for the match. */
  #schedule(): void {
    this.shutdown();
    const distance = this.#distance();
    if (distance === 0 || distance >= NEVER) return;
    const seconds = distance === 1
      ? LAST_LOOK
      : this.#mask[0] === 0
      ? distance - 1
      : Math.min(distance - 1, LOOK);
    const time = this.#clock.now() + seconds * NANOSECONDS_PER_SECOND;
    // Beyond the range of the clock it never comes.
    if (time > Number.MAX_SAFE_INTEGER) return;
    this.#deadline = this.#clock.at(time, () => this.#look());
    this.#armed[0] = 1;
  }

  /** It is time to look: the match is now, over because the clock was set forward, or still to come. */
  #look(): void {
    this.shutdown();
    const distance = this.#distance();
    if (distance === 0 || distance >= NEVER) this.#raw[0] = 1;
    else this.#schedule();
    this.#update();
  }

  #update(): void {
    this.#irq.set((this.#raw[0] & this.#mask[0]) !== 0);
  }
}
