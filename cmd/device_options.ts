import { UsageError } from "./errors.ts";

/** Settings of a device that may be given several times, and the list that they make. */
const LISTS: Readonly<Record<string, string>> = {
  port: "ports",
  connect: "connect",
  publish: "publish",
};

/**
 * The settings in "virtio-sock,cid=3,connect=5000=tcp:127.0.0.1:80", unchecked: text each, or a list
 * of texts. A value cannot contain a comma. Throws a UsageError.
 */
export function parseDevice(text: string): Record<string, unknown> {
  const [type, ...settings] = text.split(",");
  const device: Record<string, unknown> = { type };
  for (const setting of settings) {
    const match = /^([^=]+)=(.+)$/s.exec(setting);
    if (match === null) {
      throw new UsageError(
        `--device: "${setting}" is no setting; write --device ${type},NAME=VALUE`,
      );
    }
    const [, name, value] = match;
    const list = Object.hasOwn(LISTS, name) ? LISTS[name] : undefined;
    if (list !== undefined) {
      const before = device[list];
      device[list] = [...Array.isArray(before) ? before : [], value];
    } else if (Object.hasOwn(device, name)) {
      throw new UsageError(`--device: ${name} is given twice; give it once`);
    } else {
      device[name] = value;
    }
  }
  return device;
}

/** "FILE[,readonly][,overlay=FILE|memory][,queues=N]"; commas in the name stay. Throws a UsageError. */
export function parseDisk(text: string): Record<string, unknown> {
  let file = text;
  const disk: Record<string, unknown> = { type: "virtio-block" };
  for (;;) {
    const match = /^(.*),(?:(readonly|ro)|(overlay|queues|id)=([^,]+))$/s.exec(file);
    if (match === null) break;
    file = match[1];
    if (match[2] !== undefined) disk.readOnly = true;
    else disk[match[3]] = match[4];
  }
  if (file === "") throw new UsageError("--disk: needs a file; write --disk FILE[,readonly]");
  return { ...disk, file };
}

/** The settings of a device with the names of files as `resolve` gives them. */
export function resolveDeviceFiles(device: unknown, resolve: Resolve): unknown {
  if (!isObject(device)) return device;
  const settings = { ...device };
  const change = (key: string, to: (value: unknown) => unknown): void => {
    if (key in settings) settings[key] = to(settings[key]);
  };
  const changeAll = (key: string, to: (value: unknown) => unknown): void =>
    change(key, (list) => Array.isArray(list) ? list.map(to) : list);
  const file = (path: unknown): unknown =>
    typeof path === "string" && path !== "" ? resolve(path) : path;
  change("file", file);
  change("overlay", (path) => path === "memory" ? path : file(path));
  change("socket", file);
  change("capture", file);
  change("backend", (backend) => {
    if (!isObject(backend) || !("address" in backend)) return backend;
    return resolveAddress(backend, /^(unix:)(.+)()$/s, "address", resolve);
  });
  changeAll(
    "ports",
    (port) =>
      typeof port === "string"
        ? port.replace(/=(.+)$/s, (_, path: string) => `=${resolve(path)}`)
        : resolveDeviceFiles(port, resolve),
  );
  changeAll("connect", (one) => resolveAddress(one, /^(\d+=unix:)(.+)()$/s, "to", resolve));
  changeAll("publish", (one) => resolveAddress(one, /^(unix:)(.+)(=\d+)$/s, "from", resolve));
  return settings;
}

type Resolve = (path: string) => string;

/** A connection as text of that form, or as an object that has its address under `key`. */
function resolveAddress(value: unknown, form: RegExp, key: string, resolve: Resolve): unknown {
  if (typeof value === "string") {
    return value.replace(
      form,
      (_, before: string, path: string, after: string) => `${before}${resolve(path)}${after}`,
    );
  }
  if (!isObject(value)) return value;
  const address = value[key];
  if (isObject(address) && typeof address.path === "string") {
    return { ...value, [key]: { path: resolve(address.path) } };
  }
  return { ...value, [key]: resolveAddress(address, /^(unix:)(.+)()$/s, key, resolve) };
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
