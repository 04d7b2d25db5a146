import type { SealedLink } from "@sotto/contracts/events";
import { openLink } from "@sotto/platform/sealed-link";
import type { NotificationConfig } from "../config.ts";
import { type UnsubscribeKey, unsubscribeToken } from "../unsubscribe/unsubscribe-token.ts";
import type { Email } from "./email-queries.ts";
import { chooseLanguage, type Language } from "./languages/choose-language.ts";
import { type MailKind, mailContent } from "./mail-kinds.ts";
import type { RenderedMail } from "./mail-layout.ts";
import {
  renderDevice,
  renderDigest,
  renderNotice,
  renderReset,
  renderVerify,
  renderWelcome,
} from "./mail-templates.ts";

/** A mail that must not go out, whatever the mail server says. */
export type Unsendable = { readonly unsendable: string };

export type RenderDeps = {
  /** Opens the links in mails. */
  readonly sealKey: NotificationConfig["SEAL_KEY"];
  readonly unsubscribeKey: UnsubscribeKey;
  /** Where the pages are that mails lead to. */
  readonly publicUrl: string;
  readonly defaultLanguage: Language;
};

type Rendering = Promise<RenderedMail | Unsendable>;
type Mail = Pick<Email, "kind" | "recipient" | "language" | "content" | "account_id">;

/**
 * A queued mail as it goes out, in the language of its account. A link is opened here and nowhere else; it is not sent
 * when it has expired, nor to another address than the one that it was sealed for.
 */
export async function renderMail(
  { sealKey, unsubscribeKey, publicUrl, defaultLanguage, now }: RenderDeps & { now: Date },
  { kind, recipient, language, content, account_id: accountId }: Mail,
): Rendering {
  const head = { language: chooseLanguage(language, defaultLanguage), publicUrl };
  const withLink = async (sealed: string, render: (link: SealedLink) => Rendering): Rendering => {
    const link = await openLink(sealKey, sealed);
    if (!link || link.recipient !== recipient) return { unsendable: "the link cannot be opened" };
    if (Date.parse(link.expiresAt) <= now.getTime()) return { unsendable: "the link has expired" };
    return render(link);
  };
  const templates: Readonly<Record<MailKind, () => Rendering>> = {
    welcome: () => renderWelcome(head, mailContent.welcome.parse(content)),
    "verify-email": () => {
      const { sealed, ...words } = mailContent["verify-email"].parse(content);
      return withLink(sealed, (link) => renderVerify(head, words, link));
    },
    "reset-password": () => {
      const { sealed, ...words } = mailContent["reset-password"].parse(content);
      return withLink(sealed, (link) => renderReset(head, words, link));
    },
    "security-notice": () => renderNotice(head, mailContent["security-notice"].parse(content)),
    "new-device": () => renderDevice(head, mailContent["new-device"].parse(content)),
    digest: async () => {
      if (accountId === null) return { unsendable: "a digest of nobody" };
      const token = unsubscribeToken(unsubscribeKey, accountId);
      return renderDigest(head, mailContent.digest.parse(content), token);
    },
  };
  // The constraint email_kind_known admits no other.
  return templates[kind as MailKind]();
}
