/** Compiled code that does not depend on the machine. */

/** Modules that are kept at most, 5 to 20 KiB each: guests choose which instructions they use. */
const LIMIT = 1024;

/** Modules by name, for all machines of this process that share a decoder. */
export class ModuleStore {
  readonly #modules = new Map<string, WebAssembly.Module>();

  /** The module of that name; `write` gives its bytes if it is not there. */
  get(name: string, write: () => Uint8Array<ArrayBuffer>): WebAssembly.Module {
    let module = this.#modules.get(name);
    if (module === undefined) {
      module = new WebAssembly.Module(write());
      if (this.#modules.size < LIMIT) this.#modules.set(name, module);
    }
    return module;
  }
}

const stores = new WeakMap<object, ModuleStore>();

/** The store of what is made for the handlers of a decoder. */
export function moduleStore(decoder: object): ModuleStore {
  let store = stores.get(decoder);
  if (store === undefined) stores.set(decoder, store = new ModuleStore());
  return store;
}
