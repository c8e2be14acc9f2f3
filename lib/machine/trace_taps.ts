/**
 * Trace events at the seams of a board: lines, interrupt inputs, firmware calls and bus accesses pass
 * through here, so that the devices need not know that they are watched.
 */
import { hex, TraceLevel, type Tracer } from "../config/trace.ts";
import type { SmcccService } from "../devices/firmware/smccc.ts";
import type { CpuInterrupts, IrqController, IrqLine } from "../devices/irq_controller/irq_line.ts";
import type { RegisterTrace, RegisterTraceSink } from "../devices/msr/register_bus.ts";
import type { BusTrace, BusTraceSink } from "../devices/vbus/bus.ts";
import { AccessResult } from "../devices/vbus/device.ts";

/** Tells each change of a line as `event`, with `fields` and the level. */
export function tapLine(
  line: IrqLine,
  tracer: Tracer,
  event: string,
  fields: { readonly [name: string]: number | string },
): IrqLine {
  let last = false;
  return {
    set(level: boolean): void {
      if (tracer.level !== TraceLevel.none && level !== last) {
        tracer.emit(event, { ...fields, level });
      }
      last = level;
      line.set(level);
    },
  };
}

/** Tells changes of the lines into a controller, by the GIC's interrupt numbers. */
export function tapController(controller: IrqController, tracer: Tracer): IrqController {
  return {
    spi: (n) => tapLine(controller.spi(n), tracer, "line", { interrupt: 32 + n }),
    ppi: (vcpu, n) => tapLine(controller.ppi(vcpu, n), tracer, "line", { vcpu, interrupt: 16 + n }),
  };
}

/** Tells what a controller does to the interrupt inputs of the vCPUs. */
export function tapInterrupts(interrupts: CpuInterrupts, tracer: Tracer): CpuInterrupts {
  return {
    setIrq(vcpu, level): void {
      if (tracer.level !== TraceLevel.none) tracer.emit("irq", { vcpu, level });
      interrupts.setIrq(vcpu, level);
    },
    setFiq(vcpu, level): void {
      if (tracer.level !== TraceLevel.none) tracer.emit("fiq", { vcpu, level });
      interrupts.setFiq(vcpu, level);
    },
  };
}

/** Tells what the local APICs do to the interrupt inputs of the vCPUs. */
export function tapInterruptInput(
  input: (vcpu: number, level: boolean) => void,
  tracer: Tracer,
): (vcpu: number, level: boolean) => void {
  return (vcpu, level) => {
    if (tracer.level !== TraceLevel.none) tracer.emit("intr", { vcpu, level });
    input(vcpu, level);
  };
}

/**
 * Tells firmware calls: X0 is the function, `a1` to `a3` are its arguments. `before` hears of each
 * before it is done.
 */
export function tapFirmware(
  firmware: SmcccService,
  tracer: Tracer,
  before?: (vcpu: number, args: readonly bigint[]) => void,
): SmcccService {
  return {
    call(vcpu, args): readonly bigint[] {
      before?.(vcpu, args);
      const results = firmware.call(vcpu, args);
      if (tracer.level !== TraceLevel.none) {
        const [function_ = 0n, a1 = 0n, a2 = 0n, a3 = 0n] = args;
        tracer.emit("call", {
          vcpu,
          function: hex(BigInt.asUintN(32, function_)),
          a1: hex(a1),
          a2: hex(a2),
          a3: hex(a3),
          result: String(BigInt.asIntN(64, results[0] ?? 0n)),
        });
      }
      return results;
    },
  };
}

/** Turns traced accesses to system registers into events. `nameOf` gives a register's name. */
export function registerTap(tracer: Tracer, nameOf: (id: number) => string): RegisterTraceSink {
  return ({ id, write, value, vcpu, refused, folded, device = "nothing" }: RegisterTrace): void => {
    const register = nameOf(id);
    if (folded > 0) tracer.emit("repeated", { device, register, times: folded });
    else {
      const what = { device, register, value: hex(value), vcpu, ...(refused && { refused }) };
      tracer.emit(write ? "write" : "read", what);
    }
  };
}

/** Turns traced accesses into events. `unit`: what the bus calls its addresses. */
export function busTap(tracer: Tracer, unit: "address" | "port" = "address"): BusTraceSink {
  return (trace: BusTrace): void => {
    const { write, address, size, value, vcpu, result, folded } = trace;
    const device = trace.device ?? "nothing";
    if (folded > 0) {
      tracer.emit("repeated", { device, times: folded });
      return;
    }
    tracer.emit(write ? "write" : "read", {
      device,
      [unit]: hex(address),
      size,
      value: hex(value),
      vcpu,
      ...(result !== AccessResult.ok && { refused: true }),
    });
  };
}
