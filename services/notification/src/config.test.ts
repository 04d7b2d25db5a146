import { generateKeyPairSync } from "node:crypto";
import { issueCertificate } from "@sotto/testkit/certificates";
import { expect, it } from "vitest";
import { parseNotificationConfig, smtpOptions } from "./config.ts";
import { newVapidKey } from "./push/vapid-key-fixture.ts";
import { newSealKeys } from "./seal-key-fixture.ts";

const { sealKey, publicKey } = newSealKeys();
const { ca: certificate, key: certificateKey } = await issueCertificate({
  names: ["localhost"],
  addresses: [],
});

const good = {
  PORT: "8083",
  DATABASE_URL: "postgres://sotto_notification@127.0.0.1/sotto",
  SMTP_URL: "smtp://127.0.0.1:25",
  MAIL_FROM: "Sotto <no-reply@example.org>",
  PUBLIC_URL: "https://chat.example.org",
  JWKS_URL: "http://127.0.0.1:8081/.well-known/jwks.json",
  SEAL_KEY: JSON.stringify(sealKey),
  VAPID_PRIVATE_KEY: newVapidKey(),
};

it("takes an address with or without a name", () => {
  expect(parseNotificationConfig(good).MAIL_FROM).toBe("Sotto <no-reply@example.org>");
  expect(parseNotificationConfig({ ...good, MAIL_FROM: "a@b.org" }).MAIL_FROM).toBe("a@b.org");
});

it("names every bad setting at once", () => {
  const bad = { ...good, SMTP_URL: "http://mail", MAIL_FROM: "nobody" };
  expect(() => parseNotificationConfig(bad)).toThrow(/SMTP_URL[\s\S]*MAIL_FROM/);
  expect(() => parseNotificationConfig({ ...good, MAIL_FROM: "a@b.org\r\nBcc: c@d.org" })).toThrow(
    "MAIL_FROM",
  );
});

it("takes no other key than a private X25519 JWK to open links, and never shows it", () => {
  expect(parseNotificationConfig(good).SEAL_KEY).toEqual(sealKey);
  for (const key of ["{", JSON.stringify(publicKey), JSON.stringify({ ...sealKey, crv: "Ed25519" })]) {
    let message = "";
    try {
      parseNotificationConfig({ ...good, SEAL_KEY: key });
    } catch (error) {
      message = String(error);
    }
    expect(message).toContain("SEAL_KEY is not valid");
    expect(message).not.toContain(sealKey.d);
  }
});

it("takes no other key to sign pushes with than a private one of P-256, and never shows it", () => {
  const tooLarge = Buffer.alloc(32, 0xff).toString("base64url");
  for (const key of ["", "x", Buffer.alloc(32).toString("base64url"), tooLarge]) {
    const parse = () => parseNotificationConfig({ ...good, VAPID_PRIVATE_KEY: key });
    expect(parse, key).toThrow("VAPID_PRIVATE_KEY");
    if (key.length > 1) expect(parse).not.toThrow(key);
  }
});

it("takes hosts of push services with and without a port, and no certificate that is none", () => {
  const hostsOf = (PUSH_PRIVATE_HOSTS: string) =>
    parseNotificationConfig({ ...good, PUSH_PRIVATE_HOSTS }).PUSH_PRIVATE_HOSTS;
  expect([...hostsOf("NTFY.lan, 10.0.0.5:8443,[::1]:444,push.lan:443")]).toEqual([
    "ntfy.lan",
    "10.0.0.5:8443",
    "[::1]:444",
    "push.lan",
  ]);
  for (const bad of ["https://ntfy.lan", "ntfy.lan/topic", "a b", "user@ntfy.lan", "ntfy.lan:99999"])
    expect(() => hostsOf(bad), bad).toThrow("PUSH_PRIVATE_HOSTS");
  for (const PUSH_CA of ["x", "-----BEGIN CERTIFICATE-----\nx\n-----END CERTIFICATE-----"])
    expect(() => parseNotificationConfig({ ...good, PUSH_CA }), PUSH_CA).toThrow("PUSH_CA");
});

