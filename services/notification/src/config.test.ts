import { expect, it } from "vitest";
import { parseNotificationConfig } from "./config.ts";
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
