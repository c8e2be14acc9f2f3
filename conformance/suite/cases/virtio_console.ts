import { virtioConsoleImage as aarch64 } from "../../../guests/virtio_console/aarch64/image.ts";
import { virtioConsoleImage as x86_64 } from "../../../guests/virtio_console/x86_64/image.ts";
import {
  type ConformanceCase,
  type ConformanceMachine,
  forBoth,
  type HostSide,
  type QemuSetup,
} from "../case.ts";
import { type Answer, answeringPeer, capitals, echo } from "../peers.ts";

const ECHO = "org.vml.echo";
const UPPER = "org.vml.upper";

function host(packed: boolean): HostSide {
  return {
    devices: [{ type: "virtio-console", ports: [ECHO, UPPER], packed }],
    attach: (machine: ConformanceMachine) => {
      const answer = (port: Port | undefined, how: Answer): void => {
        port?.onOutput((bytes) => port.input(how(bytes)));
      };
      answer(machine.consoles?.[0], echo);
      answer(machine.port?.(ECHO), echo);
      answer(machine.port?.(UPPER), capitals);
    },
  };
}

interface Port {
  onOutput(listener: (bytes: Uint8Array) => void): () => void;
  input(bytes: Uint8Array): number;
}

function qemu(packed: boolean): QemuSetup {
  const socket = (name: string): string => `socket,id=${name},host=127.0.0.1,port={${name}}`;
  return {
    countInstructions: false,
    peer: () => answeringPeer({ console: echo, echo, upper: capitals }),
    arguments: [
      ...["-device", `virtio-serial-device,max_ports=3${packed ? ",packed=on" : ""}`],
      ...["-chardev", socket("console"), "-device", "virtconsole,nr=0,chardev=console"],
      ...["-chardev", socket("echo"), "-device", `virtserialport,nr=1,name=${ECHO},chardev=echo`],
      ...["-chardev", socket("upper")],
      ...["-device", `virtserialport,nr=2,name=${UPPER},chardev=upper`],
    ],
  };
}

/** Consoles and ports. */
export const virtioConsoleCases: readonly ConformanceCase[] = forBoth({ aarch64, x86_64 }, [
  {
    name: "virtio-console",
    title: "virtio-console: ports, control messages, streams, emergency write, split queues",
    host: () => host(false),
    qemu: qemu(false),
  },
  {
    name: "virtio-console-packed",
    title: "virtio-console with packed queues",
    parameters: "packed=1",
    host: () => host(true),
    qemu: qemu(true),
  },
]);
