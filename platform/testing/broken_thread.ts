/** A thread for tests that fails before it listens. */
throw new Error("broken from the start");
