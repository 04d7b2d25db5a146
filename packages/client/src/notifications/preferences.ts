import {
  type NotificationPreferences,
  notificationPreferences,
  type QuietHours,
} from "@sotto/contracts/preferences-api";
import type { ClientContext } from "../client-context.ts";

export type { NotificationPreferences, QuietHours };

/** What the account is told of while nobody of it is there, and when. */
export type Preferences = {
  preferences(): Promise<NotificationPreferences>;
  /** Changes what is given and answers with all of it. Throws `bad_request` for a time zone that the server does not know. */
  setPreferences(change: Partial<NotificationPreferences>): Promise<NotificationPreferences>;
};

/** The preferences in `client.notifications`. */
export function createPreferences({ request }: Pick<ClientContext, "request">): Preferences {
  const path = "/api/notifications/preferences";
  const answer = notificationPreferences;
  return {
    preferences: () => request({ method: "GET", path, answer }),
    setPreferences: (body) => request({ method: "PATCH", path, body, answer }),
  };
}
