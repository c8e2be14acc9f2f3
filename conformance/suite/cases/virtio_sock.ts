import { virtioSockImage as aarch64 } from "../../../guests/virtio_sock/aarch64/image.ts";
import { virtioSockImage as x86_64 } from "../../../guests/virtio_sock/x86_64/image.ts";
import type { VsockStream } from "../../../lib/devices/virtio_sock/vsock.ts";
import { type ConformanceCase, type ConformanceMachine, forBoth, type HostSide } from "../case.ts";

const CID = 0x1234;
/** What the guest finds at the host. */
const Port = { echo: 1, deaf: 2, caller: 3 } as const;

const REASON = "QEMU's vhost-vsock needs the host kernel's vhost and the rights to use it";

function host(packed: boolean): HostSide {
  const problems: string[] = [];
  /** Resets by the guest are part of it. */
  const quietly = (work: Promise<void>): void => void work.catch(() => {});
  return {
    devices: [{ type: "virtio-sock", cid: CID, packed }],
    attach: ({ vsock }: ConformanceMachine) => {
      if (vsock === undefined) return void problems.push("the machine has no sockets");
      const call = async (port: number): Promise<string> => {
        try {
          const stream = await vsock.connect(port);
          await stream.write(new TextEncoder().encode("called"));
          if (await stream.read() !== undefined) problems.push("the guest has answered");
          return "accepted";
        } catch {
          return "refused";
        }
      };
      vsock.listen(Port.echo, (stream) => quietly(sendBack(stream)));
      vsock.listen(Port.deaf, () => {});
      vsock.listen(Port.caller, (stream) => quietly(callBack(stream, call)));
    },
    check: () => problems,
  };
}

async function sendBack(stream: VsockStream): Promise<void> {
  for (let bytes = await stream.read(); bytes !== undefined; bytes = await stream.read()) {
    await stream.write(bytes);
  }
  stream.end();
}

/** Reads port numbers of four bytes; says what came of each call. */
async function callBack(
  stream: VsockStream,
  call: (port: number) => Promise<string>,
): Promise<void> {
  for (let bytes = await stream.read(); bytes !== undefined; bytes = await stream.read()) {
    const port = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true);
    await stream.write(new TextEncoder().encode(await call(port)));
  }
}

/** Sockets between guest and host. */
export const virtioSockCases: readonly ConformanceCase[] = forBoth(
  { aarch64, x86_64 },
  [false, true].map((packed) => ({
    name: packed ? "virtio-sock-packed" : "virtio-sock",
    title: packed
      ? "virtio-sock with packed queues"
      : "virtio-sock: connections both ways, credit, half close, resets, split queues",
    parameters: `cid=${CID}${packed ? " packed=1" : ""}`,
    host: () => host(packed),
    qemu: { reason: REASON },
  })),
);
