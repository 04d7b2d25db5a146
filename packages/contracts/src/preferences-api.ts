import { z } from "zod";
import { limits } from "./limits.ts";

const timeOfDay = z.string().regex(/^(?:[01][0-9]|2[0-3]):[0-5][0-9]$/, "must be a time of day, as 22:00");

/** A name in the time zone database of IANA; the server knows which there are. */
const timeZone = z
  .string()
  .min(1)
  .max(limits.timeZoneMax)
  .regex(/^[A-Za-z][A-Za-z0-9_+/-]*$/, "must be a time zone, as Europe/Berlin");

/** From inclusive, to exclusive; over midnight when `from` is the later one. */
export const quietHours = z
  .strictObject({ from: timeOfDay, to: timeOfDay })
  .refine(({ from, to }) => from !== to, "must not be empty")
  .meta({ id: "QuietHours" });
export type QuietHours = z.infer<typeof quietHours>;

export const notificationPreferences = z
  .object({
    /** Of the quiet hours; null: UTC. */
    timeZone: timeZone.nullable(),
    /** While they last nothing is sent; what is due then is due when they end. Null: there are none. */
    quietHours: quietHours.nullable(),
    push: z.boolean(),
    emailDigest: z.boolean(),
  })
  .meta({ id: "NotificationPreferences" });
export type NotificationPreferences = z.infer<typeof notificationPreferences>;

/** What is left out stays as it is. */
export const updateNotificationPreferencesRequest = z
  .strictObject(notificationPreferences.partial().shape)
  .meta({ id: "UpdateNotificationPreferences" });
