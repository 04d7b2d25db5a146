// Against a real mail server: encryption, signing in, signatures, and connections that are kept.
import { createHash, createVerify, generateKeyPairSync } from "node:crypto";
import { issueCertificate } from "@sotto/testkit/certificates";
import { type SmtpSetup, startSmtp, type TestSmtp } from "@sotto/testkit/smtp";
import { afterEach, expect, it } from "vitest";
import { judgeFailure } from "./delivery-verdict.ts";
import { CONNECTIONS, createSmtp, type OutgoingMail, type Smtp, type SmtpOptions } from "./smtp.ts";

const certificate = await issueCertificate({ names: ["localhost"], addresses: ["127.0.0.1"] });
const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function connect(
  setup: SmtpSetup,
  options: Omit<Partial<SmtpOptions>, "url"> & { url?: (server: TestSmtp) => string } = {},
): Promise<{ server: TestSmtp; smtp: Smtp }> {
  const server = await startSmtp({ certificate, ...setup });
  cleanups.push(server.stop);
  const { url, ...others } = options;
  const smtp = createSmtp({
    from: "Sotto <no-reply@example.org>",
    url: url?.(server) ?? server.url,
    ...others,
  });
  cleanups.push(smtp.close);
  return { server, smtp };
}

const mail: OutgoingMail = {
  to: "alice@example.org",
  messageKey: "1.digest",
  language: "de",
  subject:
    "Grüße, und ein Betreff, der so lang ist, dass er über mehrere Zeilen des Kopfes geht, wie es vorkommt",
  text: "Guten Tag,\n\n.ein Punkt am Anfang  \n\n-- \nEnde\n\n\n",
  html: `<p>Grüße</p>${"<p>eine lange Zeile</p>".repeat(60)}`,
  unsubscribe: `https://chat.example.org/api/notifications/unsubscribe?token=${"a".repeat(64)}`,
};
const outcomeOf = (sending: Promise<void>) =>
  sending.then(
    () => "sent",
    (error: unknown) => judgeFailure(error).outcome,
  );

it("speaks TLS from the beginning, and with STARTTLS, to a server whose authority it was given", async () => {
  for (const tls of ["smtps", "starttls"] as const) {
    const { server, smtp } = await connect({ tls }, { ca: certificate.ca, requireTls: true });
    await smtp.send(mail);
    expect(server.mails).toHaveLength(1);
  }
});

it("sends nothing to a server that it cannot trust, and calls that a fault of the configuration", async () => {
  for (const tls of ["smtps", "starttls"] as const) {
    const { server, smtp } = await connect({ tls });
    expect(await outcomeOf(smtp.send(mail))).toBe("fault");
    expect(server.mails).toHaveLength(0);
  }
});

it("says nothing to a server without STARTTLS where that is required", async () => {
  const { server, smtp } = await connect({ tls: "none" }, { requireTls: true });
  expect(await outcomeOf(smtp.send(mail))).toBe("fault");
  expect(server.mails).toHaveLength(0);
  const easy = await connect({ tls: "none" });
  await easy.smtp.send(mail);
  expect(easy.server.mails).toHaveLength(1);
});

it("signs in with the name and password of the address, and calls a wrong one a fault of the configuration", async () => {
  const password = "p/ss w@rd";
  const urlWith = (text: string) => (server: TestSmtp) =>
    server.url.replace("//", `//sotto:${encodeURIComponent(text)}@`);
  const setup = { tls: "starttls", password } as const;
  const options = { ca: certificate.ca, requireTls: true };
  const { server, smtp } = await connect(setup, { ...options, url: urlWith(password) });
  await smtp.send(mail);
  expect(server.mails).toHaveLength(1);
  for (const url of [urlWith("wrong"), (other: TestSmtp) => other.url]) {
    const stranger = await connect(setup, { ...options, url });
    expect(await outcomeOf(stranger.smtp.send(mail))).toBe("fault");
    expect(stranger.server.mails).toHaveLength(0);
  }
});

it("keeps its connections, and makes no more than as many as it may", async () => {
  const { server, smtp } = await connect({});
  for (let round = 0; round < 3; round++)
    await Promise.all(Array.from({ length: CONNECTIONS * 2 }, () => smtp.send(mail)));
  expect(server.mails).toHaveLength(CONNECTIONS * 6);
  expect(server.connections).toBe(CONNECTIONS);
});

