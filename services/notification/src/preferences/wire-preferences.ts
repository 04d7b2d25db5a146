import type { NotificationPreferences } from "@sotto/contracts/preferences-api";
import type { StoredPreferences } from "./preference-queries.ts";

/** Minutes of the day as `22:00`. */
function toTime(minutes: number): string {
  const pad = (part: number): string => String(part).padStart(2, "0");
  return `${pad(Math.floor(minutes / 60))}:${pad(minutes % 60)}`;
}

function toMinutes(time: string): number {
  return Number(time.slice(0, 2)) * 60 + Number(time.slice(3, 5));
}

/** Preferences as the account sees them. */
export function toWire(stored: StoredPreferences): NotificationPreferences {
  const { quiet_from: from, quiet_to: to } = stored;
  return {
    timeZone: stored.time_zone,
    quietHours: from === null || to === null ? null : { from: toTime(from), to: toTime(to) },
    push: stored.push,
    emailDigest: stored.email_digest,
  };
}

export type PreferencesChange = {
  readonly [Name in keyof NotificationPreferences]?: NotificationPreferences[Name] | undefined;
};

/** The columns that a change sets. */
export function toStored({
  timeZone,
  quietHours,
  push,
  emailDigest,
}: PreferencesChange): Partial<StoredPreferences> {
  return {
    ...(timeZone !== undefined && { time_zone: timeZone }),
    ...(quietHours !== undefined && {
      quiet_from: quietHours && toMinutes(quietHours.from),
      quiet_to: quietHours && toMinutes(quietHours.to),
    }),
    ...(push !== undefined && { push }),
    ...(emailDigest !== undefined && { email_digest: emailDigest }),
  };
}
