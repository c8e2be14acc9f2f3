/** Helpers for devices whose state is a set of typed arrays. */
import type { DeviceState } from "./device.ts";

/** Arrays of a device by the name under which they are saved. */
export type StateArrays = {
  readonly [name: string]:
    | Uint8Array
    | Uint16Array
    | Uint32Array
    | Float64Array
    | BigUint64Array;
};

/** Copies of the bytes of all arrays. */
export function saveArrays(arrays: StateArrays): DeviceState {
  const state: Record<string, DeviceState> = {};
  for (const [name, array] of Object.entries(arrays)) {
    state[name] = new Uint8Array(array.buffer, array.byteOffset, array.byteLength).slice();
  }
  return state;
}

/**
 * Puts back what {@linkcode saveArrays} gave. Throws a TypeError, and changes nothing, if a name is
 * missing or unknown or a length differs.
 */
export function restoreArrays(arrays: StateArrays, state: DeviceState): void {
  const saved = state as { readonly [key: string]: DeviceState };
  if (typeof state !== "object" || state === null || state instanceof Uint8Array) {
    throw new TypeError("device state is not an object");
  }
  const names = Object.keys(arrays);
  if (Object.keys(saved).length !== names.length) {
    throw new TypeError("device state has unknown or missing fields");
  }
  for (const name of names) {
    const bytes = Object.hasOwn(saved, name) ? saved[name] : undefined;
    if (!(bytes instanceof Uint8Array) || bytes.length !== arrays[name].byteLength) {
      throw new TypeError(`device state has no valid field ${name}`);
    }
  }
  for (const [name, array] of Object.entries(arrays)) {
    const bytes = new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
    bytes.set(saved[name] as Uint8Array);
  }
}

/** Sets all elements of all arrays to zero. */
export function clearArrays(arrays: StateArrays): void {
  for (const array of Object.values(arrays)) {
    new Uint8Array(array.buffer, array.byteOffset, array.byteLength).fill(0);
  }
}
