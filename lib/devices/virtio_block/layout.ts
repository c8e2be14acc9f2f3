/** Numbers of the virtio block device (virtio 1.2, section 5.2). */

/** Bytes of a sector: the unit of all positions, whatever the block size. */
export const SECTOR = 512;

/** Numbers of the feature bits. */
export const BlockFeature = {
  SIZE_MAX: 1,
  SEG_MAX: 2,
  RO: 5,
  BLK_SIZE: 6,
  FLUSH: 9,
  TOPOLOGY: 10,
  CONFIG_WCE: 11,
  MQ: 12,
  DISCARD: 13,
  WRITE_ZEROES: 14,
} as const;

/** Types of a request. */
export const RequestType = {
  in: 0,
  out: 1,
  flush: 4,
  getId: 8,
  discard: 11,
  writeZeroes: 13,
} as const;

/** Last byte of a request, written by the device. */
export const RequestStatus = { ok: 0, ioError: 1, unsupported: 2 } as const;
/** One of the values of `RequestStatus`. */
export type RequestStatus = typeof RequestStatus[keyof typeof RequestStatus];

/** Bytes of a request's header {type u32, reserved u32, sector u64}. */
export const HEADER_BYTES = 16;
/** Bytes of the answer to `getId`. */
export const ID_BYTES = 20;
/** Bytes of a segment of `discard` and `writeZeroes` {sector u64, sectors u32, flags u32}. */
export const SEGMENT_BYTES = 16;
/** Flag of a segment of `writeZeroes`: the device may give the space back. */
export const SEGMENT_UNMAP = 1;

/** Offsets in the configuration space. */
export const Config = {
  capacity: 0, // u64, sectors
  sizeMax: 8, // u32, bytes
  segMax: 12, // u32
  blockSize: 20, // u32, bytes
  physicalBlockExponent: 24, // u8, topology: four fields
  alignmentOffset: 25, // u8
  minimumIo: 26, // u16, blocks
  optimalIo: 28, // u32, blocks
  writeback: 32, // u8, RW with CONFIG_WCE
  queues: 34, // u16, with MQ
  maxDiscardSectors: 36, // u32
  maxDiscardSegments: 40, // u32
  discardAlignment: 44, // u32, sectors
  maxZeroesSectors: 48, // u32
  maxZeroesSegments: 52, // u32
  zeroesMayUnmap: 56, // u8
  bytes: 60,
} as const;
