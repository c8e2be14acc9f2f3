/** Numbers of the virtio console device (virtio 1.2, section 5.3). */

/** Numbers of the feature bits. */
export const ConsoleFeature = { SIZE: 0, MULTIPORT: 1, EMERG_WRITE: 2 } as const;

/** Offsets in the configuration space. */
export const Config = {
  columns: 0, // u16, with SIZE
  rows: 2, // u16, with SIZE
  maxPorts: 4, // u32, with MULTIPORT
  emergencyWrite: 8, // u32, write only, with EMERG_WRITE
  bytes: 12,
} as const;

/** Queues of port 0 and of the control messages; those of further ports follow in pairs. */
export const Queue = { receive: 0, transmit: 1, controlReceive: 2, controlTransmit: 3 } as const;

/** Most ports of a device: the transport has queues for no more. */
export const MAX_PORTS = 31;

/** The queue from which port `index` receives; it transmits through the next one. */
export function receiveQueue(index: number): number {
  return index === 0 ? Queue.receive : 2 * index + 2;
}

/** The port that a queue of data belongs to. */
export function portOfQueue(queue: number): number {
  return queue <= Queue.transmit ? 0 : (queue >> 1) - 1;
}

/** What a control message says (section 5.3.6.2). */
export const ControlEvent = {
  /** Driver: it is ready for ports (value 1), or has failed (0). */
  deviceReady: 0,
  /** Device: there is a port. */
  portAdd: 1,
  /** Device: the port is gone. */
  portRemove: 2,
  /** Driver: it knows the port (1), or has failed (0). */
  portReady: 3,
  /** Device: the port is a console (1). */
  consolePort: 4,
  /** Device: the size of a console; columns u16 and rows u16 follow. */
  resize: 5,
  /** Both: somebody uses the port (1), or nobody does (0). */
  portOpen: 6,
  /** Device: the port's name follows, UTF-8 without an end. */
  portName: 7,
} as const;

/** Bytes of a control message {port u32, event u16, value u16}. */
export const CONTROL_BYTES = 8;
