#!/usr/bin/env node
/**
 * The entry of the vml program. Node strips types and compiles anew at each start unless it is told
 * to keep what it made; the other runtimes keep it by themselves.
 */
import module from "node:module";

module.enableCompileCache?.();
await import("./main.ts");
