import { type DomainEvent, type EventType, securityNotice } from "@sotto/contracts/events";
import { z } from "zod";

/** What the template of each kind takes, and nothing else; `sealed` is opened when the mail is rendered. */
export const mailContent = {
  welcome: z.object({ username: z.string() }),
  "verify-email": z.object({
    username: z.string(),
    purpose: z.enum(["register", "change"]),
    sealed: z.string(),
  }),
  "reset-password": z.object({ username: z.string(), sealed: z.string() }),
  "security-notice": z.object({
    username: z.string(),
    notice: securityNotice,
    client: z.string().nullable(),
    at: z.iso.datetime(),
  }),
  "new-device": z.object({ username: z.string(), at: z.iso.datetime() }),
  /** No names, not even one's own: whoever sees this mail learns that somebody waits, and not who or for whom. */
  digest: z.strictObject({ waiting: z.int().min(1) }),
} as const;

export type MailKind = keyof typeof mailContent;
export type MailContent<K extends MailKind> = z.infer<(typeof mailContent)[K]>;

/** Events that become a mail to the owner of an account. */
export const mailedTypes = [
  "user.account-registered",
  "user.email-verification-requested",
  "user.password-reset-requested",
  "user.security-notice",
] as const satisfies readonly EventType[];
export type MailedEvent = DomainEvent<(typeof mailedTypes)[number]>;

/** The mail that an event asks for. */
export type WantedMail = {
  [K in MailKind]: { kind: K; accountId: string; recipient: string; content: MailContent<K> };
}[MailKind];

export function mailOf(event: MailedEvent): WantedMail {
  const { accountId, username, email: recipient } = event.data;
  const head = { accountId, recipient };
  switch (event.type) {
    case "user.account-registered":
      return { ...head, kind: "welcome", content: { username } };
    case "user.email-verification-requested": {
      const { purpose, sealed } = event.data;
      return { ...head, kind: "verify-email", content: { username, purpose, sealed } };
    }
    case "user.password-reset-requested":
      return { ...head, kind: "reset-password", content: { username, sealed: event.data.sealed } };
    case "user.security-notice": {
      const { notice, client } = event.data;
      const content = { username, notice, client, at: event.occurredAt };
      return { ...head, kind: "security-notice", content };
    }
  }
}
