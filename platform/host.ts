import type { Platform } from "../lib/platform/platform.ts";
import { bunPlatform } from "./bun.ts";
import { denoPlatform } from "./deno.ts";
import { nodePlatform } from "./node.ts";
import type { PlatformOptions } from "./runtime.ts";

/** The platform of the runtime that executes this module. */
export function hostPlatform(options: PlatformOptions = {}): Platform {
  if ("Deno" in globalThis) return denoPlatform(options);
  if ("Bun" in globalThis) return bunPlatform(options);
  return nodePlatform(options);
}
