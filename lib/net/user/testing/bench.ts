/** A user-mode network with a clock and sockets in memory, and a wire that keeps what comes. */
import { VirtualClock } from "../../../platform/clock.ts";
import { type VirtualPlatform, virtualPlatform } from "../../../platform/virtual.ts";
import type { Sockets } from "../../../platform/sockets.ts";
import type { FrameOffload } from "../../backend.ts";
import { UserNetwork, type UserNetworkOptions } from "../user_network.ts";
import { ALL, arp, ethernet, GATEWAY, GUEST, read, type Received } from "./packets.ts";

export const MILLISECOND = 1e6;
export const SECOND = 1e9;

/** A frame and the work that was left to the card. */
export interface Taken extends Received {
  readonly offload: FrameOffload | undefined;
}

/** The network under test, and the guest's end of its wire. */
export class Bench {
  readonly platform: VirtualPlatform = virtualPlatform();
  readonly clock: VirtualClock = new VirtualClock();
  readonly network: UserNetwork;
  /** Frames that came and nobody has taken. */
  frames: Taken[] = [];
  /** Whether the card has room. */
  room = true;
  /** Instead of keeping frames. */
  onFrame: ((taken: Taken) => void) | undefined;

  /** @param sockets the host's, instead of those in memory. */
  constructor(options: UserNetworkOptions = {}, sockets: Sockets = this.platform.sockets) {
    const { random } = this.platform;
    this.network = new UserNetwork({ clock: this.clock, sockets, random, options });
    this.network.onReceive((frame, offload) => this.deliver(frame, offload));
  }

  /** Takes a frame of the network, as a card does. */
  deliver(frame: Uint8Array, offload?: FrameOffload): boolean {
    if (!this.room) return false;
    const taken = { ...read(frame.slice()), offload: offload && { ...offload } };
    if (this.onFrame === undefined) this.frames.push(taken);
    else this.onFrame(taken);
    return true;
  }

  /** Sends a frame, which is destroyed afterwards as a card's buffer is. */
  send(frame: Uint8Array, offload?: FrameOffload): void {
    const copy = frame.slice();
    this.network.send(copy, offload);
    copy.fill(0xee);
  }

  /** Tells the network where the guest is. */
  hello(): void {
    this.send(arp(1, GUEST, GATEWAY));
    this.take();
  }

  /** What has come since the last call. */
  take(): Taken[] {
    const taken = this.frames;
    this.frames = [];
    return taken;
  }

  /** Lets everything happen that needs no time. */
  async settle(): Promise<void> {
    for (let i = 0; i < 60; i++) await Promise.resolve();
  }

  /** Time passes in steps; between them, all that needs none happens. */
  async pass(
    nanoseconds: number,
    step: number = Math.min(nanoseconds / 10, 10 * MILLISECOND),
  ): Promise<void> {
    for (let done = 0; done < nanoseconds; done += step) {
      this.clock.advance(Math.min(step, nanoseconds - done));
      await this.settle();
    }
  }
}

/** A frame that is for nobody here. */
export const STRAY: Uint8Array = ethernet(0x86dd, new Uint8Array(60), ALL);
