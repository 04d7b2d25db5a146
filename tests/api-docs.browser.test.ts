// The API reference as a browser shows it: of every service, with nothing from another host and nothing refused.
import { type Stack, startStack } from "@sotto/testkit/stack";
import { type Browser, chromium } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";

let stack: Stack;
let browser: Browser;
beforeAll(async () => {
  stack = await startStack();
  browser = await chromium.launch({
    executablePath: process.env.SOTTO_CHROMIUM || "/usr/bin/chromium",
    // As root in a container, where the sandbox and a small /dev/shm would keep it from starting.
    args: ["--no-sandbox", "--disable-dev-shm-usage", "--disable-background-networking", "--no-first-run"],
  });
});
afterAll(async () => {
  await browser?.close();
  await stack?.stop();
  stack?.remove();
});

/** A page that keeps what goes wrong in it: messages of errors, refusals by policy, requests to elsewhere. */
async function openDocs(width: number) {
  const page = await browser.newPage({ viewport: { width, height: 900 } });
  const wrong: string[] = [];
  page.on("console", (message) => {
    if (message.type() === "error") wrong.push(message.text());
  });
  page.on("pageerror", (error) => wrong.push(error.message));
  page.on("request", (request) => {
    const url = request.url();
    if (!url.startsWith(stack.url) && !url.startsWith("data:")) wrong.push(`asked for ${url}`);
  });
  page.on("response", (response) => {
    if (response.status() >= 400) wrong.push(`${response.status()} of ${response.url()}`);
  });
  await page.goto(`${stack.url}/api/docs`);
  return { page, wrong };
}

type Description = { info: { title: string }; paths?: Record<string, Record<string, unknown>> };

test.each([1280, 390])(
  "at a width of %i it shows every operation of every service, and opens one",
  async (width) => {
    const { page, wrong } = await openDocs(width);
    for (const [service, name] of [
      ["Accounts", "user"],
      ["Chat", "chat"],
      ["Notifications", "notifications"],
    ] as const) {
      const answer = await fetch(`${stack.url}/api/${name}/openapi.json`);
      const description = (await answer.json()) as Description;
      const operations = Object.values(description.paths ?? {}).flatMap((methods) => Object.keys(methods));
      await page.getByRole("navigation", { name: "Services" }).getByRole("link", { name: service }).click();
      await page.locator(".info .title", { hasText: description.info.title }).waitFor();
      await expect.poll(() => page.locator(".opblock").count()).toBe(operations.length);
      expect(await page.locator('nav a[aria-current="page"]').textContent()).toBe(service);
      const first = page.locator(".opblock-summary-control").first();
      if (operations.length > 0) {
        await first.click();
        await page.locator(".opblock.is-open .responses-table").waitFor();
      }
      expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(width);
    }
    expect(wrong).toEqual([]);
    await page.close();
  },
);

test("it is dark where a person wants that", async () => {
  const { page } = await openDocs(1280);
  await page.emulateMedia({ colorScheme: "dark" });
  await page.locator("html.dark-mode").waitFor();
  await page.emulateMedia({ colorScheme: "light" });
  await page.locator("html:not(.dark-mode)").waitFor();
  await page.close();
});

test("its policy runs nothing else, and its files may be kept for ever", async () => {
  const page = await fetch(`${stack.url}/api/docs`);
  const policy = page.headers.get("Content-Security-Policy") ?? "";
  expect(policy).toMatch(/^default-src 'none'; script-src 'self' 'sha256-/);
  expect(policy).not.toMatch(/unsafe|\*/);
  const [, script = ""] = /<script src="([^"]+)"/.exec(await page.text()) ?? [];
  const asset = await fetch(stack.url + script);
  expect(asset.status).toBe(200);
  expect(asset.headers.get("Cache-Control")).toBe("public, max-age=31536000, immutable");
  expect((await fetch(`${stack.url}/api/docs/5.0.0/swagger-ui.css`)).status).toBe(404);
  expect((await fetch(`${stack.url}/api/docs/5.35.0/package.json`)).status).toBe(404);
});
