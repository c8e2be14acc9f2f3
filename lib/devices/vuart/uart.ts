/** What a serial port is to the board and the host: a byte stream in each direction. */

/**
 * The host's side of a serial port. Both directions have back-pressure: the port takes what fits,
 * and the host may tell it to keep its output for now.
 */
export interface Uart {
  /** Characters that {@linkcode Uart.receive} would take now; 0 while the guest does not receive. */
  canReceive(): number;
  /**
   * Offers characters to the guest; gives how many were taken, from the front. After a partial
   * take the callback of {@linkcode Uart.onReceiveReady} says when to go on.
   */
  receive(bytes: Uint8Array): number;
  /** Called when there is room again after `receive` took less than it was given. One callback. */
  onReceiveReady(callback: () => void): void;
  /**
   * Called with each character (0..255) that the guest sends, from within its access. One callback;
   * a later one replaces it. It must not throw.
   */
  onTransmit(callback: (character: number) => void): void;
  /** While held, characters wait in the port and the guest sees a full transmitter. */
  holdTransmit(hold: boolean): void;
}
