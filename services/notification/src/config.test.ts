import { expect, it } from "vitest";
import { parseNotificationConfig } from "./config.ts";

const good = {
  PORT: "8083",
  DATABASE_URL: "postgres://sotto_notification@127.0.0.1/sotto",
  SMTP_URL: "smtp://127.0.0.1:25",
  MAIL_FROM: "Sotto <no-reply@example.org>",
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
