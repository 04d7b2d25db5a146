import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { createTransport } from "nodemailer";
import type { SMTPServer } from "smtp-server";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { readMessages } from "./mail-messages.ts";
import { createMailFetch } from "./mail-routes.ts";
import { startMailServer } from "./mail-server.ts";
import { openMailStore } from "./mail-store.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), "sotto-test-mail-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const at = (ms: number) => () => ms;
const mail = (text: string): Buffer => Buffer.from(`Subject: ${text}\r\n\r\n${text}\r\n`);

describe("the mail store", () => {
  it("keeps mails over a restart, newest first, also when the clock was set back", async () => {
    const first = openMailStore(folder, at(2000));
    const [one, two] = [await first.add(mail("one")), await first.add(mail("two"))];
    const second = openMailStore(folder, at(1000));
    const three = await second.add(mail("three"));
    expect(second.list()).toEqual([three, two, one]);
    expect(second.find(one)?.raw.toString()).toContain("one");
  });

  it("keeps the newest 500", async () => {
    const store = openMailStore(folder, at(1));
    for (let count = 0; count < 503; count++) await store.add(mail(String(count)));
    expect(store.list()).toHaveLength(500);
    expect(readdirSync(folder)).toHaveLength(500);
    expect(store.find(store.list().at(-1) ?? "")?.raw.toString()).toContain("Subject: 3\r\n");
  });

  it("finds nothing outside of its own mails", async () => {
    mkdirSync(path.join(folder, "mails"));
    writeFileSync(path.join(folder, "secret.eml"), "secret");
    const store = openMailStore(path.join(folder, "mails"), at(1));
    expect(store.find("../secret")).toBeUndefined();
    writeFileSync(path.join(folder, "mails", "half.eml.new"), "");
    expect(openMailStore(path.join(folder, "mails"), at(1)).list()).toEqual([]);
  });
});

describe("the mail catcher", () => {
  let server: SMTPServer;
  let fetchPage: (request: Request) => Promise<Response>;
  let sentOnDisk: string[];

  beforeEach(async () => {
    const store = openMailStore(folder, at(1_767_225_600_000));
    server = await startMailServer({ store, host: "127.0.0.1", port: 0, onError: () => undefined });
    fetchPage = createMailFetch(readMessages(store));
  });
  afterEach(() => new Promise<void>((resolve) => server.close(() => resolve())));

  const get = (url: string, init?: RequestInit) => fetchPage(new Request(`http://localhost${url}`, init));
  async function send(options: { subject: string; html?: string; text?: string }): Promise<void> {
    const address = server.server.address();
    if (address === null || typeof address === "string") throw new Error("no port");
    const transport = createTransport({ host: "127.0.0.1", port: address.port });
    await transport.sendMail({ from: "a@example.org", to: "b@example.org", ...options });
    sentOnDisk = readdirSync(folder);
    transport.close();
  }

  it("has a mail on disk before its sender reads that it was taken", async () => {
    await send({ subject: "hello", text: "there" });
    expect(sentOnDisk).toHaveLength(1);
    expect(readFileSync(path.join(folder, sentOnDisk[0] ?? ""), "utf8")).toContain("Subject: hello");
  });

  it("refuses a mail of more than 1 MiB and keeps working", async () => {
    await expect(send({ subject: "large", text: "x".repeat(1_200_000) })).rejects.toThrow(/552|exceeds/i);
    await send({ subject: "small", text: "x" });
    expect(sentOnDisk).toHaveLength(1);
  });

  it("lists mails as JSON, newest first", async () => {
    await send({ subject: "one", text: "1" });
    await send({ subject: "two", text: "2", html: "<p>2</p>" });
    const { messages } = (await (await get("/mail/api/messages")).json()) as { messages: { id: string }[] };
    expect(messages).toMatchObject([
      {
        subject: "two",
        to: ["b@example.org"],
        from: "a@example.org",
        html: expect.stringContaining("<p>2</p>"),
      },
      { subject: "one", text: expect.stringContaining("1") },
    ]);
    const one = await get(`/mail/api/messages/${messages[1]?.id}`);
    expect(await one.json()).toMatchObject({ subject: "one" });
  });

  it("shows a hostile mail without letting it out of its frame", async () => {
    const evil = `<script>alert(1)</script><img src="https://tracker.example/x.png">`;
    await send({ subject: evil, html: evil, text: evil });
    const { messages } = (await (await get("/mail/api/messages")).json()) as { messages: { id: string }[] };
    const id = messages[0]?.id;
    const views = ["light", "dark", "text", "headers", "__proto__"].map((view) => `/mail/${id}?view=${view}`);
    for (const url of ["/mail", `/mail/${id}`, ...views]) {
      const page = await get(url);
      const text = await page.text();
      expect(text).not.toContain("<script>");
      expect(text).not.toContain("<img");
      expect(page.headers.get("content-security-policy")).toMatch(/^default-src 'none';/);
    }
    for (const view of ["light", "dark"]) {
      const text = await (await get(`/mail/${id}?view=${view}`)).text();
      expect(text).toContain(
        `<iframe class="${view}" title="The mail" sandbox src="/mail/${id}/html?for=${view}">`,
      );
    }
    const frame = await get(`/mail/${id}/html`);
    const policy = frame.headers.get("content-security-policy") ?? "";
    expect(policy).toMatch(/^sandbox; default-src 'none';/);
    expect(policy).not.toMatch(/script|https?:|\*/);
  });

  it("shows a mail as readers do that are set to light or to dark, whatever the browser is set to", async () => {
    const css =
      "@media (prefers-color-scheme: dark) { p { color: red } } @media (Prefers-Color-Scheme:light){}";
    await send({ subject: "looks", html: `<style>${css}</style><p>prefers-color-scheme: dark</p>` });
    const { messages } = (await (await get("/mail/api/messages")).json()) as { messages: { id: string }[] };
    const look = async (name: string) => (await get(`/mail/${messages[0]?.id}/html?for=${name}`)).text();
    const [light, dark] = [await look("light"), await look("dark")];
    expect(light).toMatch(/@media \(max-width: 0\) \{ p[\s\S]*@media \(min-width: 0\)\{\}[\s\S]*only light/);
    expect(dark).toMatch(/@media \(min-width: 0\) \{ p[\s\S]*@media \(max-width: 0\)\{\}[\s\S]*only dark/);
    expect(dark).toContain("<p>prefers-color-scheme: dark</p>");
  });

  it("shows the headers of a mail, and a mail without HTML as text", async () => {
    await send({ subject: "plain", text: "only text" });
    const { messages } = (await (await get("/mail/api/messages")).json()) as { messages: { id: string }[] };
    const id = messages[0]?.id;
    expect(await (await get(`/mail/${id}?view=headers`)).text()).toContain("<dt>Subject</dt><dd>plain</dd>");
    const text = await (await get(`/mail/${id}?view=dark`)).text();
    expect(text).toContain("<pre>only text");
    expect(text).not.toContain("<iframe");
  });

  it("answers 404 and 405 where there is nothing", async () => {
    for (const url of ["/", "/mail/nothing", "/mail/1767225600000-000009", "/mail/../mail.ts"])
      expect((await get(url)).status).toBe(404);
    expect((await get("/mail", { method: "POST" })).status).toBe(405);
    expect((await get("/health/ready")).status).toBe(200);
  });
});
