/** Commands of the control queue (virtio 1.2, section 5.1.6.5). */
import type { DescriptorChain } from "../virtio/chain.ts";
import type { VirtioTransport } from "../virtio/device.ts";
import { Ack, ControlClass, MacCommand, NetFeature, VlanCommand } from "./layout.ts";
import type { ReceiveFilter } from "./receive_filter.ts";

/** Bytes of the longest command that is read: tables of more than 1300 addresses. */
const MAX_COMMAND = 8192;
/** Class and command. */
const COMMAND_HEADER = 2;

/** What a command may change in its card. */
export interface ControlledCard {
  readonly filter: ReceiveFilter;
  /** Six bytes. */
  setAddress(address: Uint8Array): void;
  /** False if the card has not that many. */
  setQueuePairs(pairs: number): boolean;
  /** Feature bits of receive offloads; false if others than negotiated are among them. */
  setGuestOffloads(features: bigint): boolean;
  /** The driver has announced itself. */
  announced(): void;
}

const readBuffer = new Uint8Array(MAX_COMMAND);

/** Executes one command and writes the answer; false if the chain is not a command at all. */
export function executeCommand(
  transport: VirtioTransport,
  chain: DescriptorChain,
  card: ControlledCard,
): boolean {
  if (chain.readableBytes < COMMAND_HEADER || chain.writableBytes === 0) return false;
  const length = Math.min(chain.readableBytes, MAX_COMMAND);
  const bytes = readBuffer.subarray(0, length);
  chain.read(transport.memory, 0, bytes);
  const accepted = chain.readableBytes <= MAX_COMMAND &&
    execute(transport, bytes[0], bytes[1], bytes.subarray(COMMAND_HEADER), card);
  chain.write(transport.memory, 0, Uint8Array.of(accepted ? Ack.ok : Ack.error));
  return true;
}

function execute(
  transport: VirtioTransport,
  commandClass: number,
  command: number,
  data: Uint8Array,
  card: ControlledCard,
): boolean {
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  switch (commandClass) {
    case ControlClass.receiveMode:
      return transport.has(NetFeature.CTRL_RX) && data.length === 1 &&
        card.filter.setMode(command, data[0] !== 0, transport.has(NetFeature.CTRL_RX_EXTRA));
    case ControlClass.mac:
      if (command === MacCommand.tableSet) {
        return transport.has(NetFeature.CTRL_RX) && card.filter.setTables(data);
      }
      if (command !== MacCommand.addressSet || !transport.has(NetFeature.CTRL_MAC_ADDR)) {
        return false;
      }
      if (data.length !== 6) return false;
      card.setAddress(data);
      return true;
    case ControlClass.vlan:
      return transport.has(NetFeature.CTRL_VLAN) && data.length === 2 &&
        (command === VlanCommand.add || command === VlanCommand.remove) &&
        card.filter.setVlan(view.getUint16(0, true), command === VlanCommand.add);
    case ControlClass.announce:
      if (!transport.has(NetFeature.GUEST_ANNOUNCE) || command !== 0) return false;
      card.announced();
      return true;
    case ControlClass.queuePairs:
      return transport.has(NetFeature.MQ) && command === 0 && data.length === 2 &&
        card.setQueuePairs(view.getUint16(0, true));
    case ControlClass.guestOffloads:
      return transport.has(NetFeature.CTRL_GUEST_OFFLOADS) && command === 0 &&
        data.length === 8 && card.setGuestOffloads(view.getBigUint64(0, true));
    default:
      return false;
  }
}
