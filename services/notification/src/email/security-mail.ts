import type { SecurityNotice } from "@sotto/contracts/events";
import { readableTime } from "./link-mails.ts";
import type { MailContent } from "./mail-kinds.ts";
import { layOutMail, type RenderedMail } from "./mail-layout.ts";

type Words = {
  readonly subject: string;
  readonly what: string;
  /** When it was not the owner. */
  readonly otherwise: string;
};

const CHANGE_PASSWORD =
  "change your password at once, which ends all other sessions, and look at your list of sessions";
const RESET_PASSWORD = "choose a new password at once by “forgot password”, which ends all sessions";
const ASK_OPERATOR = "ask the people who run this server";

/** Each notice in plain words. */
const notices: Readonly<Record<SecurityNotice, Words>> = {
  "password-changed": {
    subject: "Your password was changed",
    what: "The password of your account was changed. All other sessions have ended.",
    otherwise: RESET_PASSWORD,
  },
  "password-reset": {
    subject: "Your password was reset",
    what: "The password of your account was reset by the link in a mail. All sessions have ended.",
    otherwise: `${RESET_PASSWORD}, and see who can read your mail`,
  },
  "email-change-requested": {
    subject: "Your e-mail address is to be changed",
    what: "Another address was given for your account. It takes effect when somebody opens the link that was mailed there.",
    otherwise: `${CHANGE_PASSWORD}: that calls the change off`,
  },
  "email-changed": {
    subject: "Your e-mail address was changed",
    what: "The e-mail address of your account was changed. Mail goes to the new one from now on.",
    otherwise: `${CHANGE_PASSWORD}, then set your address again; if you cannot sign in, ${ASK_OPERATOR}`,
  },
  "second-factor-enabled": {
    subject: "An authenticator app was added",
    what: "Signing in with your password now needs a code from an authenticator app.",
    otherwise: CHANGE_PASSWORD,
  },
  "second-factor-disabled": {
    subject: "Your authenticator app was removed",
    what: "Signing in to your account no longer needs a code from an authenticator app.",
    otherwise: CHANGE_PASSWORD,
  },
  "second-factor-reset": {
    subject: "Your second factors were removed",
    what: "The people who run this server removed the second factors of your account.",
    otherwise: `${CHANGE_PASSWORD}, and ${ASK_OPERATOR}`,
  },
  "recovery-code-used": {
    subject: "A recovery code was used",
    what: "Somebody used one of your recovery codes. It does not work again.",
    otherwise: CHANGE_PASSWORD,
  },
  "recovery-codes-renewed": {
    subject: "Your recovery codes were renewed",
    what: "Your account has new recovery codes. The old ones do not work any more.",
    otherwise: CHANGE_PASSWORD,
  },
  "passkey-added": {
    subject: "A passkey was added",
    what: "A new passkey can sign in to your account.",
    otherwise: `remove the passkey, then ${CHANGE_PASSWORD}`,
  },
  "passkey-removed": {
    subject: "A passkey was removed",
    what: "A passkey of your account was removed. It does not sign in any more.",
    otherwise: CHANGE_PASSWORD,
  },
  "new-session": {
    subject: "A new sign-in to your account",
    what: "Somebody signed in to your account.",
    otherwise: CHANGE_PASSWORD,
  },
  "refresh-token-reused": {
    subject: "A session was ended for your safety",
    what: "A key of one of your sessions was used twice, as happens when it was copied. The session has ended.",
    otherwise: CHANGE_PASSWORD,
  },
  "account-deactivated": {
    subject: "Your account was deactivated",
    what: "Your account is hidden and all its sessions have ended. The next sign-in brings it back.",
    otherwise: `sign in, and ${CHANGE_PASSWORD}`,
  },
  "account-deletion-scheduled": {
    subject: "Your account will be deleted",
    what: "The deletion of your account was asked for. Until it is deleted, signing in keeps it.",
    otherwise: `sign in, which keeps the account, and ${CHANGE_PASSWORD}`,
  },
  "account-deletion-cancelled": {
    subject: "Your account will not be deleted",
    what: "Somebody signed in to your account, so that it is kept.",
    otherwise: CHANGE_PASSWORD,
  },
  "account-suspended": {
    subject: "Your account was suspended",
    what: "The people who run this server suspended your account. You cannot sign in.",
    otherwise: ASK_OPERATOR,
  },
  "account-restored": {
    subject: "Your account was restored",
    what: "The people who run this server restored your account. You can sign in again.",
    otherwise: ASK_OPERATOR,
  },
};

/** The mail that tells the owner of an account what has happened to it, when, and what to do if it was not the owner. */
export function renderSecurityMail({
  username,
  notice,
  client,
  at,
}: MailContent<"security-notice">): RenderedMail {
  const { subject, what, otherwise } = notices[notice];
  const by = client === null ? "" : `\nBy: ${client}`;
  return layOutMail({
    subject,
    greeting: `Hello ${username},`,
    before: [what, `When: ${readableTime(at)}${by}`, `If this was not you, ${otherwise}.`],
  });
}
