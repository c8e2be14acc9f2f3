import assert from "node:assert/strict";
import { test } from "node:test";
import { ownershipCommands, parseContents } from "./dpkg.ts";

const LIST = `drwxr-xr-x root/root         0 2023-03-23 12:35 ./
drwxr-xr-x root/root         0 2023-03-23 12:35 ./usr/bin/
-rwsr-xr-x root/root     68248 2023-03-23 12:35 ./usr/bin/passwd
-rwxr-sr-x root/shadow   80376 2023-03-23 12:35 ./usr/bin/chage
-rw-r--r-- root/root         5 2023-03-23 12:35 ./usr/share/a name
lrwxrwxrwx root/root         0 2023-03-23 12:35 ./sbin/init -> /lib/systemd/systemd
hrw-r--r-- root/root         0 2023-03-23 12:35 ./usr/share/b link to ./usr/share/a name
drwxrwxrwt root/root         0 2023-03-23 12:35 ./tmp/
`;

test("a list of contents becomes paths", () => {
  assert.deepEqual(parseContents(LIST).map(({ path }) => path), [
    "/.",
    "/usr/bin",
    "/usr/bin/passwd",
    "/usr/bin/chage",
    "/usr/share/a name",
    "/sbin/init",
    "/usr/share/b",
    "/tmp",
  ]);
});

test("owners and modes that an ordinary user cannot give are set by commands", () => {
  assert.deepEqual(ownershipCommands(parseContents(LIST)), [
    "chown root:root '/usr/bin/passwd'",
    "chmod 4755 '/usr/bin/passwd'",
    "chown root:shadow '/usr/bin/chage'",
    "chmod 2755 '/usr/bin/chage'",
    "chown root:root '/tmp'",
    "chmod 1777 '/tmp'",
  ]);
});
