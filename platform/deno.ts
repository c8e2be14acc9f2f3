import type { Platform } from "../lib/platform/platform.ts";
import { runtimePlatform } from "./runtime.ts";
import type { PlatformOptions } from "./runtime.ts";

/** The platform of Deno. */
export function denoPlatform(options: PlatformOptions = {}): Platform {
  return runtimePlatform("deno", options);
}
