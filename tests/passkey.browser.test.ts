// A real browser makes a passkey and signs in with it, through the gateway, with a virtual authenticator.
import { fileURLToPath } from "node:url";
import { type Stack, startStack } from "@sotto/testkit/stack";
import { type Browser, chromium, type Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";

const LIBRARY = fileURLToPath(
  new URL("../node_modules/@simplewebauthn/browser/dist/bundle/index.umd.min.js", import.meta.url),
);
const FLAGS = [
  // Tests run as root in containers, where Chromium's sandbox and a small /dev/shm would keep it from starting.
  "--no-sandbox",
  "--disable-dev-shm-usage",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--no-first-run",
];
const person = { username: "alice", email: "alice@example.org", password: "a long enough password" };

let stack: Stack;
let browser: Browser;
let page: Page;
beforeAll(async () => {
  stack = await startStack();
  browser = await chromium.launch({
    executablePath: process.env.SOTTO_CHROMIUM || "/usr/bin/chromium",
    args: FLAGS,
  });
  page = await browser.newPage();
  // A page of the installation's own origin, empty but for the library.
  const address = new URL("/passkey-test", stack.url).href;
  await page.route(address, (route) => route.fulfill({ contentType: "text/html", body: "<!doctype html>" }));
  await page.goto(address);
  await page.addScriptTag({ path: LIBRARY });
});
afterAll(async () => {
  await browser?.close();
  await stack?.stop();
  stack?.remove();
});

/** An authenticator built into the device, that has just verified its user. */
async function plugInAuthenticator(): Promise<void> {
  const devTools = await page.context().newCDPSession(page);
  await devTools.send("WebAuthn.enable");
  await devTools.send("WebAuthn.addVirtualAuthenticator", {
    options: {
      protocol: "ctap2",
      transport: "internal",
      hasResidentKey: true,
      hasUserVerification: true,
      isUserVerified: true,
      automaticPresenceSimulation: true,
    },
  });
}

type Answer = { status: number; body: Record<string, unknown> };
type Json = Record<string, unknown>;

/** What the page asks of the service; its cookies travel by themselves. */
function call(method: string, path: string, body?: Json): Promise<Answer> {
  return page.evaluate(
    async ([verb, address, content]) => {
      const response = await fetch(`/api/user${address}`, {
        method: verb as string,
        ...(content !== undefined && {
          headers: { "Content-Type": "application/json" },
          body: JSON.stringify(content),
        }),
      });
      const text = await response.text();
      return { status: response.status, body: text ? JSON.parse(text) : {} };
    },
    [method, path, body] as const,
  );
}

/** `startRegistration` or `startAuthentication` of the library, which calls `navigator.credentials`. */
function ceremony(name: "startRegistration" | "startAuthentication", options: unknown): Promise<Json> {
  return page.evaluate(
    ([ceremonyName, optionsJSON]) => {
      const library = (globalThis as unknown as { SimpleWebAuthnBrowser: Record<string, unknown> })
        .SimpleWebAuthnBrowser;
      const start = library[ceremonyName as string] as (o: { optionsJSON: unknown }) => Promise<Json>;
      return start({ optionsJSON });
    },
    [name, options] as const,
  );
}

test("a browser makes a passkey, signs in with it alone, and uses it beside the password", async () => {
  await plugInAuthenticator();
  expect(await call("POST", "/register", { ...person, tokens: "cookie" })).toMatchObject({ status: 201 });
  const creation = await call("POST", "/passkeys/options");
  const made = await ceremony("startRegistration", creation.body.options);
  const added = await call("POST", "/passkeys", {
    challenge: creation.body.challenge,
    name: "This device",
    response: made,
  });
  expect(added).toMatchObject({ status: 201, body: { name: "This device" } });
  expect(await call("POST", "/sign-out")).toMatchObject({ status: 204 });
  expect(await call("GET", "/me")).toMatchObject({ status: 401 });

  const asked = await call("POST", "/sign-in/passkey/options");
  const response = await ceremony("startAuthentication", asked.body.options);
  const signIn = { challenge: asked.body.challenge, response, tokens: "cookie" };
  expect(await call("POST", "/sign-in/passkey", signIn)).toMatchObject({ status: 200 });
  expect(await call("GET", "/me")).toMatchObject({ status: 200, body: { username: person.username } });
  expect(await call("POST", "/sign-in/passkey", signIn)).toMatchObject({ status: 410 });
  await call("POST", "/sign-out");

  const { username, password } = person;
  const first = await call("POST", "/sign-in", { username, password, tokens: "cookie" });
  expect(first).toMatchObject({ status: 202, body: { methods: ["passkey"] } });
  const passkey = await ceremony("startAuthentication", first.body.passkey);
  const second = { challenge: first.body.challenge, proof: { passkey }, tokens: "cookie" };
  expect(await call("POST", "/sign-in/second-factor", second)).toMatchObject({ status: 200 });

  const again = await call("POST", "/reauthenticate/passkey/options");
  const proof = await ceremony("startAuthentication", again.body.options);
  const proved = await call("POST", "/reauthenticate", { challenge: again.body.challenge, passkey: proof });
  expect(proved).toMatchObject({ status: 200 });
});
