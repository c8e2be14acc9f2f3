/** A card on a bench with a network that only records, for its tests. */
import type { FrameOffload, FrameReceiver, NetBackend, NetOffloads } from "../../../net/backend.ts";
import type { MockDriver } from "../../virtio/mock_driver.ts";
import { type Bench, bench } from "../../virtio/testing/bench.ts";
import { VirtioNet, type VirtioNetOptions } from "../virtio_net.ts";

/** Records what a card does. */
export class RecordingNet implements NetBackend {
  readonly sent: Uint8Array[] = [];
  readonly sentOffloads: (FrameOffload | undefined)[] = [];
  offloads: NetOffloads = { checksum: false, tcp4: false, tcp6: false };
  sendReady = true;
  linkUp = true;
  /** Calls of `receiveReady`. */
  ready = 0;
  closed = 0;
  receive: FrameReceiver = () => false;
  resume: () => void = () => {};
  linkChanged: () => void = () => {};

  send(frame: Uint8Array, offload?: FrameOffload): void {
    this.sent.push(frame.slice());
    this.sentOffloads.push(offload && { ...offload });
  }
  onReceive(receiver: FrameReceiver): void {
    this.receive = receiver;
  }
  onSendReady(callback: () => void): void {
    this.resume = callback;
  }
  onLinkChange(callback: () => void): void {
    this.linkChanged = callback;
  }
  receiveReady(): void {
    this.ready++;
  }
  close(): void {
    this.closed++;
  }
}

type MockQueue = ReturnType<MockDriver["addQueue"]>;

/** A card that its driver has started, with the queues of the first pair and the control queue. */
export interface Card extends Bench {
  readonly net: RecordingNet;
  readonly device: VirtioNet;
  readonly rx: MockQueue;
  readonly tx: MockQueue;
  /** All queues by number. */
  readonly queues: readonly MockQueue[];
  /** Sends a command; gives the answer: 0 if it was accepted. */
  command(commandClass: number, command: number, ...data: number[]): number;
}

/** Makes a card; `features` are those that the driver accepts, all if left out. */
export function makeCard(options: VirtioNetOptions = {}, features?: bigint): Card {
  const net = new RecordingNet();
  const device = new VirtioNet(net, { queueSize: 16, ...options });
  const b = bench(device, 1 << 21, false);
  b.driver.negotiate(features);
  const queues = device.queueSizes.map((_, i) => b.driver.addQueue(i));
  b.driver.start();
  const multiple = (b.driver.features >> 22n & 1n) !== 0n;
  const control = queues[multiple ? 2 * (options.queuePairs ?? 1) : 2];
  return {
    ...b,
    net,
    device,
    queues,
    rx: queues[0],
    tx: queues[1],
    command(commandClass, command, ...data) {
      control.add({ readable: [Uint8Array.of(commandClass, command, ...data)], writable: [1] });
      control.kick();
      return control.poll()?.data[0] ?? -1;
    },
  };
}
