/**
 * The Interrupt Translation Service of a GICv3 (IHI 0069, 5 and 12.12): turns messages of devices
 * into LPIs, as the commands say that the guest writes to a queue in its RAM.
 *
 * Deviations that the architecture allows: a wrong command or message is dropped without a report
 * (GITS_TYPER.SEIS is 0). A command that is not in RAM stalls the queue until GITS_CWRITER.Retry is
 * written. GITS_BASER<n> and GITS_CBASER take no writes while the ITS is enabled.
 */
import type { GuestMemory } from "../../engine/guest_memory.ts";
import type { MsiController } from "../irq_controller/irq_line.ts";
import { AccessResult, type BusAccess, type Device, type DeviceState } from "../vbus/device.ts";
import { clearArrays, restoreArrays, saveArrays, type StateArrays } from "../vbus/device_state.ts";
import { IIDR } from "./gicv3_distributor.ts";
import type { GicV3Lpis } from "./gicv3_lpis.ts";
import {
  COMMAND_WORDS,
  executeCommand,
  ITS_COMMAND,
  type ItsContext,
  signalEvent,
} from "./its_commands.ts";
import { ENTRY_BYTES, ITS_ID_BITS, ItsTables } from "./its_tables.ts";
import { ID_REGISTERS } from "./registers.ts";

/** Bytes of the two frames: control, and translation. */
export const ITS_BYTES = 0x2_0000;

/** Offsets. */
export const GITS = {
  CTLR: 0x0000,
  IIDR: 0x0004,
  TYPER: 0x0008,
  CBASER: 0x0080,
  CWRITER: 0x0088,
  CREADR: 0x0090,
  /** Eight registers of 64 bits. */
  BASER: 0x0100,
  TRANSLATER: 0x1_0040,
} as const;

const CTLR = { Enabled: 1, Quiescent: 0x8000_0000 } as const;
/** Fields of GITS_CBASER by word. */
const CBASER_MASK = [0xffff_fcff, 0xb8ef_ffff];
const CBASER_VALID = 0x8000_0000;
/** GITS_CWRITER.Retry and GITS_CREADR.Stalled are bit 0 of an offset. */
const OFFSET_MASK = 0xf_ffe0;
const CWRITER_RETRY = 1;
/** Physical LPIs, eight-byte entries, 16 bits of event and device id; high word: and of collection. */
const TYPER = [
  1 | ((ENTRY_BYTES - 1) << 4) | ((ITS_ID_BITS - 1) << 8) | ((ITS_ID_BITS - 1) << 13),
  (1 << 4) | (ITS_ID_BITS - 1),
];
/** PIDR4 to CIDR3; PIDR2 tells architecture version 3. */
const ID_VALUES = [0x44, 0, 0, 0, 0x94, 0xb4, 0x3b, 0, 0x0d, 0xf0, 0x05, 0xb1];

const COMMAND_BYTES = 4 * COMMAND_WORDS;
const QUEUE_PAGE = 4096;
/** What is done at once: one for a command, more for one that goes over all LPIs of a vCPU. */
const WORK_AT_ONCE = 64;
const WORK_OF_ALL = 32;

/** What an ITS is made of. */
export interface ItsOptions {
  /** Number of redistributors. */
  readonly cpus: number;
  /** Where queue and tables are. */
  readonly memory: () => GuestMemory;
  readonly lpis: GicV3Lpis;
  /** Pending LPIs may have changed: look again at the vCPUs. */
  readonly settle: () => void;
  /** Calls back soon, when the host had a turn. */
  readonly later: (work: () => void) => void;
}

/** The ITS. */
export class GicV3Its implements Device, MsiController {
  /** For people. */
  readonly name = "gicv3-its";
  readonly #context: ItsContext;
  readonly #options: ItsOptions;
  readonly #control: Uint32Array = new Uint32Array(1);
  readonly #cbaser: Uint32Array = new Uint32Array(2);
  readonly #cwriter: Uint32Array = new Uint32Array(1);
  readonly #creadr: Uint32Array = new Uint32Array(1);
  /** GITS_CREADR.Stalled. */
  readonly #stalled: Uint8Array = new Uint8Array(1);
  readonly #command: Uint32Array = new Uint32Array(COMMAND_WORDS);
  /** `later` will call back. */
  #scheduled = false;
  #dropped = 0;

  /** Disabled, without tables. */
  constructor(options: ItsOptions) {
    const { cpus, lpis, memory } = options;
    this.#options = options;
    this.#context = { cpus, lpis, tables: new ItsTables(memory) };
  }

  /** Number of commands and messages that were wrong, since the ITS was made. */
  get dropped(): number {
    return this.#dropped;
  }

