/**
 * The commands of an ITS (IHI 0069, 5.3). A command is eight words; what is wrong with one makes it
 * do nothing (5.3.1 leaves that to the implementation).
 */
import type { GicV3Lpis } from "./gicv3_lpis.ts";
import { ITS_ID_BITS, type ItsTables } from "./its_tables.ts";
import { LPI_BASE, LPI_LIMIT } from "./lpi_set.ts";

/** Words of a command. */
export const COMMAND_WORDS = 8;

/** Numbers of the commands: bits 7:0 of the first word. */
export const ITS_COMMAND = {
  MOVI: 0x01,
  INT: 0x03,
  CLEAR: 0x04,
  SYNC: 0x05,
  MAPD: 0x08,
  MAPC: 0x09,
  MAPTI: 0x0a,
  MAPI: 0x0b,
  INV: 0x0c,
  INVALL: 0x0d,
  MOVALL: 0x0e,
  DISCARD: 0x0f,
} as const;

/** What commands work on. */
export interface ItsContext {
  /** Number of redistributors. */
  readonly cpus: number;
  readonly tables: ItsTables;
  readonly lpis: GicV3Lpis;
}

/** The words of one command, read once. */
export type CommandWords = ArrayLike<number>;

/** False: the command was wrong, and nothing happened. */
type Command = (its: ItsContext, words: CommandWords) => boolean;

/** The LPI and the redistributor of an event. */
interface Target {
  readonly intid: number;
  readonly cpu: number;
}

const VALID = 0x8000_0000;

const deviceOf = (words: CommandWords): number => words[1];
const eventOf = (words: CommandWords): number => words[2];
const collectionOf = (words: CommandWords): number => words[4] & 0xffff;
/** RDbase, bits 50:16 of a double word: with GITS_TYPER.PTA = 0 the number of a redistributor. */
const redistributorOf = (words: CommandWords, word: number): number =>
  (words[word + 1] & 0x7_ffff) * 2 ** 16 + (words[word] >>> 16);

const COMMANDS: { readonly [opcode: number]: Command | undefined } = {
  [ITS_COMMAND.MAPD]: ({ tables }, words) => {
    if (words[5] < VALID) return tables.unmapDevice(deviceOf(words));
    const eventBits = (words[2] & 31) + 1;
    if (eventBits > ITS_ID_BITS) return false;
    const itt = (words[5] & 0xf_ffff) * 2 ** 32 + ((words[4] & ~0xff) >>> 0);
    return tables.mapDevice(deviceOf(words), itt, eventBits);
  },

  [ITS_COMMAND.MAPC]: ({ tables, cpus }, words) => {
    if (words[5] < VALID) return tables.unmapCollection(collectionOf(words));
    const redistributor = redistributorOf(words, 4);
    return redistributor < cpus && tables.mapCollection(collectionOf(words), redistributor);
  },

  [ITS_COMMAND.MAPTI]: (its, words) => mapEvent(its, words, words[3]),

  [ITS_COMMAND.MAPI]: (its, words) => mapEvent(its, words, eventOf(words)),

  [ITS_COMMAND.MOVI]: (its, words) => {
    const entry = its.tables.event(deviceOf(words), eventOf(words));
    const from = entry && targetOf(its, entry.intid, entry.collection);
    const to = entry && targetOf(its, entry.intid, collectionOf(words));
    if (entry === undefined || from === undefined || to === undefined) return false;
    const moved = { intid: entry.intid, collection: collectionOf(words) };
    if (!its.tables.mapEvent(deviceOf(words), eventOf(words), moved)) return false;
    its.lpis.move(from.cpu, to.cpu, entry.intid);
    return true;
  },

  [ITS_COMMAND.DISCARD]: (its, words) =>
    atTarget(its, words, ({ cpu, intid }) => its.lpis.clear(cpu, intid)) &&
    its.tables.unmapEvent(deviceOf(words), eventOf(words)),

  [ITS_COMMAND.INT]: (its, words) =>
    atTarget(its, words, ({ cpu, intid }) => its.lpis.set(cpu, intid)),

  [ITS_COMMAND.CLEAR]: (its, words) =>
    atTarget(its, words, ({ cpu, intid }) => its.lpis.clear(cpu, intid)),

  [ITS_COMMAND.INV]: (its, words) =>
    atTarget(its, words, ({ cpu, intid }) => its.lpis.invalidate(cpu, intid)),

  [ITS_COMMAND.INVALL]: (its, words) => {
    const cpu = its.tables.collection(collectionOf(words));
    if (cpu === undefined || cpu >= its.cpus) return false;
    its.lpis.invalidateAll(cpu);
    return true;
  },

  [ITS_COMMAND.MOVALL]: ({ lpis, cpus }, words) => {
    const from = redistributorOf(words, 4);
    const to = redistributorOf(words, 6);
    if (from >= cpus || to >= cpus) return false;
    lpis.moveAll(from, to);
    return true;
  },

  // Every command has taken effect when the next one begins.
  [ITS_COMMAND.SYNC]: ({ cpus }, words) => redistributorOf(words, 4) < cpus,
};

/** Executes a command; false if it was wrong or unknown. */
export function executeCommand(its: ItsContext, words: CommandWords): boolean {
  return COMMANDS[words[0] & 0xff]?.(its, words) ?? false;
}

/** A message of a device: the LPI of its event becomes pending. False if it leads nowhere. */
export function signalEvent(its: ItsContext, device: number, event: number): boolean {
  const target = find(its, device, event);
  if (target === undefined) return false;
  its.lpis.set(target.cpu, target.intid);
  return true;
}

function mapEvent({ tables }: ItsContext, words: CommandWords, intid: number): boolean {
  const collection = collectionOf(words);
  if (intid < LPI_BASE || intid >= LPI_LIMIT || !tables.hasCollection(collection)) return false;
  return tables.mapEvent(deviceOf(words), eventOf(words), { intid, collection });
}

function atTarget(its: ItsContext, words: CommandWords, act: (target: Target) => void): boolean {
  const target = find(its, deviceOf(words), eventOf(words));
  if (target === undefined) return false;
  act(target);
  return true;
}

function find(its: ItsContext, device: number, event: number): Target | undefined {
  const entry = its.tables.event(device, event);
  return entry && targetOf(its, entry.intid, entry.collection);
}

/** The redistributor of a collection, if it has the LPI. */
function targetOf(its: ItsContext, intid: number, collection: number): Target | undefined {
  const cpu = its.tables.collection(collection);
  return cpu !== undefined && cpu < its.cpus && intid >= LPI_BASE ? { cpu, intid } : undefined;
}
