/** The boards that are fuzzed, by name. */
import type { BoardOptions } from "../board.ts";
import type { FuzzGuest } from "./fuzz_board.ts";
import { MicrovmGuest } from "./fuzz_microvm.ts";
import { VirtGuest } from "./fuzz_virt.ts";

/** Makes a board for a {@linkcode FuzzBoard}. `packed`: virtio devices offer packed queues. */
export const fuzzGuests = {
  "virt, GICv2": (options: BoardOptions, packed?: boolean): FuzzGuest =>
    new VirtGuest(options, 2, packed),
  "virt, GICv3": (options: BoardOptions, packed?: boolean): FuzzGuest =>
    new VirtGuest(options, 3, packed),
  microvm: (options: BoardOptions, packed?: boolean): FuzzGuest =>
    new MicrovmGuest(options, packed),
} as const;
