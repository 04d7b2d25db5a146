import { securityNotice } from "@sotto/contracts/events";
import { sealLink } from "@sotto/platform/sealed-link";
import { expect, it } from "vitest";
import { newSealKeys } from "../seal-key-fixture.ts";
import { unsubscribeKeyOf, unsubscribeToken } from "../unsubscribe/unsubscribe-token.ts";
import { catalogues, languages } from "./languages/choose-language.ts";
import type { RenderedMail } from "./mail-layout.ts";
import { renderMail } from "./render-mail.ts";

const { publicKey, sealKey } = newSealKeys();
const unsubscribeKey = unsubscribeKeyOf(sealKey);
const now = new Date("2026-11-25T15:50:00Z");
const recipient = "alice@example.org";
const accountId = "0190a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b";
const publicUrl = "https://chat.example.org";
const LINK = `${publicUrl}/verify-email#token=AbC_1-2`;

const seal = (changed: Partial<Parameters<typeof sealLink>[1]> = {}) =>
  sealLink(publicKey, { link: LINK, recipient, expiresAt: "2026-11-26T15:50:00.000Z", ...changed });

type Content = Record<string, string | number | null>;

const render = (kind: string, content: Content, language: string | null = null) => {
  const deps = { sealKey, unsubscribeKey, publicUrl, defaultLanguage: "en", now } as const;
  return renderMail(deps, { kind, recipient, language, content, account_id: accountId });
};
const renderNamed = (kind: string, content: Content, language?: string) =>
  render(kind, { username: "alice", ...content }, language);

function sendable(mail: Awaited<ReturnType<typeof render>>): RenderedMail {
  if ("unsendable" in mail) throw new Error(mail.unsendable);
  return mail;
}

/** One of each kind, and of the kinds that have several. */
async function everyMail(language: string): Promise<RenderedMail[]> {
  const sealed = await seal();
  const named: [string, Content][] = [
    ["welcome", {}],
    ["verify-email", { purpose: "register", sealed }],
    ["verify-email", { purpose: "change", sealed }],
    ["reset-password", { sealed }],
    ["new-device", { at: now.toISOString() }],
    ...securityNotice.options.map((notice): [string, Content] => [
      "security-notice",
      { notice, client: "Sotto for Android", at: now.toISOString() },
    ]),
  ];
  const mails = await Promise.all([
    ...named.map(([kind, content]) => renderNamed(kind, content, language)),
    render("digest", { waiting: 1 }, language),
    render("digest", { waiting: 1234 }, language),
  ]);
  return mails.map(sendable);
}

/** What a person reads in the HTML, without the preview, and where its links lead. */
function wordsOf({ html }: RenderedMail): string {
  const body = html.slice(html.indexOf("</div>"), html.indexOf("</body>"));
  return body
    .replaceAll(/<a [^>]*href="([^"]*)"[^>]*>([^<]*)<\/a>/g, "$2 $1")
    .replaceAll(/<[^>]*>/g, " ")
    .replaceAll("&quot;", '"')
    .replaceAll("&amp;", "&")
    .replaceAll(/\s+/g, " ");
}

