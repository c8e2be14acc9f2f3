/**
 * Stopping the world. From the moment a roundup is granted until it is resumed, no vCPU makes
 * guest-visible progress, neither in guest code nor by what the host does for it. For reset, pause,
 * debugging and changes of the machine while it lives.
 *
 * Whoever asks marks all vCPUs and waits for those whose turn is under way. A vCPU that asks, from
 * within its turn, counts as stopped from then on, so that two vCPUs that ask at once do not wait for
 * each other. An exclusive roundup has the stopped world for itself; parallel ones share it, and it
 * goes on when the last of them has resumed.
 */
import type { CpuModel } from "../cpu_model/cpu_model.ts";
import { AsyncGate, AsyncLatch, type Gate, type Latch } from "../latch.ts";

/** A stopped world, or a share of one. */
export interface Roundup {
  /**
   * Gives it back; again does nothing. Resolves when the world goes on, that is when all who share it
   * have given it back: a vCPU must wait for that before it goes on. Without others the world goes on
   * before the call returns.
   */
  resume(): Promise<void>;
}

/** What a {@linkcode VcpuRoundup} works with besides the vCPUs. */
export interface VcpuRoundupOptions {
  /** The world is being stopped: vCPUs may still be finishing their turns. */
  readonly onStop?: () => void;
  /** The world goes on. */
  readonly onResume?: () => void;
  /** @default {@linkcode AsyncLatch} */
  readonly latch?: () => Latch;
  /** @default {@linkcode AsyncGate} */
  readonly gate?: () => Gate;
}

/** The parallel roundups that share, or wait for, one stopped world. */
interface Shared {
  count: number;
  readonly members: number[];
  readonly started: Promise<void>;
  readonly ended: Promise<void>;
  readonly end: () => void;
}

/** Stops and resumes the vCPUs of one machine. */
export class VcpuRoundup {
  readonly #cpus: readonly CpuModel[];
  readonly #options: VcpuRoundupOptions;
  readonly #gate: Gate;
  readonly #stoppedLatch: Latch;
  /** vCPUs that wait for the world, or have it stopped: they make no progress though EMULATE. */
  readonly #yielded = new Set<number>();
  /** vCPUs whose turns the roundup that is being granted waits for. */
  readonly #progressing = new Set<number>();
  #shared: Shared | undefined;

  /** For the vCPUs of a machine; `cpus[n].id` is n. */
  constructor(cpus: readonly CpuModel[], options: VcpuRoundupOptions = {}) {
    this.#cpus = cpus;
    this.#options = options;
    this.#gate = options.gate?.() ?? new AsyncGate();
    this.#stoppedLatch = options.latch?.() ?? new AsyncLatch();
  }

  /** Whether the world is stopped, or being stopped. */
  get active(): boolean {
    return !this.#gate.free;
  }

  /**
   * Stops the world for one. If nobody else has it, no turn begins any more when this returns, and
   * the result resolves when those under way have ended. Not recursive: who has the world and asks
   * again waits for ever.
   *
   * @param vcpu the vCPU that asks, from within its turn; left out: somebody from outside.
   * @throws {Error} (rejects) if that vCPU has no turn.
   */
  async exclusive(vcpu?: number): Promise<Roundup> {
    this.#yield(vcpu);
    await this.#stop();
    let resumed = false;
    return {
      resume: (): Promise<void> => {
        if (!resumed) {
          resumed = true;
          this.#resume(vcpu === undefined ? [] : [vcpu]);
        }
        return Promise.resolve();
      },
    };
  }

  /**
   * Stops the world, or joins those who are stopping it or have stopped it in parallel.
   *
   * @param vcpu as for {@linkcode VcpuRoundup.exclusive}.
   * @throws {Error} (rejects) if that vCPU has no turn.
   */
  async parallel(vcpu?: number): Promise<Roundup> {
    this.#yield(vcpu);
    const shared = this.#shared ??= this.#share();
    shared.count++;
    if (vcpu !== undefined) shared.members.push(vcpu);
    await shared.started;
    let resumed = false;
    return {
      resume: (): Promise<void> => {
        if (!resumed) {
          resumed = true;
          if (--shared.count === 0) {
            this.#shared = undefined;
            this.#resume(shared.members);
            shared.end();
          }
        }
        return shared.ended;
      },
    };
  }

  #share(): Shared {
    let end = (): void => {};
    const ended = new Promise<void>((resolve) => end = resolve);
    return { count: 0, members: [], started: this.#stop(), ended, end };
  }

  /** The vCPU makes no progress from now on, until it is resumed. */
  #yield(vcpu: number | undefined): void {
    if (vcpu === undefined) return;
    const cpu = this.#cpus[vcpu];
    if (cpu?.emulating !== true || this.#yielded.has(vcpu)) {
      throw new Error(
        `vCPU ${vcpu} cannot stop the world: ${
          this.#yielded.has(vcpu) ? "it has asked for it already" : `it is ${cpu?.state}`
        }`,
      );
    }
    this.#yielded.add(vcpu);
    this.#done(vcpu);
  }

  /** Up to its first await this is synchronous: the world is marked when the caller goes on. */
  async #stop(): Promise<void> {
    const turn = this.#gate.enter();
    if (turn !== undefined) await turn;
    this.#options.onStop?.();
    for (const cpu of this.#cpus) {
      if (cpu.roundUp((id) => this.#done(id)) && !this.#yielded.has(cpu.id)) {
        this.#progressing.add(cpu.id);
      }
    }
    for (const cpu of this.#cpus) cpu.recall();
    while (this.#progressing.size > 0) await this.#stoppedLatch.wait();
  }

  /** A vCPU's turn has ended, or it asks for the world itself. */
  #done(vcpu: number): void {
    if (this.#progressing.delete(vcpu) && this.#progressing.size === 0) this.#stoppedLatch.signal();
  }

  #resume(members: readonly number[]): void {
    for (const vcpu of members) this.#yielded.delete(vcpu);
    this.#options.onResume?.();
    for (const cpu of this.#cpus) cpu.resume();
    this.#gate.leave();
  }
}
