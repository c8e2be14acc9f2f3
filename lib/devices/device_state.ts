/**
 * Reading saved device state: it may come from a file, so every value is checked before a device
 * takes it. Nothing is changed in a device until all of its state has been read.
 */
import type { DeviceState } from "./vbus/device.ts";

/** Typed access to one saved record. Every method throws a TypeError that names the field. */
export class StateReader {
  readonly #record: { readonly [key: string]: DeviceState };
  readonly #where: string;

  /** `where` names the owner in messages. Throws a TypeError if `state` is not a record. */
  constructor(state: DeviceState, where: string) {
    if (
      typeof state !== "object" || state === null || Array.isArray(state) ||
      state instanceof Uint8Array
    ) throw new TypeError(`state of ${where} is not a record`);
    this.#record = state as { readonly [key: string]: DeviceState };
    this.#where = where;
  }

  /** An integer in [0, max]; `max` is all 32-bit values if left out. */
  integer(key: string, max = 0xffffffff): number {
    const value = this.#record[key];
    if (typeof value !== "number" || !Number.isInteger(value) || value < 0 || value > max) {
      throw this.#wrong(key, `an integer in 0..${max}`);
    }
    return value;
  }

  /** True or false. */
  boolean(key: string): boolean {
    const value = this.#record[key];
    if (typeof value !== "boolean") throw this.#wrong(key, "a boolean");
    return value;
  }

  /** A string. */
  string(key: string): string {
    const value = this.#record[key];
    if (typeof value !== "string") throw this.#wrong(key, "a string");
    return value;
  }

  /** A copy of at most `max` bytes. */
  bytes(key: string, max: number): Uint8Array<ArrayBuffer> {
    const value = this.#record[key];
    if (!(value instanceof Uint8Array) || value.length > max) {
      throw this.#wrong(key, `at most ${max} bytes`);
    }
    return new Uint8Array(value);
  }

  /** At most `maxLength` integers in [0, max]. */
  integers(key: string, maxLength: number, max = 0xffffffff): number[] {
    return this.array(key, maxLength).map((value) => {
      if (typeof value !== "number" || !Number.isInteger(value) || value < 0 || value > max) {
        throw this.#wrong(key, `integers in 0..${max}`);
      }
      return value;
    });
  }

  /** At most `maxLength` values of any kind. */
  array(key: string, maxLength: number): readonly DeviceState[] {
    const value = this.#record[key];
    if (!Array.isArray(value) || value.length > maxLength) {
      throw this.#wrong(key, `at most ${maxLength} elements`);
    }
    return value;
  }

  /** Whatever stands there, for a part that reads its own state. */
  value(key: string): DeviceState {
    const value = this.#record[key];
    if (value === undefined) throw this.#wrong(key, "there");
    return value;
  }

  #wrong(key: string, what: string): TypeError {
    return new TypeError(`state of ${this.#where}: ${key} is not ${what}`);
  }
}
