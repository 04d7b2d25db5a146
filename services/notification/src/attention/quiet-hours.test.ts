import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { isTimeZone, type QuietHours, quietUntil } from "./quiet-hours.ts";

const at = (hour: number, minute = 0) => hour * 60 + minute;
const night = (timeZone: string, from = at(22), to = at(7)): QuietHours => ({ timeZone, from, to });
const endOf = (now: string, hours: QuietHours) => quietUntil(new Date(now), hours)?.toISOString();

describe("quiet hours", () => {
  test("begin at their first minute and end before their last, over midnight or within a day", () => {
    const utc = night("UTC");
    expect(endOf("2026-06-01T21:59:59Z", utc)).toBeUndefined();
    expect(endOf("2026-06-01T22:00:00Z", utc)).toBe("2026-06-02T07:00:00.000Z");
    expect(endOf("2026-06-02T06:59:59.999Z", utc)).toBe("2026-06-02T07:00:00.000Z");
    expect(endOf("2026-06-02T07:00:00Z", utc)).toBeUndefined();
    const noon = night("UTC", at(12), at(13, 30));
    expect(endOf("2026-06-01T12:00:30Z", noon)).toBe("2026-06-01T13:30:00.000Z");
    expect(endOf("2026-06-01T13:30:00Z", noon)).toBeUndefined();
  });

  test("are those of the clock on the wall, wherever it is and whatever its offset", () => {
    expect(endOf("2026-01-15T12:00:00Z", night("Asia/Kathmandu"))).toBeUndefined();
    expect(endOf("2026-01-15T16:15:00Z", night("Asia/Kathmandu"))).toBe("2026-01-16T01:15:00.000Z");
    expect(endOf("2026-01-15T12:00:00Z", night("America/Los_Angeles"))).toBe("2026-01-15T15:00:00.000Z");
    expect(endOf("2026-01-15T12:00:00Z", night("Pacific/Kiritimati"))).toBe("2026-01-15T17:00:00.000Z");
  });

  test("are an hour shorter or longer in the nights in which the clocks change", () => {
    const berlin = night("Europe/Berlin");
    expect(endOf("2026-03-28T22:00:00Z", berlin)).toBe("2026-03-29T05:00:00.000Z");
    expect(endOf("2026-10-24T21:00:00Z", berlin)).toBe("2026-10-25T06:00:00.000Z");
  });

  test("that end at a time that is left out end when the clock has jumped over it; at one that comes twice, at its first", () => {
    const berlin = night("Europe/Berlin", at(22), at(2, 30));
    expect(endOf("2026-03-28T22:00:00Z", berlin)).toBe("2026-03-29T01:00:00.000Z");
    expect(endOf("2026-10-24T21:00:00Z", berlin)).toBe("2026-10-25T00:30:00.000Z");
  });
});

const zone = fc.constantFrom(...Intl.supportedValuesOf("timeZone"));
const minute = fc.integer({ min: 0, max: 1439 });
const instant = fc.date({ min: new Date("2000-01-01"), max: new Date("2037-12-31"), noInvalidDate: true });

test("at any time, anywhere: the end is the first minute that is not quiet, and every minute before it is", () => {
  fc.assert(
    fc.property(zone, minute, minute, instant, (timeZone, from, to, now) => {
      fc.pre(from !== to);
      const hours = { timeZone, from, to };
      const end = quietUntil(now, hours);
      if (!end) return;
      expect(quietUntil(end, hours)).toBeUndefined();
      expect(end.getTime()).toBeGreaterThan(now.getTime());
      for (let ms = now.getTime(); ms < end.getTime(); ms += 17 * 60_000)
        expect(quietUntil(new Date(ms), hours)).toEqual(end);
      expect(quietUntil(new Date(end.getTime() - 1), hours)).toEqual(end);
    }),
    { numRuns: 150 },
  );
});

test("a time zone is a name that the database of time zones has, and no offset", () => {
  for (const name of ["UTC", "Europe/Berlin", "America/Argentina/Buenos_Aires", "Etc/GMT+5"])
    expect(isTimeZone(name), name).toBe(true);
  for (const name of ["", "+02:00", "-5", "Mars/Olympus", "Europe/Berlin ", "constructor", "a\u0000"])
    expect(isTimeZone(name), name).toBe(false);
});
