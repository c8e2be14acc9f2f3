/** A thread for tests: does what its starter says. */
import { threadHost } from "../thread_port.ts";

const host = threadHost();

host.onMessage((message) => {
  const [what, value] = message as [string, unknown];
  switch (what) {
    case "echo":
      host.post(value);
      break;
    case "move":
      host.post(value, [value as ArrayBuffer]);
      break;
    case "count": {
      // Waits for each odd number and makes it the next even one.
      const words = value as Int32Array;
      for (let n = 0; n < 100; n += 2) {
        Atomics.wait(words, 0, n);
        Atomics.add(words, 0, 1);
        Atomics.notify(words, 0);
      }
      host.post(Atomics.load(words, 0));
      break;
    }
    case "grow":
      new Uint8Array((value as WebAssembly.Memory).buffer)[7] = 42;
      host.post("grown");
      break;
    case "spin":
      host.post("spinning");
      for (;;);
    case "throw":
      throw new Error("as you wish");
    case "close":
      host.post("last words");
      host.close();
  }
});