it("sends over a new connection when the server has gone and come back", async () => {
  const { server, smtp } = await connect({});
  await smtp.send(mail);
  await server.stop();
  expect(await outcomeOf(smtp.send(mail))).toBe("retry");
  const again = await startSmtp({ port: server.port });
  cleanups.push(again.stop);
  await smtp.send(mail);
  expect(again.mails).toHaveLength(1);
});

it("tells readers the language, how to unsubscribe at one press, and that no answer is wanted", async () => {
  const { server, smtp } = await connect({});
  await smtp.send(mail);
  const { unsubscribe: _none, ...plain } = mail;
  await smtp.send(plain);
  const [first = "", second = ""] = server.raws;
  expect(first).toContain("Content-Language: de\r\n");
  expect(first).toContain("Auto-Submitted: auto-generated\r\n");
  expect(first.replaceAll(/\r\n\s+/g, " ")).toContain(`List-Unsubscribe: <${mail.unsubscribe}>\r\n`);
  expect(first).toContain("List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n");
  expect(second).not.toMatch(/unsubscribe/i);
});

/** Relaxed canonical form of a header (RFC 6376 section 3.4.2). */
const relaxedHeader = (field: string): string => {
  const [, name = "", value = ""] = /^([^:]+):([\s\S]*)$/.exec(field) ?? [];
  return `${name.toLowerCase().trim()}:${value
    .replaceAll(/\r\n/g, "")
    .replaceAll(/[ \t]+/g, " ")
    .trim()}`;
};

/** Relaxed canonical form of a body (RFC 6376 section 3.4.4). */
const relaxedBody = (body: string): string => {
  const lines = body.split("\r\n").map((line) => line.replaceAll(/[ \t]+/g, " ").replace(/ $/, ""));
  while (lines.at(-1) === "") lines.pop();
  return lines.map((line) => `${line}\r\n`).join("");
};

/** What the signature of a mail covers; undefined when the signature is not that of the key (RFC 6376 section 6.1). */
function verifyDkim(raw: string, publicKey: string): Record<string, string> | undefined {
  const [, head = "", body = ""] = /^([\s\S]*?)\r\n\r\n([\s\S]*)$/.exec(raw) ?? [];
  const fields = head.split(/\r\n(?![ \t])/);
  const own = fields.find((field) => /^dkim-signature:/i.test(field)) ?? "";
  const tags = Object.fromEntries(
    own
      .replace(/^[^:]*:/, "")
      .split(";")
      .map((tag) => tag.replaceAll(/\s/g, "").split(/=(.*)/s).slice(0, 2)),
  ) as Record<string, string>;
  if (createHash("sha256").update(relaxedBody(body), "latin1").digest("base64") !== tags.bh) return undefined;
  const covered = (tags.h ?? "").split(":").map((name) => {
    const field = fields.findLast((one) => one.toLowerCase().startsWith(`${name.toLowerCase()}:`));
    return field === undefined ? "" : `${relaxedHeader(field)}\r\n`;
  });
  const unsigned = relaxedHeader(own.replace(/([;\s]b=)[\s\S]*$/, "$1"));
  const verifier = createVerify("RSA-SHA256").update(covered.join("") + unsigned, "latin1");
  return verifier.verify(publicKey, tags.b ?? "", "base64") ? tags : undefined;
}

it("signs each mail so that a receiver can tell, its buttons included, and no changed mail passes", async () => {
  const { privateKey, publicKey } = generateKeyPairSync("rsa", {
    modulusLength: 2048,
    publicKeyEncoding: { type: "spki", format: "pem" },
    privateKeyEncoding: { type: "pkcs8", format: "pem" },
  });
  const dkim = { domain: "example.org", selector: "sotto-1", privateKey };
  const { server, smtp } = await connect({}, { dkim });
  await smtp.send(mail);
  const [raw = ""] = server.raws;
  const tags = verifyDkim(raw, publicKey);
  expect(tags).toMatchObject({ v: "1", a: "rsa-sha256", d: "example.org", s: "sotto-1" });
  expect(tags?.h?.split(":")).toEqual(
    expect.arrayContaining([
      ...["from", "to", "subject", "date", "message-id", "content-type", "content-language"],
      ...["list-unsubscribe", "list-unsubscribe-post"],
    ]),
  );
  for (const [from, to] of [
    ["To: alice@", "To: mallory@"],
    ["token=a", "token=b"],
    ["Guten Tag", "Guten Rat"],
  ] as const) {
    expect(raw).toContain(from);
    expect(verifyDkim(raw.replace(from, to), publicKey)).toBeUndefined();
  }
});