const rsaKey = (modulusLength: number): string =>
  generateKeyPairSync("rsa", { modulusLength })
    .privateKey.export({ type: "pkcs8", format: "pem" })
    .toString();
const dkim = {
  DKIM_DOMAIN: "example.org",
  DKIM_SELECTOR: "sotto-1",
  DKIM_PRIVATE_KEY: rsaKey(1024),
};

/** The message of the error that `changed` causes. */
function faultOf(changed: Record<string, string | undefined>): string {
  try {
    parseNotificationConfig({ ...good, ...changed });
  } catch (error) {
    return String(error);
  }
  throw new Error("nothing is wrong");
}

it("signs with all three settings of DKIM, or not at all", () => {
  expect(smtpOptions(parseNotificationConfig(good)).dkim).toBeUndefined();
  expect(smtpOptions(parseNotificationConfig({ ...good, ...dkim })).dkim).toEqual({
    domain: "example.org",
    selector: "sotto-1",
    privateKey: dkim.DKIM_PRIVATE_KEY,
  });
  for (const name of Object.keys(dkim)) expect(faultOf({ ...dkim, [name]: undefined })).toContain(name);
  expect(faultOf({ DKIM_DOMAIN: "example.org" })).toMatch(/DKIM_SELECTOR[\s\S]*DKIM_PRIVATE_KEY/);
});

it("signs for the domain that mail comes from, or one above it, by an RSA key, and never shows the key", () => {
  const above = { ...good, ...dkim, MAIL_FROM: "a@chat.Example.org" };
  expect(parseNotificationConfig(above).DKIM_DOMAIN).toBe("example.org");
  for (const DKIM_DOMAIN of ["other.org", "xample.org", "chat.example.org"])
    expect(faultOf({ ...dkim, DKIM_DOMAIN })).toContain("DKIM_DOMAIN");
  for (const DKIM_PRIVATE_KEY of [rsaKey(512), certificateKey, "x", certificate]) {
    const fault = faultOf({ ...dkim, DKIM_PRIVATE_KEY });
    expect(fault).toContain("DKIM_PRIVATE_KEY is not valid");
    expect(fault).not.toContain(DKIM_PRIVATE_KEY.split("\n")[1] ?? DKIM_PRIVATE_KEY.repeat(9));
  }
});

it("sends a password nowhere but over TLS, unless that is said to be wanted", () => {
  const tlsOf = (changed: Record<string, string>) =>
    smtpOptions(parseNotificationConfig({ ...good, ...changed })).requireTls;
  expect(tlsOf({})).toBe(false);
  expect(tlsOf({ SMTP_STARTTLS: "required" })).toBe(true);
  const SMTP_URL = "smtp://sotto:secret@mail.example.org:587";
  expect(tlsOf({ SMTP_URL })).toBe(true);
  expect(tlsOf({ SMTP_URL, SMTP_STARTTLS: "optional" })).toBe(false);
});

it("takes certificates in PEM, and nothing else, for those of the mail server", () => {
  expect(smtpOptions(parseNotificationConfig({ ...good, SMTP_CA: certificate })).ca).toBe(certificate);
  for (const SMTP_CA of ["x", certificateKey]) expect(faultOf({ SMTP_CA })).toContain("SMTP_CA");
});

it("writes in no language by default that it has no texts in", () => {
  expect(parseNotificationConfig(good).DEFAULT_LANGUAGE).toBe("en");
  expect(parseNotificationConfig({ ...good, DEFAULT_LANGUAGE: "de" }).DEFAULT_LANGUAGE).toBe("de");
  expect(faultOf({ DEFAULT_LANGUAGE: "fr" })).toContain("DEFAULT_LANGUAGE");
});
