import type { Catalogue } from "./catalogue.ts";

const CHANGE_PASSWORD =
  "change your password at once, which ends all other sessions, and look at your list of sessions";
const RESET_PASSWORD = "choose a new password at once by “forgot password”, which ends all sessions";
const ASK_OPERATOR = "ask the people who run this server";
const ifNotYou = (what: string): string => `If this was not you, ${what}.`;
const SEE_INSIDE = "When it happened, and what to do if it was not you.";

/** English. */
export const en: Catalogue<"one" | "other"> = {
  locale: "en-GB",
  greeting: { named: (name) => `Hello ${name},`, nameless: "Hello," },
  footer: (host) => `This mail was sent by Sotto at ${host}, because of an account there.`,
  facts: { when: "When", client: "By" },
  welcome: {
    subject: "Welcome to Sotto",
    preview: "Your account is ready.",
    paragraphs: [
      "Your account is ready.",
      "Your messages are encrypted on your device, and only the devices of the people you write to can read them.",
      "This also means that nobody can restore your messages for you: keep at least one device signed in, or make a backup.",
    ],
    ignore: "If you did not register, you can ignore this mail.",
  },
  verify: {
    action: "Confirm this address",
    until: (time) => `The link works once, until ${time}.`,
    register: {
      subject: "Confirm your e-mail address",
      preview: "One more step, so that you can get back in if you forget your password.",
      why: "This address was given for your account. Confirm that it is yours, so that you can get back in if you forget your password.",
      ignore: "If you did not register, you can ignore this mail.",
    },
    change: {
      subject: "Confirm your new e-mail address",
      preview: "It becomes your address when you confirm it.",
      why: "This address was given as the new one of your account. It becomes your address when you confirm it.",
      ignore: "If you did not ask for this, you can ignore this mail: nothing changes.",
    },
  },
  reset: {
    subject: "Choose a new password",
    preview: "The link works once. Give it to nobody.",
    why: "Somebody asked to reset the password of your account.",
    action: "Choose a new password",
    until: (time) => `The link works once, until ${time}. A new password ends all your sessions.`,
    ignore:
      "If it was not you, you can ignore this mail: without the link nothing changes. Give the link to nobody.",
  },
  device: {
    subject: "A new device was added to your account",
    preview: SEE_INSIDE,
    what: "A new device was added to your account. It can read the messages that are sent to you from now on.",
    otherwise: ifNotYou(`remove it from your list of devices, and ${CHANGE_PASSWORD}`),
  },
  digest: {
    subject: {
      one: (count) => `${count} message is waiting for you`,
      other: (count) => `${count} messages are waiting for you`,
    },
    preview: "Open Sotto to read.",
    waiting: {
      one: (count) => `${count} message is waiting for you.`,
      other: (count) => `${count} messages are waiting for you.`,
    },
    encrypted: "This server cannot read your messages, so this mail cannot tell you more.",
    action: "Open Sotto",
    unsubscribe: "Stop these mails",
  },
  notices: {
    "password-changed": {
      subject: "Your password was changed",
      preview: SEE_INSIDE,
      what: "The password of your account was changed. All other sessions have ended.",
      otherwise: ifNotYou(RESET_PASSWORD),
    },
    "password-reset": {
      subject: "Your password was reset",
      preview: SEE_INSIDE,
      what: "The password of your account was reset by the link in a mail. All sessions have ended.",
      otherwise: ifNotYou(`${RESET_PASSWORD}, and see who can read your mail`),
    },
    "email-change-requested": {
      subject: "Your e-mail address is to be changed",
      preview: SEE_INSIDE,
      what: "Another address was given for your account. It takes effect when somebody opens the link that was mailed there.",
      otherwise: ifNotYou(`${CHANGE_PASSWORD}: that calls the change off`),
    },
    "email-changed": {
      subject: "Your e-mail address was changed",
      preview: SEE_INSIDE,
      what: "The e-mail address of your account was changed. Mail goes to the new one from now on.",
      otherwise: ifNotYou(
        `${CHANGE_PASSWORD}, then set your address again; if you cannot sign in, ${ASK_OPERATOR}`,
      ),
    },
    "second-factor-enabled": {
      subject: "An authenticator app was added",
      preview: SEE_INSIDE,
      what: "Signing in with your password now needs a code from an authenticator app.",
      otherwise: ifNotYou(CHANGE_PASSWORD),
    },
    "second-factor-disabled": {
      subject: "Your authenticator app was removed",
      preview: SEE_INSIDE,
      what: "Signing in to your account no longer needs a code from an authenticator app.",
      otherwise: ifNotYou(CHANGE_PASSWORD),
    },
    "second-factor-reset": {
      subject: "Your second factors were removed",
      preview: SEE_INSIDE,
      what: "The people who run this server removed the second factors of your account.",
      otherwise: `If you did not ask them to, ${CHANGE_PASSWORD}, and ${ASK_OPERATOR}.`,
    },
    "recovery-code-used": {
      subject: "A recovery code was used",
      preview: SEE_INSIDE,
      what: "Somebody used one of your recovery codes. It does not work again.",
      otherwise: ifNotYou(CHANGE_PASSWORD),
    },
    "recovery-codes-renewed": {
      subject: "Your recovery codes were renewed",
      preview: SEE_INSIDE,
      what: "Your account has new recovery codes. The old ones do not work any more.",
      otherwise: ifNotYou(CHANGE_PASSWORD),
    },
    "passkey-added": {
      subject: "A passkey was added",
      preview: SEE_INSIDE,
      what: "A new passkey can sign in to your account.",
      otherwise: ifNotYou(`remove the passkey, then ${CHANGE_PASSWORD}`),
    },
    "passkey-removed": {
      subject: "A passkey was removed",
      preview: SEE_INSIDE,
      what: "A passkey of your account was removed. It does not sign in any more.",
      otherwise: ifNotYou(CHANGE_PASSWORD),
    },
    "new-session": {
      subject: "A new sign-in to your account",
      preview: SEE_INSIDE,
      what: "Somebody signed in to your account.",
      otherwise: ifNotYou(CHANGE_PASSWORD),
    },
    "refresh-token-reused": {
      subject: "A session was ended for your safety",
      preview: SEE_INSIDE,
      what: "A key of one of your sessions was used twice, as happens when it was copied. The session has ended.",
      otherwise:
        "To be safe, change your password, which ends all other sessions, and look at your list of sessions.",
    },
    "account-deactivated": {
      subject: "Your account was deactivated",
      preview: "The next sign-in brings it back.",
      what: "Your account is hidden and all its sessions have ended. The next sign-in brings it back.",
      otherwise: ifNotYou(`sign in, and ${CHANGE_PASSWORD}`),
    },
    "account-deletion-scheduled": {
      subject: "Your account will be deleted",
      preview: "Until then, signing in keeps it.",
      what: "The deletion of your account was asked for. Until it is deleted, signing in keeps it.",
      otherwise: ifNotYou(`sign in, which keeps the account, and ${CHANGE_PASSWORD}`),
    },
    "account-deletion-cancelled": {
      subject: "Your account will not be deleted",
      preview: SEE_INSIDE,
      what: "Somebody signed in to your account, so that it is kept.",
      otherwise: ifNotYou(CHANGE_PASSWORD),
    },
    "account-suspended": {
      subject: "Your account was suspended",
      preview: "You cannot sign in.",
      what: "The people who run this server suspended your account. You cannot sign in.",
      otherwise: `If you think that this is a mistake, ${ASK_OPERATOR}.`,
    },
    "account-restored": {
      subject: "Your account was restored",
      preview: "You can sign in again.",
      what: "The people who run this server restored your account. You can sign in again.",
      otherwise: `If you have questions, ${ASK_OPERATOR}.`,
    },
  },
};
