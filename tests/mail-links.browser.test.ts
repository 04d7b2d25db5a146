// The pages behind the links in mails, in a real browser under their own policy, against a real installation.
import { readFileSync } from "node:fs";
import path from "node:path";
import type { SignedIn } from "@sotto/contracts/user-api";
import { type Stack, startStack } from "@sotto/testkit/stack";
import { type Browser, chromium, type Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import {
  unsubscribeKeyOf,
  unsubscribeToken,
} from "../services/notification/src/unsubscribe/unsubscribe-token.ts";

const FLAGS = [
  // Tests run as root in containers, where Chromium's sandbox and a small /dev/shm would keep it from starting.
  "--no-sandbox",
  "--disable-dev-shm-usage",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--no-first-run",
];
const PATIENCE = { timeout: 30_000, interval: 200 };
const person = { username: "alice", email: "alice@example.org", password: "a long enough password" };
const NEW_PASSWORD = "seventeen herons over the weir";

let stack: Stack;
let browser: Browser;
let page: Page;
const faults: string[] = [];
beforeAll(async () => {
  stack = await startStack();
  browser = await chromium.launch({
    executablePath: process.env.SOTTO_CHROMIUM || "/usr/bin/chromium",
    args: FLAGS,
  });
  page = await browser.newPage({ viewport: { width: 360, height: 640 } });
  page.on("pageerror", (error) => faults.push(String(error)));
  page.on("console", (message) => {
    if (/Content Security Policy/.test(message.text())) faults.push(message.text());
  });
});
afterAll(async () => {
  await browser?.close();
  await stack?.stop();
  stack?.remove();
});

const post = (path: string, body: object) =>
  fetch(`${stack.url}/api/user${path}`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
  });

/** The last link to a page that was mailed; the built-in mail server shows every mail. */
async function mailedLink(path: string): Promise<string> {
  const pattern = new RegExp(`${stack.url}/${path}#token=[\\w-]{43}`, "g");
  const found = async () =>
    (await (await fetch(`${stack.url}/mail/api/messages`)).text()).match(pattern)?.at(-1);
  await expect.poll(found, PATIENCE).toBeDefined();
  return (await found()) ?? "";
}

/** What a digest of the account holds, by the key of this installation. */
function unsubscribeTokenOf(accountId: string): string {
  const { notificationKey } = JSON.parse(readFileSync(path.join(stack.dataDir, "secrets.json"), "utf8"));
  return unsubscribeToken(unsubscribeKeyOf(notificationKey), accountId);
}

const result = () => page.locator("#result").textContent();

test("the link of a mail leads to a page that confirms the address at a click, and not before", async () => {
  const { session } = (await (await post("/register", person)).json()) as SignedIn;
  const me = async () => {
    const headers = { Authorization: `Bearer ${session.accessToken}` };
    return (await fetch(`${stack.url}/api/user/me`, { headers })).json();
  };
  const link = await mailedLink("verify-email");
  const asked: string[] = [];
  page.on("request", (request) => asked.push(request.url()));
  await page.goto(link);
  // A program that looks into mails, and opens links, uses none up.
  expect(await me()).toMatchObject({ emailVerified: false });
  expect(page.url()).toBe(`${stack.url}/verify-email`);
  await page.getByRole("button", { name: "Confirm this address" }).click();
  await expect.poll(result, PATIENCE).toContain("Your address is confirmed");
  expect(await me()).toMatchObject({ emailVerified: true });
  expect(asked.join()).not.toContain(link.split("#token=")[1]);

  await page.goto(link);
  await page.getByRole("button").click();
  await expect.poll(result, PATIENCE).toContain("has been used");
  await page.goto(`${stack.url}/verify-email`);
  expect(await result()).toContain("not complete");
  expect(await page.getByRole("button").count()).toBe(0);
  expect(faults).toEqual([]);
});

test("the page of a forgotten password says what is wrong with a weak one, and takes a better one", async () => {
  await post("/password/forgot", { email: person.email });
  await page.goto(await mailedLink("reset-password"));
  const field = page.getByLabel("New password");
  await field.fill("password1234");
  await page.getByRole("button").click();
  await expect.poll(result, PATIENCE).toContain("guessed too easily");
  await page.getByLabel("Show the password").check();
  expect(await field.getAttribute("type")).toBe("text");
  await field.fill(NEW_PASSWORD);
  await page.getByRole("button").click();
  await expect.poll(result, PATIENCE).toContain("Your password is the new one");
  const { status } = await post("/sign-in", { username: person.username, password: NEW_PASSWORD });
  expect(status).toBe(200);
  // Nothing is wider than a phone.
  expect(await page.evaluate("document.documentElement.scrollWidth <= innerWidth")).toBe(true);
  expect(faults).toEqual([]);
});

test("the page of a digest's link stops the digests at a click, says so, and what a link is that does not work", async () => {
  const answer = await post("/sign-in", { username: person.username, password: NEW_PASSWORD });
  const { account } = (await answer.json()) as SignedIn;
  const token = unsubscribeTokenOf(account.accountId);
  const answers: number[] = [];
  page.on("response", (response) => {
    const isPost = response.request().method() === "POST";
    if (isPost && response.url().includes("/api/notifications/unsubscribe")) answers.push(response.status());
  });
  await page.goto(`${stack.url}/api/notifications/unsubscribe?token=${token}`);
  await page.waitForURL(`${stack.url}/unsubscribe`);
  expect(answers).toEqual([]);
  await page.getByRole("button", { name: "Stop these mails" }).click();
  await expect.poll(result, PATIENCE).toContain("no more of these mails");
  await page.goto(`${stack.url}/unsubscribe#token=${"A".repeat(64)}`);
  await page.getByRole("button").click();
  await expect.poll(result, PATIENCE).toContain("does not work any more");
  expect(answers).toEqual([204, 400]);
  expect(await page.evaluate("document.documentElement.scrollWidth <= innerWidth")).toBe(true);
  expect(faults).toEqual([]);
});
