/** The time of day as registers show it: BCD or binary, 12 or 24 hours. */
import { ALARM_ANY, B, Register } from "./registers.ts";

const DAY = 86400;
const PM = 0x80;
/** 1970-01-01 was a Thursday. */
const FIRST_WEEKDAY = 4;

/** A number as a register holds it. */
function encode(value: number, format: number): number {
  return (format & B.binary) !== 0 ? value : (Math.floor(value / 10) << 4) | (value % 10);
}

function decode(register: number, format: number): number {
  return (format & B.binary) !== 0 ? register : (register >>> 4) * 10 + (register & 15);
}

function encodeHour(hour: number, format: number): number {
  if ((format & B.hours24) !== 0) return encode(hour, format);
  return encode(hour % 12 || 12, format) | (hour >= 12 ? PM : 0);
}

function decodeHour(register: number, format: number): number {
  if ((format & B.hours24) !== 0) return decode(register, format);
  return (decode(register & ~PM, format) % 12) + ((register & PM) !== 0 ? 12 : 0);
}

/** Day of the week, 0 is Sunday. */
function weekday(seconds: number): number {
  return (((Math.floor(seconds / DAY) + FIRST_WEEKDAY) % 7) + 7) % 7;
}

/**
 * Writes a time in seconds since 1970 into the registers. `format`: register B. `weekdayShift` (0 to 6)
 * is added to the day of the week.
 */
export function writeTime(
  ram: Uint8Array,
  seconds: number,
  format: number,
  weekdayShift: number,
): void {
  const date = new Date(seconds * 1000);
  const year = date.getUTCFullYear();
  ram[Register.seconds] = encode(date.getUTCSeconds(), format);
  ram[Register.minutes] = encode(date.getUTCMinutes(), format);
  ram[Register.hours] = encodeHour(date.getUTCHours(), format);
  ram[Register.dayOfWeek] = ((weekday(seconds) + weekdayShift) % 7) + 1;
  ram[Register.dayOfMonth] = encode(date.getUTCDate(), format);
  ram[Register.month] = encode(date.getUTCMonth() + 1, format);
  ram[Register.year] = encode(year % 100, format);
  ram[Register.century] = encode(Math.floor(year / 100) % 100, format);
}

/** The time that the registers hold, whatever they hold: values out of range carry on. */
export function readTime(
  ram: Uint8Array,
  format: number,
): { seconds: number; weekdayShift: number } {
  const value = (register: number): number => decode(ram[register], format);
  const date = new Date(0);
  date.setUTCFullYear(
    value(Register.century) * 100 + value(Register.year),
    value(Register.month) - 1,
    value(Register.dayOfMonth),
  );
  const time = decodeHour(ram[Register.hours], format) * 3600 + value(Register.minutes) * 60 +
    value(Register.seconds);
  const seconds = date.getTime() / 1000 + time;
  const weekdayShift = (ram[Register.dayOfWeek] + 255 * 7 - 1 - weekday(seconds)) % 7;
  return { seconds, weekdayShift };
}

/** The first second after `seconds` at which the alarm registers match; Infinity if none does. */
export function nextAlarm(ram: Uint8Array, seconds: number, format: number): number {
  const matching = (register: number, count: number, encoded: (n: number) => number): number[] => {
    const alarm = ram[register];
    const all = Array.from({ length: count }, (_, n) => n);
    return alarm >= ALARM_ANY ? all : all.filter((n) => encoded(n) === alarm);
  };
  const plain = (n: number): number => encode(n, format);
  const hours = matching(Register.hoursAlarm, 24, (n) => encodeHour(n, format));
  const minutes = matching(Register.minutesAlarm, 60, plain);
  const secondsOfMinute = matching(Register.secondsAlarm, 60, plain);
  if (hours.length === 0 || minutes.length === 0 || secondsOfMinute.length === 0) return Infinity;
  const first = seconds + 1;
  const midnight = Math.floor(first / DAY) * DAY;
  for (const day of [midnight, midnight + DAY]) {
    // Of each unit, all before the first possible one are skipped as a whole.
    for (const hour of hours) {
      const hourStart = day + hour * 3600;
      if (hourStart + 3600 <= first) continue;
      for (const minute of minutes) {
        const start = hourStart + minute * 60;
        if (start + 60 <= first) continue;
        const second = secondsOfMinute.find((n) => start + n >= first);
        if (second !== undefined) return start + second;
      }
    }
  }
  return Infinity;
}
