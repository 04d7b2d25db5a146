import type { SealedLink } from "@sotto/contracts/events";
import { openLink } from "@sotto/platform/sealed-link";
import type { NotificationConfig } from "../config.ts";
import { renderDeviceMail } from "./device-mail.ts";
import { renderDigestMail } from "./digest-mail.ts";
import type { Email } from "./email-queries.ts";
import { renderResetMail, renderVerifyMail } from "./link-mails.ts";
import { type MailKind, mailContent } from "./mail-kinds.ts";
import type { RenderedMail } from "./mail-layout.ts";
import { renderSecurityMail } from "./security-mail.ts";
import { renderWelcomeMail } from "./welcome-mail.ts";

/** A mail that must not go out, whatever the mail server says. */
export type Unsendable = { readonly unsendable: string };

type Rendering = RenderedMail | Unsendable;
type Mail = Pick<Email, "kind" | "recipient" | "content">;

/**
 * A queued mail as it goes out. A link is opened here and nowhere else; it is not sent when it has expired, nor to
 * another address than the one that it was sealed for.
 */
export async function renderMail(
  { sealKey, publicUrl, now }: { sealKey: NotificationConfig["SEAL_KEY"]; publicUrl: string; now: Date },
  { kind, recipient, content }: Mail,
): Promise<Rendering> {
  const withLink = async (sealed: string, render: (link: SealedLink) => RenderedMail): Promise<Rendering> => {
    const link = await openLink(sealKey, sealed);
    if (!link || link.recipient !== recipient) return { unsendable: "the link cannot be opened" };
    if (Date.parse(link.expiresAt) <= now.getTime()) return { unsendable: "the link has expired" };
    return render(link);
  };
  const templates: Readonly<Record<MailKind, () => Rendering | Promise<Rendering>>> = {
    welcome: () => renderWelcomeMail(mailContent.welcome.parse(content)),
    "verify-email": () => {
      const { sealed, ...words } = mailContent["verify-email"].parse(content);
      return withLink(sealed, (link) => renderVerifyMail(words, link));
    },
    "reset-password": () => {
      const { sealed, ...words } = mailContent["reset-password"].parse(content);
      return withLink(sealed, (link) => renderResetMail(words, link));
    },
    "security-notice": () => renderSecurityMail(mailContent["security-notice"].parse(content)),
    "new-device": () => renderDeviceMail(mailContent["new-device"].parse(content)),
    digest: () => renderDigestMail(mailContent.digest.parse(content), publicUrl),
  };
  // The constraint email_kind_known admits no other.
  return templates[kind as MailKind]();
}
