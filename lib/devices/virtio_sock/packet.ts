/** Packets of the virtio socket device (virtio 1.2, section 5.10.6). */

/** Numbers of the feature bits. */
export const SockFeature = { STREAM: 0, SEQPACKET: 1 } as const;

/** The host's context id. */
export const HOST_CID = 2;
/** Least and greatest context id that a guest can have: 0 to 2 are taken, the last means any. */
export const MIN_GUEST_CID = 3;
export const MAX_GUEST_CID = 0xffff_fffe;
/** "Any port" of socket libraries; no port to connect to. */
export const PORT_ANY = 0xffff_ffff;

/** Kinds of sockets. */
export const SockType = { stream: 1, seqpacket: 2 } as const;

/** What a packet does. */
export const Op = {
  /** Asks for a connection. */
  request: 1,
  /** Grants it. */
  response: 2,
  /** There is no such connection, or not any more. */
  reset: 3,
  /** One or both directions end; see {@linkcode ShutdownFlag}. */
  shutdown: 4,
  /** Data. */
  rw: 5,
  /** Tells the room for data; every packet does, this one does nothing else. */
  creditUpdate: 6,
  /** Asks for a credit update. */
  creditRequest: 7,
} as const;

/** Flags of `Op.shutdown`. They stay set: a later packet cannot open a direction again. */
export const ShutdownFlag = { noReceive: 1, noSend: 2, both: 3 } as const;

/** Ids of what is told in the event queue. */
export const SockEvent = { transportReset: 0 } as const;
/** Bytes of an event {id u32}. */
export const EVENT_BYTES = 4;

/** Bytes of a packet's header. */
export const HEADER_BYTES = 44;

/** A packet's header. */
export interface PacketHeader {
  /** Context id of the sender; Infinity if it does not fit into 32 bits. */
  srcCid: number;
  /** Context id of the receiver, in the same way. */
  dstCid: number;
  srcPort: number;
  dstPort: number;
  /** Bytes of data after the header. */
  length: number;
  /** See {@linkcode SockType}; 16 bits. */
  type: number;
  /** See {@linkcode Op}; 16 bits. */
  op: number;
  flags: number;
  /** Bytes that the sender can hold for this connection. */
  bufAlloc: number;
  /** Bytes that the sender has taken out of that, counted from the start modulo 2^32. */
  fwdCnt: number;
}

// Offsets in the header.
const SRC_CID = 0; // u64
const DST_CID = 8; // u64
const SRC_PORT = 16;
const DST_PORT = 20;
const LENGTH = 24;
const TYPE = 28; // u16
const OP = 30; // u16
const FLAGS = 32;
const BUF_ALLOC = 36;
const FWD_CNT = 40;

/** Reads a header. */
export function readHeader(view: DataView): PacketHeader {
  return {
    srcCid: readCid(view, SRC_CID),
    dstCid: readCid(view, DST_CID),
    srcPort: view.getUint32(SRC_PORT, true),
    dstPort: view.getUint32(DST_PORT, true),
    length: view.getUint32(LENGTH, true),
    type: view.getUint16(TYPE, true),
    op: view.getUint16(OP, true),
    flags: view.getUint32(FLAGS, true),
    bufAlloc: view.getUint32(BUF_ALLOC, true),
    fwdCnt: view.getUint32(FWD_CNT, true),
  };
}

/** Writes a header; its context ids must fit into 32 bits. */
export function writeHeader(view: DataView, header: PacketHeader): void {
  view.setUint32(SRC_CID, header.srcCid, true);
  view.setUint32(SRC_CID + 4, 0, true);
  view.setUint32(DST_CID, header.dstCid, true);
  view.setUint32(DST_CID + 4, 0, true);
  view.setUint32(SRC_PORT, header.srcPort, true);
  view.setUint32(DST_PORT, header.dstPort, true);
  view.setUint32(LENGTH, header.length, true);
  view.setUint16(TYPE, header.type, true);
  view.setUint16(OP, header.op, true);
  view.setUint32(FLAGS, header.flags, true);
  view.setUint32(BUF_ALLOC, header.bufAlloc, true);
  view.setUint32(FWD_CNT, header.fwdCnt, true);
}

/** A reset for whoever in the guest has sent a packet. */
export function resetFor(
  { srcPort, dstCid, dstPort, type }: PacketHeader,
  cid: number,
): PacketHeader {
  return {
    srcCid: dstCid,
    dstCid: cid,
    srcPort: dstPort,
    dstPort: srcPort,
    length: 0,
    type,
    op: Op.reset,
    flags: 0,
    bufAlloc: 0,
    fwdCnt: 0,
  };
}

function readCid(view: DataView, offset: number): number {
  return view.getUint32(offset + 4, true) === 0 ? view.getUint32(offset, true) : Infinity;
}
