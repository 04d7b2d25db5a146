/** `from` inclusive, `to` exclusive, in minutes of the day at `timeZone`; over midnight when `from` is greater. */
export type QuietHours = { readonly timeZone: string; readonly from: number; readonly to: number };

const MINUTE_MS = 60_000;
const DAY_MINUTES = 1440;
/** No change of the clock is longer than this. */
const LONGEST_MINUTES = 2 * DAY_MINUTES;

/** Whether it is a name in the time zone database that this process has; offsets such as `+02:00` are none. */
export function isTimeZone(name: string): boolean {
  if (!/^[A-Za-z]/.test(name)) return false;
  try {
    new Intl.DateTimeFormat("en", { timeZone: name });
    return true;
  } catch {
    return false;
  }
}

/**
 * When the quiet hours end that `now` lies in: the first minute at which a clock on the wall shows no quiet one. Undefined
 * when it lies in none. Where clocks are changed meanwhile, the wall is what counts: a time that is left out ends them at
 * the next that there is, one that comes twice at its first.
 */
export function quietUntil(now: Date, hours: QuietHours): Date | undefined {
  const wallMinute = wallClock(hours.timeZone);
  const isQuiet = (minute: number): boolean => {
    const { from, to } = hours;
    return from < to ? minute >= from && minute < to : minute >= from || minute < to;
  };
  const startMs = Math.floor(now.getTime() / MINUTE_MS) * MINUTE_MS;
  const start = wallMinute(startMs);
  if (!isQuiet(start)) return undefined;
  const expectedMs = startMs + ((hours.to - start + DAY_MINUTES) % DAY_MINUTES) * MINUTE_MS;
  if (wallMinute(expectedMs) === hours.to) return new Date(expectedMs);
  // Clocks are changed in between: twice a year somebody is looked up minute by minute.
  for (let minutes = 1; minutes <= LONGEST_MINUTES; minutes += 1) {
    const atMs = startMs + minutes * MINUTE_MS;
    if (!isQuiet(wallMinute(atMs))) return new Date(atMs);
  }
  throw new Error(`quiet hours without an end in ${hours.timeZone}`);
}

/** Answers the minute of the day that a clock on the wall shows. Offsets of time zones are whole minutes. */
function wallClock(timeZone: string): (atMs: number) => number {
  const format = new Intl.DateTimeFormat("en-GB", {
    timeZone,
    hourCycle: "h23",
    hour: "2-digit",
    minute: "2-digit",
  });
  return (atMs) => {
    const text = format.format(atMs);
    return Number(text.slice(0, 2)) * 60 + Number(text.slice(3, 5));
  };
}