it("every mail says the same in text and in HTML, in every language, and is marked as being in it", async () => {
  for (const language of languages) {
    for (const mail of await everyMail(language)) {
      const words = wordsOf(mail);
      for (const line of mail.text.split("\n")) {
        if (line !== "-- ") expect(words, mail.subject).toContain(line.trim().replace(/:$/, ""));
      }
      expect(mail.language).toBe(language);
      expect(mail.html).toContain(`<html lang="${language}">`);
      expect(mail.html).toContain(`<title>${mail.subject}</title>`);
      expect(mail.html).not.toMatch(/<table|<img|<script|undefined|\[object/);
    }
  }
});

it("every mail has a subject of its own in its language, and a preview", async () => {
  const subjects: string[] = [];
  for (const language of languages) {
    for (const mail of await everyMail(language)) {
      subjects.push(mail.subject);
      expect(/opacity:0">([^<]+)<\/div>/.exec(mail.html)?.[1], mail.subject).toMatch(/.{10}/);
    }
  }
  expect(new Set(subjects).size).toBe(subjects.length);
});

it("every language has just the plural forms that it needs", () => {
  for (const [language, { digest, locale }] of Object.entries(catalogues)) {
    const { pluralCategories } = new Intl.PluralRules(locale).resolvedOptions();
    for (const texts of [digest.subject, digest.waiting])
      expect(Object.keys(texts).sort(), language).toEqual([...pluralCategories].sort());
  }
});

it("counts and times are written as the language writes them", async () => {
  const notice = { notice: "new-session", client: null, at: now.toISOString() };
  for (const [language, one, many, time] of [
    ["en", "1 message is waiting", "1,234 messages are waiting", "When: 25 November 2026, 15:50 UTC"],
    ["de", "1 Nachricht wartet", "1.234 Nachrichten warten", "Wann: 25. November 2026, 15:50 UTC"],
  ] as const) {
    expect(sendable(await render("digest", { waiting: 1 }, language)).subject).toContain(one);
    expect(sendable(await render("digest", { waiting: 1234 }, language)).text).toContain(many);
    expect(sendable(await renderNamed("security-notice", notice, language)).text).toContain(time);
  }
});

it("an account that chose no language, or one that there are no texts in, is written to in the default", async () => {
  for (const language of [null, "fr", "x", "constructor", "__proto__"])
    expect(sendable(await render("digest", { waiting: 1 }, language)).language).toBe("en");
  expect(sendable(await render("digest", { waiting: 1 }, "de-CH")).language).toBe("de");
});

it("a digest holds a count and links, nobody's name, and tells mail readers how to stop it", async () => {
  const mail = sendable(await render("digest", { waiting: 3 }));
  const token = unsubscribeToken(unsubscribeKey, accountId);
  expect(mail.text).toMatch(
    /^Hello,\n\n3 messages are waiting for you\.\n\nOpen Sotto:\nhttps:\/\/chat\.example\.org\n/,
  );
  expect(mail.text).toContain(`${publicUrl}/unsubscribe#token=${token}`);
  expect(mail.unsubscribe).toBe(`${publicUrl}/api/notifications/unsubscribe?token=${token}`);
  for (const other of await everyMail("en"))
    if (!other.subject.includes("waiting")) expect(other.unsubscribe, other.subject).toBeUndefined();
  await expect(renderNamed("digest", { waiting: 3 })).rejects.toThrow("username");
});

it("a mail with a link holds it as it was sealed, says until when it works, and what to do when it was not asked for", async () => {
  const sealed = await seal();
  for (const [kind, content] of [
    ["verify-email", { purpose: "register", sealed }],
    ["verify-email", { purpose: "change", sealed }],
    ["reset-password", { sealed }],
  ] as const) {
    const mail = sendable(await renderNamed(kind, content));
    expect(mail.text).toMatch(/^Hello alice,\n/);
    expect(mail.text).toContain(`\n${LINK}\n`);
    expect(mail.html).toContain(`href="${LINK}"`);
    expect(mail.text).toContain("until 26 November 2026, 15:50 UTC.");
    expect(mail.text).toContain("ignore this mail");
  }
});

it("a link is not sent when it has expired, was changed, or was sealed for another address or key", async () => {
  const other = newSealKeys();
  for (const [sealed, unsendable] of [
    [await seal({ expiresAt: "2026-11-25T15:50:00.000Z" }), "the link has expired"],
    [await seal({ recipient: "mallory@example.org" }), "the link cannot be opened"],
    [`${await seal()}A`, "the link cannot be opened"],
    [
      await sealLink(other.publicKey, { link: LINK, recipient, expiresAt: "2026-11-26T15:50:00.000Z" }),
      "the link cannot be opened",
    ],
  ] as const) {
    expect(await renderNamed("reset-password", { sealed })).toEqual({ unsendable });
    expect(await renderNamed("verify-email", { purpose: "register", sealed })).toEqual({ unsendable });
  }
});

it("every notice says what happened, when and by which client, and what to do if it was somebody else", async () => {
  for (const notice of securityNotice.options) {
    const about = { notice, client: "Sotto <b>", at: now.toISOString() };
    const mail = sendable(await renderNamed("security-notice", about));
    expect(mail.text).toContain("When: 25 November 2026, 15:50 UTC\nBy: Sotto <b>\n");
    expect(mail.text).toContain(catalogues.en.notices[notice].otherwise);
    expect(mail.html).toContain("Sotto &lt;b&gt;");
    const unknown = sendable(await renderNamed("security-notice", { ...about, client: null }));
    expect(unknown.text).not.toContain("By:");
  }
});

it("lets no name become markup", async () => {
  const username = `<img src=x onerror="a('&')">`;
  const mail = sendable(await renderNamed("welcome", { username }));
  expect(mail.html).toContain("Hello &lt;img src=x onerror=&quot;a(&#39;&amp;&#39;)&quot;&gt;,");
  expect(mail.html).not.toContain("<img");
  expect(mail.text).toContain(`Hello ${username},`);
});
