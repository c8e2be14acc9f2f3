/** What every virtio device of a configuration can be told of its queues. */
import { checkBoolean } from "./checks.ts";

/** Settings that all virtio devices share. */
export interface QueueConfig {
  /**
   * Offer the packed format of queues (virtio 1.2, 2.8), which a guest uses if it knows it. Off, as
   * on QEMU: Linux needs as many instructions either way. @default false
   */
  readonly packed?: boolean;
}

/**
 * Splits the settings of a device: what {@linkcode QueueConfig} has, checked, and the others. Text,
 * from a command line, is "on" or "off". Throws a ConfigError.
 */
export function checkQueues(
  settings: object,
  path: string,
): { readonly queues: QueueConfig; readonly others: object } {
  const { packed, ...others } = settings as { readonly packed?: unknown };
  if (packed === undefined) return { queues: {}, others };
  const on = packed === "on" || (packed !== "off" && checkBoolean(packed, `${path}.packed`));
  return { queues: { packed: on }, others };
}
