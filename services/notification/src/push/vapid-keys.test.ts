import { expect, it } from "vitest";
import { defaultSubject, vapidSubject } from "./vapid-keys.ts";

it("push services are told of the installation's address, or of its mail address where that one is not public", () => {
  const MAIL_FROM = "Sotto <no-reply@example.org>";
  const subjectAt = (PUBLIC_URL: string, from = MAIL_FROM) => defaultSubject({ PUBLIC_URL, MAIL_FROM: from });
  expect(subjectAt("https://chat.example.org/")).toBe("https://chat.example.org");
  expect(subjectAt("http://localhost:8080")).toBe("mailto:no-reply@example.org");
  expect(subjectAt("http://localhost:8080", "a@b.example")).toBe("mailto:a@b.example");
});

it("nobody can be written to by other means", () => {
  expect(vapidSubject.safeParse("mailto:ops@example.org").success).toBe(true);
  expect(vapidSubject.safeParse("https://example.org/contact").success).toBe(true);
  for (const subject of [
    "http://example.org",
    "ops@example.org",
    "mailto:",
    "mailto:a@b\r\nX: y",
    "javascript:1",
  ])
    expect(vapidSubject.safeParse(subject).success, subject).toBe(false);
});
