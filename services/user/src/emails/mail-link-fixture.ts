import type { EventType } from "@sotto/contracts/events";
import { openLink } from "@sotto/platform/sealed-link";
import type { UserApp } from "../user-app-fixture.ts";

type MailEvent = { type: string; key: string; data: Record<string, unknown> };

/** Events of an account of one type, oldest first. */
export async function eventsOf(user: UserApp, accountId: string, type: EventType): Promise<MailEvent[]> {
  return (await user.events()).filter((event) => event.type === type && event.key === accountId);
}

/** What the notification service reads in an event. */
export async function openMailLink(user: UserApp, event: MailEvent | undefined) {
  const link = await openLink(user.notificationKey.export({ format: "jwk" }), String(event?.data.sealed));
  if (!link) throw new Error("the event holds no link that the notification service can open");
  return { ...link, token: new URL(link.link).hash.replace("#token=", "") };
}

/** The token of the last link that an account was mailed. */
export async function lastMailToken(
  user: UserApp,
  accountId: string,
  type: "user.email-verification-requested" | "user.password-reset-requested",
): Promise<string> {
  return (await openMailLink(user, (await eventsOf(user, accountId, type)).at(-1))).token;
}

/** Proves the address that the account was registered with. */
export async function verifyAddress(user: UserApp, accountId: string): Promise<void> {
  const token = await lastMailToken(user, accountId, "user.email-verification-requested");
  const { status } = await user.post("/email/verify", { body: { token } });
  if (status !== 204) throw new Error(`verifying the address: ${status}`);
}

/** Types of the account's audit entries, oldest first. */
export async function auditTypes(user: UserApp, accountId: string): Promise<string[]> {
  const { rows } = await user.owner.query(
    "select type from account.audit_entry where account_id = $1 order by audit_id",
    [accountId],
  );
  return rows.map((row) => row.type);
}

/** Notices about an account: which, and to which address. */
export async function noticesOf(user: UserApp, accountId: string): Promise<string[]> {
  const events = await eventsOf(user, accountId, "user.security-notice");
  return events.map(({ data }) => `${data.notice} to ${data.email}`);
}
