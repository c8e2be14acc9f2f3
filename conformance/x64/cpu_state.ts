/** The registers of cases into a vCPU and back. */
import type { X86Cpu } from "../../lib/arch/x86_64/cpu.ts";
import { field } from "../../lib/arch/x86_64/layout.ts";
import { writeMxcsr } from "../../lib/arch/x86_64/mxcsr.ts";
import { RFLAGS } from "../../lib/arch/x86_64/registers.ts";
import { Segment } from "../../lib/arch/x86_64/state.ts";
import { Flag, type State } from "./state.ts";

/** RFLAGS that are compared. */
const RECORDED: number = Object.values(Flag).reduce((all: number, flag) => all | flag, 0);

/** Gives a vCPU the registers with which a case begins. */
export function loadState({ context: { state: cpu } }: X86Cpu, state: State): void {
  const { view } = cpu;
  for (let n = 0; n < 16; n++) {
    cpu.setRegister(n, state.general[2 * n + 1], state.general[2 * n]);
  }
  view.u32.set(state.xmm, field("xmm").address >>> 2);
  const x87 = new Uint8Array(view.u32.buffer, field("x87").address, 128);
  for (let n = 0; n < 8; n++) x87.fill(0, 16 * n, 16 * n + 16).set(state.x87(n), 16 * n);
  cpu.rflags = state.rflags | RFLAGS.IF;
  view.set64(field("pc"), state.rip);
  view.set64(field("segmentBase"), state.fsBase, Segment.fs);
  view.set64(field("segmentBase"), state.gsBase, Segment.gs);
  view.set32(field("fcw"), state.fcw);
  view.set32(field("fsw"), state.fsw);
  view.set32(field("ftw"), state.ftw);
  writeMxcsr(view, state.mxcsr);
  view.set64(field("fip"), 0n);
  view.set64(field("fdp"), 0n);
  for (const name of ["fop", "fcs", "fds"]) view.set32(field(name), 0);
}

/** Takes the registers with which a case has ended out of a vCPU. */
export function storeState({ context: { state: cpu } }: X86Cpu, state: State): void {
  const { view } = cpu;
  for (let n = 0; n < 16; n++) {
    state.general[2 * n] = cpu.low(n);
    state.general[2 * n + 1] = cpu.high(n);
  }
  const xmm = field("xmm").address >>> 2;
  state.xmm.set(view.u32.subarray(xmm, xmm + 64));
  const x87 = new Uint8Array(view.u32.buffer, field("x87").address, 128);
  for (let n = 0; n < 8; n++) state.x87(n).set(x87.subarray(16 * n, 16 * n + 10));
  state.rflags = cpu.rflags & RECORDED;
  state.rip = view.get64(field("pc"));
  state.fsBase = view.get64(field("segmentBase"), Segment.fs);
  state.gsBase = view.get64(field("segmentBase"), Segment.gs);
  state.fcw = view.get32(field("fcw"));
  state.fsw = view.get32(field("fsw"));
  state.ftw = view.get32(field("ftw"));
  state.mxcsr = view.get32(field("mxcsr"));
}
