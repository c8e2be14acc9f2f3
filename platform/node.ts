import type { Platform } from "../lib/platform/platform.ts";
import { runtimePlatform } from "./runtime.ts";
import type { PlatformOptions } from "./runtime.ts";

/** The platform of Node (22.18 or later). */
export function nodePlatform(options: PlatformOptions = {}): Platform {
  return runtimePlatform("node", options);
}
