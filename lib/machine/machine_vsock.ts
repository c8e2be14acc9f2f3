/** The host's end of a virtio-sock device. */
import type { VirtioSock } from "../devices/virtio_sock/virtio_sock.ts";
import type { VsockStream } from "../devices/virtio_sock/vsock.ts";

/** Sockets between a guest and the user of its machine. */
export interface MachineVsock {
  /** The guest's context id. */
  readonly cid: number;
  /**
   * Takes the guest's connections to a port of the host (context id 2). In virtual time what the
   * callback does without waiting for the host's own input is the same in each run. The result ends
   * it; connections go on.
   * @throws {SocketError} if the port is taken.
   */
  listen(port: number, onConnection: (stream: VsockStream) => void): () => void;
  /**
   * Connects to a port of the guest.
   * @throws {SocketError} (rejects) "refused" if nobody listens there, "unreachable" if the guest has
   * no driver yet, "closed" if the signal aborts.
   */
  connect(port: number, signal?: AbortSignal): Promise<VsockStream>;
}

/** Sockets of the guest for code in this process. */
export class VsockPort implements MachineVsock {
  readonly cid: number;
  readonly #device: VirtioSock;

  constructor(device: VirtioSock) {
    this.#device = device;
    this.cid = device.cid;
  }

  listen(port: number, onConnection: (stream: VsockStream) => void): () => void {
    return this.#device.serve(port, (request) => onConnection(request.accept()));
  }

  connect(port: number, signal?: AbortSignal): Promise<VsockStream> {
    return this.#device.connect(port, signal);
  }
}
