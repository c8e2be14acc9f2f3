/** A socket device with the driver of a guest, for tests. */
import assert from "node:assert/strict";
import type { MockQueue } from "../../virtio/mock_queue.ts";
import { type Bench, bench } from "../../virtio/testing/bench.ts";
import {
  HEADER_BYTES,
  HOST_CID,
  Op,
  type PacketHeader,
  readHeader,
  writeHeader,
} from "../packet.ts";
import { VirtioSock } from "../virtio_sock.ts";
import type { VsockStream } from "../vsock.ts";

/** The guest's context id. */
export const CID = 7;
/** The bytes of a text. */
export const text = (s: string): Uint8Array => Uint8Array.from(s, (c) => c.charCodeAt(0));
/** The text of bytes. */
export const string = (bytes: Uint8Array | undefined): string =>
  String.fromCharCode(...bytes ?? []);

/** A packet of the device. */
export interface Packet extends PacketHeader {
  data: string;
}

/** What is different from an ordinary {@linkcode Guest}. */
export interface GuestOptions {
  readonly maxConnections?: number;
  readonly queueSize?: number;
  /** Buffers that the device is given at first. @default 32 */
  readonly buffers?: number;
}

/** A device, and the driver's side of it: packets out and in. */
export interface Guest extends Bench {
  readonly device: VirtioSock;
  readonly rx: MockQueue;
  readonly tx: MockQueue;
  readonly events: MockQueue;
  /** Gives the device buffers for packets. */
  post(count: number, bytes?: number): void;
  /** Sends a packet from port 1000 to the host's port 80, unless told otherwise. */
  send(fields: Partial<PacketHeader>, data?: Uint8Array): void;
  /** The packets since the last call. */
  packets(): Packet[];
  /** Their operations. */
  ops(): number[];
  /** A connection from the guest that the host has accepted. */
  connected(fields?: Partial<PacketHeader>): Promise<VsockStream>;
  /** How often the device has announced something to do. */
  activity(): number;
}

/** Makes a device whose driver runs. */
export function make(options: GuestOptions = {}): Guest {
  const { buffers = 32, ...rest } = options;
  let activity = 0;
  const device = new VirtioSock({ cid: CID, onActivity: () => activity++, ...rest });
  const b = bench(device, 8 << 20);
  b.driver.negotiate();
  const rx = b.driver.addQueue(0);
  const tx = b.driver.addQueue(1);
  const events = b.driver.addQueue(2);
  b.driver.start();
  const post = (count: number, bytes = 4096 + HEADER_BYTES): void => {
    for (let i = 0; i < count; i++) rx.add({ writable: [bytes] });
    rx.kick();
  };
  post(buffers);
  const send = (fields: Partial<PacketHeader>, data: Uint8Array = new Uint8Array(0)): void => {
    const bytes = new Uint8Array(HEADER_BYTES + data.length);
    const header: PacketHeader = {
      srcCid: CID,
      dstCid: HOST_CID,
      srcPort: 1000,
      dstPort: 80,
      length: data.length,
      type: 1,
      op: Op.rw,
      flags: 0,
      bufAlloc: 65536,
      fwdCnt: 0,
      ...fields,
    };
    writeHeader(new DataView(bytes.buffer), header);
    bytes.set(data, HEADER_BYTES);
    tx.add({ readable: [bytes.subarray(0, 20), bytes.subarray(20)] });
    tx.kick();
    tx.pollAll();
  };
  const packets = (): Packet[] =>
    rx.pollAll().map(({ data, written }) => ({
      ...readHeader(new DataView(data.buffer)),
      data: string(data.subarray(HEADER_BYTES, written)),
    }));
  const ops = (): number[] => packets().map(({ op }) => op);
  const connected = async (fields: Partial<PacketHeader> = {}): Promise<VsockStream> => {
    let stream: VsockStream | undefined;
    const end = device.serve(undefined, (request) => stream = request.accept());
    send({ ...fields, op: Op.request });
    await turn();
    end();
    assert.deepEqual(ops(), [Op.response]);
    return stream as VsockStream;
  };
  return {
    ...b,
    device,
    rx,
    tx,
    events,
    post,
    send,
    packets,
    ops,
    connected,
    activity: () => activity,
  };
}

/** Lets the host do what it has to do. */
export async function turn(): Promise<void> {
  for (let i = 0; i < 20; i++) await Promise.resolve();
}

/** The code that a promise is rejected with, undefined while it is open. */
export function outcome(promise: Promise<unknown>): { value?: unknown; code?: string } {
  const result: { value?: unknown; code?: string } = {};
  promise.then((value) => result.value = value, (error) => result.code = error.code);
  return result;
}
