/** A vCPU for tests: whatever is not an instruction of a row ends the run. */
import { type Access, type ArchCpu, newTranslation, Outcome, type Translation } from "../arch.ts";
import type { Decoded } from "../instruction.ts";

/** Memory is where subclasses say that it is. */
export abstract class EndingCpu implements ArchCpu {
  readonly translation: Translation = { ...newTranslation(), readable: true, writable: true };
  /** Why the run has ended. */
  stopped: string | undefined;
  /** Instruction by instruction. */
  stepping = false;

  abstract translate(high: number, low: number, access: Access): boolean;

  /** Ends the run. */
  protected end(why: string): void {
    this.stopped = why;
  }

  mode(): number {
    return 0;
  }
  alignmentFault(): void {
    this.end("alignment");
  }
  busError(high: number, low: number): void {
    this.end(`bus error ${(high * 2 ** 32 + low).toString(16)}`);
  }
  undefinedInstruction(): void {
    this.end("undefined");
  }
  fault(fault: number): void {
    this.end(`fault ${fault}`);
  }
  host(handler: string, _decoded: Decoded): Outcome {
    this.end(handler);
    return Outcome.wait;
  }
  takeInterrupt(): boolean {
    return false;
  }
  wakes(): boolean {
    return false;
  }
  needsStepping(): boolean {
    return this.stepping || this.stopped !== undefined;
  }
  beforeStep(): boolean {
    return this.stopped === undefined;
  }
  afterStep(): void {}
  takeOver(): void {}
  reset(): void {}
}
