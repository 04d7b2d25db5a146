import type { SealedLink } from "@sotto/contracts/events";
import type { Catalogue, NoticeWords } from "./languages/catalogue.ts";
import { catalogues, type Language, type Writing, writingOf } from "./languages/choose-language.ts";
import type { MailContent } from "./mail-kinds.ts";
import { type Block, layOutMail, type RenderedMail } from "./mail-layout.ts";

/** What every mail is written with: the language, and the installation that its links lead to. */
export type Letterhead = { readonly language: Language; readonly publicUrl: string };

type Link = Pick<SealedLink, "link" | "expiresAt">;
type Rendered = Promise<RenderedMail>;

/** The mail to a new account. */
export function renderWelcome(head: Letterhead, { username }: MailContent<"welcome">): Rendered {
  const { welcome, ...words } = wordsOf(head);
  return layOut(head, welcome, words.greeting.named(username), [...welcome.paragraphs, welcome.ignore]);
}

/** The mail whose link proves an address: of a new account, or the one that an account is to change to. */
export function renderVerify(
  head: Letterhead,
  { username, purpose }: Pick<MailContent<"verify-email">, "username" | "purpose">,
  { link, expiresAt }: Link,
): Rendered {
  const { verify, greeting, time } = wordsOf(head);
  const words = verify[purpose];
  return layOut(head, words, greeting.named(username), [
    words.why,
    { action: { label: verify.action, url: link } },
    verify.until(time(expiresAt)),
    words.ignore,
  ]);
}

/** The mail whose link lets choose a new password. */
export function renderReset(
  head: Letterhead,
  { username }: Pick<MailContent<"reset-password">, "username">,
  { link, expiresAt }: Link,
): Rendered {
  const { reset, greeting, time } = wordsOf(head);
  return layOut(head, reset, greeting.named(username), [
    reset.why,
    { action: { label: reset.action, url: link } },
    reset.until(time(expiresAt)),
    reset.ignore,
  ]);
}

/** The mail that tells the owner of an account what has happened to it, when, and what to do if it was not the owner. */
export function renderNotice(
  head: Letterhead,
  { username, notice, client, at }: MailContent<"security-notice">,
): Rendered {
  return renderSecurity(head, wordsOf(head).notices[notice], { username, client, at });
}

/** The mail that tells the owner of an account of one more device that gets its messages. */
export function renderDevice(head: Letterhead, { username, at }: MailContent<"new-device">): Rendered {
  return renderSecurity(head, wordsOf(head).device, { username, client: null, at });
}

function renderSecurity(
  head: Letterhead,
  words: NoticeWords,
  { username, client, at }: { username: string; client: string | null; at: string },
): Rendered {
  const { facts, greeting, time } = wordsOf(head);
  const when = [facts.when, time(at)] as const;
  return layOut(head, words, greeting.named(username), [
    words.what,
    { facts: client === null ? [when] : [when, [facts.client, client]] },
    words.otherwise,
  ]);
}

/** The mail that says how many messages wait, and nothing of them. `token`: see unsubscribe-token.ts. */
export async function renderDigest(
  head: Letterhead,
  { waiting }: MailContent<"digest">,
  token: string,
): Rendered {
  const { digest, greeting, plural } = wordsOf(head);
  const title = { subject: plural(digest.subject, waiting), preview: digest.preview };
  const page = {
    label: digest.unsubscribe,
    url: `${new URL("/unsubscribe", head.publicUrl)}#token=${token}`,
  };
  const blocks = [
    plural(digest.waiting, waiting),
    { action: { label: digest.action, url: head.publicUrl } },
    digest.encrypted,
  ];
  const mail = await layOut(head, title, greeting.nameless, blocks, page);
  const unsubscribe = new URL("/api/notifications/unsubscribe", head.publicUrl);
  unsubscribe.searchParams.set("token", token);
  return { ...mail, unsubscribe: unsubscribe.href };
}

function wordsOf({ language }: Letterhead): Catalogue & Writing {
  const catalogue: Catalogue = catalogues[language];
  return { ...catalogue, ...writingOf(catalogue) };
}

function layOut(
  head: Letterhead,
  { subject, preview }: { subject: string; preview: string },
  greeting: string,
  blocks: readonly Block[],
  unsubscribe?: { label: string; url: string },
): Rendered {
  const { language, publicUrl } = head;
  const footer = wordsOf(head).footer(new URL(publicUrl).host);
  return layOutMail({
    ...{ language, subject, preview, greeting, blocks, footer },
    ...(unsubscribe && { unsubscribe }),
  });
}
