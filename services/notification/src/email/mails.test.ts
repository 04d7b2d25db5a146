import { securityNotice } from "@sotto/contracts/events";
import { sealLink } from "@sotto/platform/sealed-link";
import { expect, it } from "vitest";
import { newSealKeys } from "../seal-key-fixture.ts";
import { renderMail } from "./render-mail.ts";

const { publicKey, sealKey } = newSealKeys();
const now = new Date("2026-11-25T15:50:00Z");
const recipient = "alice@example.org";
const LINK = "https://chat.example.org/verify-email#token=AbC_1-2";

const seal = (changed: Partial<Parameters<typeof sealLink>[1]> = {}) =>
  sealLink(publicKey, { link: LINK, recipient, expiresAt: "2026-11-26T15:50:00.000Z", ...changed });
const render = (kind: string, content: Record<string, string | null>) =>
  renderMail(
    { sealKey, publicUrl: "https://chat.example.org", now },
    { kind, recipient, content: { username: "alice", ...content } },
  );

it("every mail greets by name, in text and in HTML, and says the same in both", async () => {
  const sealed = await seal();
  for (const [kind, content] of [
    ["welcome", {}],
    ["verify-email", { purpose: "register", sealed }],
    ["verify-email", { purpose: "change", sealed }],
    ["reset-password", { sealed }],
    ["security-notice", { notice: "new-session", client: "Sotto for Android", at: now.toISOString() }],
  ] as const) {
    const mail = await render(kind, content);
    if ("unsendable" in mail) throw new Error(mail.unsendable);
    expect(mail.text).toMatch(/^Hello alice,\n/);
    const words = mail.html.replaceAll(/<[^>]*>/g, " ").replaceAll(/\s+/g, " ");
    for (const paragraph of mail.text.split("\n\n").slice(1)) {
      for (const line of paragraph.trim().split(":\n")) {
        expect(words).toContain(line.replaceAll("\n", " ").replaceAll("&", "&amp;"));
      }
    }
  }
});

it("a mail with a link holds it as it was sealed, says until when it works, and what to do when it was not asked for", async () => {
  const sealed = await seal();
  for (const [kind, content] of [
    ["verify-email", { purpose: "register", sealed }],
    ["verify-email", { purpose: "change", sealed }],
    ["reset-password", { sealed }],
  ] as const) {
    const mail = await render(kind, content);
    expect(mail).toMatchObject({
      text: expect.stringContaining(`\n${LINK}\n`),
      html: expect.stringContaining(`href="${LINK}"`),
    });
    expect(mail).toMatchObject({ text: expect.stringContaining("until 26 November 2026, 15:50 UTC.") });
    expect(mail).toMatchObject({ text: expect.stringContaining("ignore this mail") });
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
    expect(await render("reset-password", { sealed })).toEqual({ unsendable });
    expect(await render("verify-email", { purpose: "register", sealed })).toEqual({ unsendable });
  }
});

it("every notice says what happened, when and by which client, and what to do if it was somebody else", async () => {
  const subjects = new Set<string>();
  for (const notice of securityNotice.options) {
    const mail = await render("security-notice", { notice, client: "Sotto <b>", at: now.toISOString() });
    if ("unsendable" in mail) throw new Error(mail.unsendable);
    subjects.add(mail.subject);
    expect(mail.text).toContain("When: 25 November 2026, 15:50 UTC\nBy: Sotto <b>\n");
    expect(mail.text).toContain("If this was not you, ");
    expect(mail.html).toContain("By: Sotto &lt;b&gt;");
    const unknown = await render("security-notice", { notice, client: null, at: now.toISOString() });
    expect(unknown).toMatchObject({ text: expect.not.stringContaining("By:") });
  }
  expect(subjects.size).toBe(securityNotice.options.length);
});

it("lets no name become markup", async () => {
  const mail = await render("welcome", { username: `<img src=x onerror="a('&')">` });
  if ("unsendable" in mail) throw new Error(mail.unsendable);
  expect(mail.html).toContain("Hello &lt;img src=x onerror=&quot;a(&#39;&amp;&#39;)&quot;&gt;,");
  expect(mail.html).not.toContain("<img");
});
