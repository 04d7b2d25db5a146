import { expect, it } from "vitest";
import { parseNotificationConfig } from "./config.ts";
import { newVapidKey } from "./push/vapid-key-fixture.ts";
import { newSealKeys } from "./seal-key-fixture.ts";

const { sealKey, publicKey } = newSealKeys();

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
