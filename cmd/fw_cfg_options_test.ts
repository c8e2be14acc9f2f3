import assert from "node:assert/strict";
import { test } from "node:test";
import { UsageError } from "./errors.ts";
import { parseFwCfg } from "./fw_cfg_options.ts";

test("--fw-cfg takes a name, and a file or text", () => {
  const name = "opt/org.example/key";
  assert.deepEqual(parseFwCfg(`name=${name},string=a,b=c`), { name, string: "a,b=c" });
  assert.deepEqual(parseFwCfg(`${name},string=`), { name, string: "" });
  assert.deepEqual(parseFwCfg(`${name},file=folder/a,b`), { name, file: "folder/a,b" });
});

test("what is neither is refused with the form to write", () => {
  for (const text of ["", "opt/a", "name=opt/a", "opt/a,value=1", ",file=x", "string=x"]) {
    assert.throws(() => parseFwCfg(text), (error: unknown) => {
      assert.ok(error instanceof UsageError);
      assert.match(error.message, /write --fw-cfg NAME,file=FILE/);
      return true;
    });
  }
});
