/** Local APICs with everything around them recorded, for tests. */
import { VirtualClock } from "../../../platform/clock.ts";
import { Bus } from "../../vbus/bus.ts";
import { AccessResult } from "../../vbus/device.ts";
import { LocalApics } from "../local_apics.ts";
import type { InterruptMessage } from "../message.ts";
import { TimeStampCounters } from "../tsc.ts";

/** Byte offsets of registers in the page. */
export const Offset = {
  ID: 0x20,
  VERSION: 0x30,
  TPR: 0x80,
  PPR: 0xa0,
  EOI: 0xb0,
  LDR: 0xd0,
  DFR: 0xe0,
  SVR: 0xf0,
  ISR: 0x100,
  TMR: 0x180,
  IRR: 0x200,
  ESR: 0x280,
  ICR: 0x300,
  ICR_HIGH: 0x310,
  TIMER: 0x320,
  LINT0: 0x350,
  LINT1: 0x360,
  ERROR: 0x370,
  INITIAL: 0x380,
  CURRENT: 0x390,
  DIVIDE: 0x3e0,
} as const;

const PAGE = 0xfee00000;

/** A fixed interrupt for vCPU 0, edge-triggered, unless told otherwise. */
export function message(vector: number, more: Partial<InterruptMessage> = {}): InterruptMessage {
  return { vector, mode: 0, logical: false, destination: 0, level: false, ...more };
}

/** A board of local APICs and what they drive. */
export interface ApicBoard {
  readonly clock: VirtualClock;
  readonly tsc: TimeStampCounters;
  readonly apics: LocalApics;
  /** Levels of INTR. */
  readonly interrupt: readonly boolean[];
  /** "nmi 1", "start 1 0x9a", ... */
  readonly events: string[];
  /** Vectors told to I/O APICs. */
  readonly ended: number[];
  /** Vectors that the 8259 pair would give. */
  readonly external: number[];
  read(vcpu: number, offset: number): number;
  write(vcpu: number, offset: number, value: number): void;
  /** Whether a vCPU's page answers. */
  answers(vcpu: number): boolean;
  /** Takes interrupts with EOI until there is none; the vectors. */
  take(vcpu: number): number[];
  /** Software-enables an APIC, with spurious vector 0xff. */
  enable(vcpu: number): void;
}

/** A board with so many vCPUs, none enabled by software. */
export function makeBoard(cpus = 2, timerTick = 1): ApicBoard {
  const clock = new VirtualClock();
  const tsc = new TimeStampCounters({ cpus, clock, frequency: 2_000_000_000 });
  const interrupt: boolean[] = new Array<boolean>(cpus).fill(false);
  const events: string[] = [];
  const ended: number[] = [];
  const external: number[] = [];
  const apics = new LocalApics({
    cpus,
    clock,
    tsc,
    timerTick,
    cpu: {
      setInterrupt: (vcpu, level) => interrupt[vcpu] = level,
      nmi: (vcpu) => events.push(`nmi ${vcpu}`),
      smi: (vcpu) => events.push(`smi ${vcpu}`),
      init: (vcpu) => events.push(`init ${vcpu}`),
      startUp: (vcpu, page) => events.push(`start ${vcpu} 0x${page.toString(16)}`),
    },
    external: () => external.shift() ?? 0x37,
  });
  apics.onEnd((vector) => ended.push(vector));
  tsc.onChanged((vcpu) => apics.tscChanged(vcpu));
  const bus = new Bus();
  bus.register(apics, PAGE, 0x1000);
  const value = { low: 0, high: 0 };
  const board: ApicBoard = {
    clock,
    tsc,
    apics,
    interrupt,
    events,
    ended,
    external,
    read(vcpu, offset) {
      answered(bus.read(PAGE + offset, 4, value, vcpu));
      return value.low;
    },
    write: (vcpu, offset, word) => answered(bus.write(PAGE + offset, 4, word, 0, vcpu)),
    answers: (vcpu) => bus.read(PAGE, 4, value, vcpu) === AccessResult.ok,
    take(vcpu) {
      const vectors: number[] = [];
      while (interrupt[vcpu] && vectors.length < 300) {
        vectors.push(apics.acknowledge(vcpu));
        board.write(vcpu, Offset.EOI, 0);
      }
      return vectors;
    },
    enable: (vcpu) => board.write(vcpu, Offset.SVR, 0x1ff),
  };
  return board;
}

function answered(result: AccessResult): void {
  if (result !== AccessResult.ok) throw new Error("the page of the local APIC is not there");
}
