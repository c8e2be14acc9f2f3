import type { Platform } from "../lib/platform/platform.ts";
import { runtimePlatform } from "./runtime.ts";
import type { PlatformOptions } from "./runtime.ts";

/** The platform of Bun. */
export function bunPlatform(options: PlatformOptions = {}): Platform {
  return runtimePlatform("bun", options);
}
