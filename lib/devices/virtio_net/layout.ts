/** Numbers and layouts of the virtio network card (virtio 1.2, section 5.1). */

/** Numbers of the feature bits (5.1.3). */
export const NetFeature = {
  CSUM: 0,
  GUEST_CSUM: 1,
  CTRL_GUEST_OFFLOADS: 2,
  MTU: 3,
  MAC: 5,
  GUEST_TSO4: 7,
  GUEST_TSO6: 8,
  GUEST_ECN: 9,
  HOST_TSO4: 11,
  HOST_TSO6: 12,
  HOST_ECN: 13,
  MRG_RXBUF: 15,
  STATUS: 16,
  CTRL_VQ: 17,
  CTRL_RX: 18,
  CTRL_VLAN: 19,
  CTRL_RX_EXTRA: 20,
  GUEST_ANNOUNCE: 21,
  MQ: 22,
  CTRL_MAC_ADDR: 23,
} as const;

/** Features, each with those of which it needs one (5.1.3.1). */
const REQUIRED_FEATURES: readonly (readonly [feature: number, oneOf: readonly number[]])[] = [
  [NetFeature.GUEST_TSO4, [NetFeature.GUEST_CSUM]],
  [NetFeature.GUEST_TSO6, [NetFeature.GUEST_CSUM]],
  [NetFeature.GUEST_ECN, [NetFeature.GUEST_TSO4, NetFeature.GUEST_TSO6]],
  [NetFeature.HOST_TSO4, [NetFeature.CSUM]],
  [NetFeature.HOST_TSO6, [NetFeature.CSUM]],
  [NetFeature.HOST_ECN, [NetFeature.HOST_TSO4, NetFeature.HOST_TSO6]],
  [NetFeature.CTRL_GUEST_OFFLOADS, [NetFeature.CTRL_VQ]],
  [NetFeature.CTRL_RX, [NetFeature.CTRL_VQ]],
  [NetFeature.CTRL_VLAN, [NetFeature.CTRL_VQ]],
  [NetFeature.CTRL_RX_EXTRA, [NetFeature.CTRL_RX]],
  [NetFeature.GUEST_ANNOUNCE, [NetFeature.CTRL_VQ]],
  [NetFeature.MQ, [NetFeature.CTRL_VQ]],
  [NetFeature.CTRL_MAC_ADDR, [NetFeature.CTRL_VQ]],
];

/** Whether each of the features has what it needs. */
export function areConsistent(features: bigint): boolean {
  const has = (feature: number): boolean => (features >> BigInt(feature) & 1n) !== 0n;
  return REQUIRED_FEATURES.every(([feature, oneOf]) => !has(feature) || oneOf.some(has));
}

/** The configuration space (5.1.4): offsets. All of it is read-only. */
export const NetConfigSpace = {
  mac: 0, // 6 bytes
  status: 6, // u16
  maxQueuePairs: 8, // u16
  mtu: 10, // u16
  bytes: 12,
} as const;

/** Bits of the status in the configuration space. */
export const NetStatus = { linkUp: 1, announce: 2 } as const;

/** The header before each frame (5.1.6): offsets. Little-endian. */
export const NetHeader = {
  flags: 0, // u8
  gsoType: 1, // u8
  headerBytes: 2, // u16, a hint
  gsoSize: 4, // u16
  checksumStart: 6, // u16, in the frame
  checksumOffset: 8, // u16, from checksumStart
  buffers: 10, // u16, receive only
  bytes: 12,
  /** Without VERSION_1 and MRG_RXBUF the last field is left out. */
  legacyBytes: 10,
} as const;

/** `flags`: the checksum is to be made. */
export const NEEDS_CSUM = 1;
/** Values of `gsoType`. */
export const GsoType = { none: 0, tcp4: 1, tcp6: 4, ecn: 0x80 } as const;

/** Classes of commands in the control queue (5.1.6.5). */
export const ControlClass = {
  receiveMode: 0,
  mac: 1,
  vlan: 2,
  announce: 3,
  queuePairs: 4,
  guestOffloads: 5,
} as const;
/** Commands of the class `mac`. */
export const MacCommand = { tableSet: 0, addressSet: 1 } as const;
/** Commands of the class `vlan`. */
export const VlanCommand = { add: 0, remove: 1 } as const;
/** Answers to commands. */
export const Ack = { ok: 0, error: 1 } as const;
