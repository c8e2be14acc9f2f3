import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after } from "node:test";
import { virtualPlatform } from "../lib/platform/virtual.ts";
import type { Sockets } from "../lib/platform/sockets.ts";
import { hostPlatform } from "./host.ts";
import { socketTests } from "./testing/socket_tests.ts";

const folder = mkdtempSync(join(tmpdir(), "vml-sockets-"));
after(() => rmSync(folder, { recursive: true, force: true }));
let count = 0;
const paths = (): string => join(folder, `${count++}.socket`);

const platform = hostPlatform() as { name: string; sockets: Sockets };
socketTests(platform.name, platform.sockets, paths);
socketTests("virtual", virtualPlatform().sockets, paths);
