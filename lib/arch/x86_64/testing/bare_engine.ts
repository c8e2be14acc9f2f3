/** The engine with one vCPU and nothing around it, which executes code in the way that one wants. */
import type { EngineServices } from "../../../engine/arch.ts";
import { Engine } from "../../../engine/engine.ts";
import type { GuestMemory } from "../../../engine/guest_memory.ts";
import { RegisterBus } from "../../../devices/msr/register_bus.ts";
import { Bus } from "../../../devices/vbus/bus.ts";
import { x86_64 } from "../arch.ts";
import { X86Cpu } from "../cpu.ts";
import type { X86CpuWiring } from "../host_context.ts";

/**
 * How code is executed: by the interpreter; in regions, which the caller has compiled before; instruction
 * by instruction.
 */
export type Way = "interpreter" | "region" | "steps";
export const WAYS: readonly Way[] = ["interpreter", "region", "steps"];

/** What ends `Engine.run` when the vCPU shuts down. */
export class TripleFault extends Error {}

/** A vCPU that can be made to run instruction by instruction. */
class SteppedCpu extends X86Cpu {
  stepping = false;
  override needsStepping(): boolean {
    return this.stepping || super.needsStepping();
  }
}

/** An engine and its vCPU after reset. */
export interface BareEngine {
  readonly engine: Engine;
  readonly cpu: X86Cpu;
}

/** Makes an engine with RAM from 0 on. Only what the caller asks for is compiled. */
export function bareEngine(way: Way, ramSize: number, bus: Bus = new Bus()): BareEngine {
  let cpu: SteppedCpu | undefined;
  const engine = new Engine({
    arch: x86_64,
    cpus: 1,
    ramBase: 0,
    ramSize,
    bus,
    makeCpu: (_index, { state, memory, engine }) => {
      cpu = new SteppedCpu({ ...wiring(memory, engine, bus), state, model: "max" });
      return cpu;
    },
    threshold: way === "region" ? 1_000_000 : 0,
  });
  if (cpu === undefined) throw new Error("the engine made no CPU");
  cpu.reset();
  cpu.stepping = way === "steps";
  return { engine, cpu };
}

function wiring(memory: GuestMemory, engine: EngineServices, bus: Bus): X86CpuWiring {
  return {
    index: 0,
    cpus: 1,
    memory,
    engine,
    bus,
    ports: new Bus({ space: "ports" }),
    registers: new RegisterBus(),
    apics: {
      acknowledge: () => 0,
      taskPriorityClass: () => 0,
      setTaskPriorityClass: () => {},
      isEnabled: () => false,
    },
    tsc: { frequency: 1e9, read: () => 0n },
    random: (into) => into.fill(0),
    shutdown: () => {
      throw new TripleFault("a triple fault");
    },
  };
}
