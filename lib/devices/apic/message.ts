/** Interrupt messages: what I/O APICs, devices (MSI) and local APICs send to local APICs. */

/** Delivery mode, as redirection entries, MSI data, the ICR and LVT entries encode it in 10:8. */
export const DeliveryMode = {
  fixed: 0,
  lowestPriority: 1,
  smi: 2,
  nmi: 4,
  init: 5,
  startUp: 6,
  extInt: 7,
} as const;

/** Destination that all local APICs match, in either mode. */
export const BROADCAST = 0xffffffff;

/** One message. */
export interface InterruptMessage {
  /** 0 to 255; of SIPI, the page where to start. */
  readonly vector: number;
  /** 3 bits, one of {@linkcode DeliveryMode} or reserved. */
  readonly mode: number;
  /** `destination` is a set of logical ids, else a physical id. */
  readonly logical: boolean;
  /** 32 bits; {@linkcode BROADCAST} is everybody. */
  readonly destination: number;
  /** Level-triggered: its end is told to the I/O APICs. */
  readonly level: boolean;
}

/** Where messages go. */
export interface MessageSink {
  /** Delivers a message. False if no local APIC took it. */
  deliver(message: InterruptMessage): boolean;
}

/** A destination of eight bits, in which all ones are everybody. */
export function shortDestination(id: number): number {
  return id === 0xff ? BROADCAST : id;
}

/** First address that is a message when a device writes to it (SDM vol. 3, 11.11.1). */
export const MSI_ADDRESS = 0xfee00000;
/** Bytes of those addresses. */
export const MSI_BYTES = 0x100000;

/**
 * The message that a device sends by writing `data` to `address`, as MSI tables hold them: destination
 * in 19:12 and its mode in 2 of the address; vector, delivery mode, level and trigger mode in the data.
 * Undefined if the address is no message's. The redirection hint makes no difference.
 */
export function messageOfMsi(address: number, data: number): InterruptMessage | undefined {
  if (address < MSI_ADDRESS || address >= MSI_ADDRESS + MSI_BYTES) return undefined;
  return {
    vector: data & 0xff,
    mode: (data >>> 8) & 7,
    logical: (address & 4) !== 0,
    destination: shortDestination((address >>> 12) & 0xff),
    level: (data & 0x8000) !== 0,
  };
}
