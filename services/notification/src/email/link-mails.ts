import type { MailContent } from "./mail-kinds.ts";
import { layOutMail, type RenderedMail } from "./mail-layout.ts";

type Link = { readonly link: string; readonly expiresAt: string };

/** The mail whose link proves an address: of a new account, or the one that an account is to change to. */
export function renderVerifyMail(
  { username, purpose }: Pick<MailContent<"verify-email">, "username" | "purpose">,
  { link, expiresAt }: Link,
): RenderedMail {
  const isNew = purpose === "register";
  return layOutMail({
    subject: isNew ? "Confirm your e-mail address" : "Confirm your new e-mail address",
    greeting: `Hello ${username},`,
    before: [
      isNew
        ? "This address was given for your account. Confirm that it is yours, so that you can get back in if you forget your password."
        : "This address was given as the new one of your account. It becomes your address when you confirm it.",
    ],
    action: { label: "Confirm this address", url: link },
    after: [
      `The link works once, until ${readableTime(expiresAt)}.`,
      isNew
        ? "If you did not register, you can ignore this mail."
        : "If you did not ask for this, you can ignore this mail: nothing changes.",
    ],
  });
}

/** The mail whose link lets choose a new password. */
export function renderResetMail(
  { username }: Pick<MailContent<"reset-password">, "username">,
  { link, expiresAt }: Link,
): RenderedMail {
  return layOutMail({
    subject: "Choose a new password",
    greeting: `Hello ${username},`,
    before: ["Somebody asked to reset the password of your account."],
    action: { label: "Choose a new password", url: link },
    after: [
      `The link works once, until ${readableTime(expiresAt)}. A new password ends all your sessions.`,
      "If it was not you, you can ignore this mail: without the link nothing changes. Give the link to nobody.",
    ],
  });
}

/** As "25 November 2026, 15:50 UTC". */
export function readableTime(instant: string): string {
  const format = new Intl.DateTimeFormat("en-GB", {
    dateStyle: "long",
    timeStyle: "short",
    timeZone: "UTC",
  });
  return `${format.format(Date.parse(instant)).replace(" at ", ", ")} UTC`;
}