  /**
   * What a write of `data`, an event id, by a device to GITS_TRANSLATER does.
   * @param device id of the device, as MAPD names it.
   */
  message(device: number, data: number): void {
    if (this.#control[0] === 0) return;
    if (!signalEvent(this.#context, device, data)) this.#dropped++;
    this.#options.settle();
  }

  /** Reads or writes a register. */
  access(access: BusAccess): AccessResult {
    const { offset, size } = access;
    if (offset >= 0x1_0000) {
      // A vCPU has no device id; QEMU's board gives it 0 too.
      if (access.write && offset === GITS.TRANSLATER && size !== 1) this.message(0, access.value);
    } else if (size === 4 && (offset & 3) === 0) {
      if (access.write) this.#write(offset, access.value);
      else access.value = this.#read(offset);
    }
    return AccessResult.ok;
  }

  /** Power-on state. Commands that were not executed are forgotten. */
  reset(): void {
    clearArrays(this.#saved);
  }

  shutdown(): void {}

  /** The registers; the tables are in guest RAM. */
  state(): DeviceState {
    return saveArrays(this.#saved);
  }

  /** Puts back what `state` gave. Throws a TypeError on anything else. */
  restore(state: DeviceState): void {
    restoreArrays(this.#saved, state);
    this.#cwriter[0] &= OFFSET_MASK;
    this.#creadr[0] &= OFFSET_MASK;
    this.#schedule();
  }

  get #saved(): StateArrays {
    return {
      control: this.#control,
      cbaser: this.#cbaser,
      cwriter: this.#cwriter,
      creadr: this.#creadr,
      stalled: this.#stalled,
      baser: this.#context.tables.registers,
    };
  }

  #read(offset: number): number {
    const high = (offset & 4) !== 0 ? 1 : 0;
    if (offset >= GITS.BASER && offset < GITS.BASER + 64) {
      return this.#context.tables.baser((offset - GITS.BASER) >>> 3, high);
    }
    switch (offset) {
      case GITS.CTLR:
        return (this.#control[0] | CTLR.Quiescent) >>> 0;
      case GITS.IIDR:
        return IIDR;
      case GITS.TYPER:
      case GITS.TYPER + 4:
        return TYPER[high];
      case GITS.CBASER:
      case GITS.CBASER + 4:
        return this.#cbaser[high];
      case GITS.CWRITER:
        return this.#cwriter[0];
      case GITS.CREADR:
        return this.#creadr[0] | this.#stalled[0];
      default:
        return offset >= ID_REGISTERS ? ID_VALUES[(offset - ID_REGISTERS) >>> 2] : 0;
    }
  }

  #write(offset: number, value: number): void {
    const high = (offset & 4) !== 0 ? 1 : 0;
    if (offset === GITS.CTLR) {
      this.#control[0] = value & CTLR.Enabled;
      this.#work();
    } else if (offset === GITS.CWRITER) {
      this.#cwriter[0] = value & OFFSET_MASK;
      if ((value & CWRITER_RETRY) !== 0) this.#stalled[0] = 0;
      this.#work();
    } else if (this.#control[0] !== 0) return;
    else if (offset === GITS.CBASER || offset === GITS.CBASER + 4) {
      this.#cbaser[high] = value & CBASER_MASK[high];
      this.#creadr[0] = this.#stalled[0] = 0;
    } else if (offset >= GITS.BASER && offset < GITS.BASER + 64) {
      this.#context.tables.setBaser((offset - GITS.BASER) >>> 3, high, value);
    }
  }

  // ---- the command queue

  /** Whether there is a command to execute. */
  get #busy(): boolean {
    return this.#control[0] !== 0 && this.#cbaser[1] >= CBASER_VALID && this.#stalled[0] === 0 &&
      this.#creadr[0] !== this.#cwriter[0] &&
      Math.max(this.#creadr[0], this.#cwriter[0]) < this.#queueBytes;
  }

  get #queueBytes(): number {
    return ((this.#cbaser[0] & 0xff) + 1) * QUEUE_PAGE;
  }

  /** Executes commands; if there are many, the rest when the host had a turn. */
  #work(): void {
    // A turn is due: a guest that writes on and on does not get more done.
    if (this.#scheduled) return;
    let work = 0;
    while (work < WORK_AT_ONCE && this.#busy) {
      const opcode = this.#next();
      if (opcode < 0) break;
      work += opcode === ITS_COMMAND.MOVALL || opcode === ITS_COMMAND.INVALL ? WORK_OF_ALL : 1;
    }
    if (work > 0) this.#options.settle();
    this.#schedule();
  }

  #schedule(): void {
    if (this.#scheduled || !this.#busy) return;
    this.#scheduled = true;
    this.#options.later(() => {
      this.#scheduled = false;
      this.#work();
    });
  }

  /** Executes the next command and gives its number; -1 if the queue stalls. */
  #next(): number {
    const memory = this.#options.memory();
    const queue = (this.#cbaser[1] & 0xf_ffff) * 2 ** 32 + ((this.#cbaser[0] & ~0xfff) >>> 0);
    const at = queue + this.#creadr[0];
    if (!memory.contains(at, COMMAND_BYTES)) {
      this.#stalled[0] = 1;
      return -1;
    }
    for (let i = 0; i < COMMAND_WORDS; i++) this.#command[i] = memory.read32(at + 4 * i) ?? 0;
    const next = this.#creadr[0] + COMMAND_BYTES;
    this.#creadr[0] = next === this.#queueBytes ? 0 : next;
    if (!executeCommand(this.#context, this.#command)) this.#dropped++;
    return this.#command[0] & 0xff;
  }
}
