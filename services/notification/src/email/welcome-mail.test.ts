import { expect, it } from "vitest";
import { renderWelcomeMail } from "./welcome-mail.ts";

it("greets by name, in text and in HTML", () => {
  const { subject, text, html } = renderWelcomeMail({ username: "alice" });
  expect(subject).toBe("Welcome to Sotto");
  expect(text).toMatch(/^Hello alice,\n/);
  expect(html).toContain("Hello alice,");
});

it("lets no name become markup", () => {
  const { html } = renderWelcomeMail({ username: `<img src=x onerror="a('&')">` });
  expect(html).toContain("Hello &lt;img src=x onerror=&quot;a(&#39;&amp;&#39;)&quot;&gt;,");
  expect(html).not.toContain("<img");
});
