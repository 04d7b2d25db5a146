// From the request to the mail server and back by the link in the mail, through every process of an installation.
import type { SignedIn } from "@sotto/contracts/user-api";
import { startSmtp, type TestSmtp } from "@sotto/testkit/smtp";
import { type Stack, startStack } from "@sotto/testkit/stack";
import { strFromU8, unzipSync } from "fflate";
import { afterAll, beforeAll, expect, test } from "vitest";

const PATIENCE = { timeout: 30_000, interval: 100 };
const person = { username: "alice", email: "alice@example.org", password: "a long enough password" };
const NEW_PASSWORD = "seventeen herons over the weir";

let smtp: TestSmtp;
let stack: Stack;
beforeAll(async () => {
  smtp = await startSmtp();
  stack = await startStack({ env: { SMTP_URL: smtp.url } });
});
afterAll(async () => {
  await stack?.stop();
  stack?.remove();
  await smtp?.stop();
});

async function send(method: string, path: string, { token, body }: { token?: string; body?: object } = {}) {
  return fetch(`${stack.url}/api${path}`, {
    method,
    headers: {
      ...(body && { "Content-Type": "application/json" }),
      ...(token && { Authorization: `Bearer ${token}` }),
    },
    ...(body && { body: JSON.stringify(body) }),
  });
}

async function mailWith(subject: string) {
  const found = () => smtp.mails.find((mail) => mail.subject === subject);
  await expect.poll(found, PATIENCE).toBeDefined();
  const mail = found();
  if (!mail) throw new Error("the mail has gone");
  return mail;
}

/** The token behind the link of a mail, which leads to a page of the installation. */
async function tokenIn(mail: { text?: string | undefined }, page: string): Promise<string> {
  const [, address = "", token = ""] = /(http\S+)#token=([\w-]{43})\s/.exec(mail.text ?? "") ?? [];
  expect(address).toBe(`${stack.url}/${page}`);
  const answer = await fetch(address);
  expect(answer.status).toBe(200);
  expect(answer.headers.get("Content-Security-Policy")).toContain("default-src 'none'");
  expect(await answer.text()).not.toContain(token);
  return token;
}

test("a new address is proved by its mail; a forgotten password is replaced by its mail; the owner hears of it", async () => {
  const registered = await send("POST", "/user/register", { body: person });
  const { session } = (await registered.json()) as SignedIn;
  const token = session.accessToken ?? "";
  const verification = await mailWith("Confirm your e-mail address");
  expect(verification.to).toMatchObject([{ address: person.email }]);
  const proof = await tokenIn(verification, "verify-email");
  expect((await send("POST", "/user/email/verify", { body: { token: proof } })).status).toBe(204);
  expect((await send("POST", "/user/email/verify", { body: { token: proof } })).status).toBe(410);
  expect(await (await send("GET", "/user/me", { token })).json()).toMatchObject({ emailVerified: true });

  const mails = await send("GET", "/notifications/export", { token });
  const files = unzipSync(new Uint8Array(await mails.arrayBuffer()));
  expect(JSON.parse(strFromU8(files["mails.json"] ?? new Uint8Array()))).toMatchObject([
    { kind: expect.stringMatching(/welcome|verify-email/), recipient: person.email },
    { kind: expect.stringMatching(/welcome|verify-email/), recipient: person.email },
  ]);

  expect((await send("POST", "/user/password/forgot", { body: { email: "ALICE@example.org" } })).status).toBe(
    202,
  );
  const reset = await tokenIn(await mailWith("Choose a new password"), "reset-password");
  const choose = (newPassword: string) =>
    send("POST", "/user/password/reset", { body: { token: reset, newPassword } });
  expect((await choose("password1234")).status).toBe(422);
  expect((await choose(NEW_PASSWORD)).status).toBe(204);
  expect((await choose(NEW_PASSWORD)).status).toBe(410);
  expect((await send("GET", "/user/me", { token })).status).toBe(401);
  const refresh = await send("POST", "/user/refresh", { body: { refreshToken: session.refreshToken } });
  expect(refresh.status).toBe(401);
  const signIn = (password: string) =>
    send("POST", "/user/sign-in", { body: { ...person, email: undefined, password } });
  expect((await signIn(person.password)).status).toBe(401);
  expect((await signIn(NEW_PASSWORD)).status).toBe(200);
  const notice = await mailWith("Your password was reset");
  expect(notice.text).toContain("If this was not you");
  // Whom nobody knows gets no mail: by now it would be here.
  expect(new Set(smtp.mails.flatMap(({ to }) => (to ?? []).map(({ address }) => address)))).toEqual(
    new Set([person.email]),
  );
});
