import { spawn } from "node:child_process";
import { randomBytes, randomUUID } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { type SignedIn, signedIn } from "@sotto/contracts/user-api";
import { type Stack, startStack } from "@sotto/testkit/stack";
import { Client } from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Secrets } from "../scripts/launcher/secrets.ts";
import { openSessionSocket } from "./session-socket.ts";

const ROOT = path.resolve(import.meta.dirname, "..");
const PASSWORD = "correct horse battery staple";

let stack: Stack;
let chatDatabase: Client;
let configFolder: string;
beforeAll(async () => {
  stack = await startStack();
  configFolder = mkdtempSync(path.join(os.tmpdir(), "sotto-admin-"));
  const secrets: Secrets = JSON.parse(readFileSync(path.join(stack.dataDir, "secrets.json"), "utf8"));
  chatDatabase = new Client({
    host: "127.0.0.1",
    port: stack.runFile().parts.find(({ name }) => name === "postgresql")?.port ?? 0,
    ...{ user: "sotto_chat", password: secrets.databasePasswords.chat, database: "sotto" },
  });
  await chatDatabase.connect();
});
afterAll(async () => {
  await chatDatabase.end();
  rmSync(configFolder, { recursive: true });
  await stack.stop();
  stack.remove();
});

type Answer = { status: number; body: { code?: string } & Record<string, unknown> };

async function ask(method: string, route: string, { token, body }: { token?: string; body?: object } = {}) {
  const response = await fetch(`${stack.url}/api/user${route}`, {
    method,
    headers: { "Content-Type": "application/json", ...(token && { Authorization: `Bearer ${token}` }) },
    ...(body && { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  return { status: response.status, body: text === "" ? {} : JSON.parse(text) } as Answer;
}

const accessTokenOf = ({ session }: SignedIn) => session.accessToken ?? "";

async function register(username: string): Promise<SignedIn> {
  const body = { username, email: `${username}@example.org`, password: PASSWORD };
  const answer = await ask("POST", "/register", { body });
  expect(answer.status, JSON.stringify(answer.body)).toBe(201);
  return signedIn.parse(answer.body);
}

const signIn = (username: string) => ask("POST", "/sign-in", { body: { username, password: PASSWORD } });

/** A device, as a row, that acts for the session; its socket at each of the two nodes in turn. */
async function connectDevice({ account: { accountId }, session }: SignedIn) {
  const deviceId = randomUUID();
  await chatDatabase.query(
    `insert into chat.account (account_id, account_key, list_version, list_hash, created_at)
     values ($1, $2, 1, $2, now()) on conflict do nothing`,
    [accountId, randomBytes(32)],
  );
  await chatDatabase.query(
    `insert into chat.device (account_id, device_id, registration_id, identity_key, session_id, request_hash, created_at, last_seen_at)
     values ($1, $2, 1, $3, $4, $5, now(), now())`,
    [accountId, deviceId, randomBytes(33), session.sessionId, randomBytes(32)],
  );
  return openSessionSocket(stack.url, { deviceId, token: session.accessToken ?? "" });
}

async function expectClosed(socket: Awaited<ReturnType<typeof connectDevice>>): Promise<void> {
  await expect.poll(() => socket.isOpen(), { timeout: 5000 }).toBe(false);
  expect(socket.reasons).toEqual(["session_revoked"]);
}

/** `npm run admin`, with lines for its questions. */
function admin(
  args: readonly string[],
  input = "",
): Promise<{ code: number | null; out: string; err: string }> {
  const child = spawn(process.execPath, [path.join(ROOT, "scripts/admin.ts"), ...args], {
    cwd: ROOT,
    env: {
      PATH: process.env.PATH,
      NODE_COMPILE_CACHE: process.env.NODE_COMPILE_CACHE,
      SOTTO_DATA_DIR: stack.dataDir,
      XDG_CONFIG_HOME: configFolder,
    },
    stdio: ["pipe", "pipe", "pipe"],
  });
  child.stdin.end(input);
  let out = "";
  let err = "";
  child.stdout.on("data", (chunk: Buffer) => {
    out += chunk.toString();
  });
  child.stderr.on("data", (chunk: Buffer) => {
    err += chunk.toString();
  });
  return new Promise((resolve) => child.once("close", (code) => resolve({ code, out, err })));
}

const operate = (args: readonly string[], input = "") => admin([...args, "--url", stack.url], input);

test("a session ended from the list closes its socket within 5 s, on whichever node, and no other", async () => {
  const first = await register("alice");
  const others = [1, 2].map(async () => signedIn.parse((await signIn("alice")).body));
  const [second, third] = (await Promise.all(others)) as [SignedIn, SignedIn];
  const kept = await connectDevice(first);
  for (const ended of [second, third]) {
    const socket = await connectDevice(ended);
    const token = accessTokenOf(first);
    expect((await ask("DELETE", `/sessions/${ended.session.sessionId}`, { token })).status).toBe(204);
    await expectClosed(socket);
    expect((await ask("GET", "/me", { token: accessTokenOf(ended) })).body.code).toBe("session_revoked");
  }
  expect(kept.isOpen()).toBe(true);
  kept.close();
});

test("an operator is made by the database, suspends, and restores, by the command line alone", async () => {
  await register("olga");
  const bob = await register("bob");
  const socket = await connectDevice(bob);
  // Nobody yet: the admin API is not there.
  const stranger = await operate(["list", "--as", "olga"], `${PASSWORD}\n`);
  expect(stranger).toMatchObject({ code: 1, out: "" });
  expect(stranger.err).toContain("There is nothing at this address.");

  expect(await admin(["grant", "olga", "administrator"])).toEqual({
    ...{ code: 0, out: "olga is now administrator.\n", err: "" },
  });
  const again = await admin(["grant", "olga", "auditor"]);
  expect(again).toMatchObject({ code: 1, err: expect.stringContaining("The last administrator") });

  // The token of the sign-in above is good for ten minutes: no password is asked for.
  const listed = await operate(["list", "--json"]);
  expect(listed.code, listed.err).toBe(0);
  const { accounts } = JSON.parse(listed.out) as { accounts: { username: string }[] };
  expect(accounts.map(({ username }) => username)).toEqual(["alice", "bob", "olga"]);
  expect(statSync(path.join(configFolder, "sotto/admin-token.json")).mode & 0o777).toBe(0o600);
  expect(readFileSync(path.join(configFolder, "sotto/admin-token.json"), "utf8")).not.toContain(PASSWORD);

  const suspended = await operate(["suspend", "bob", "--reason", "Spam, and worse"]);
  expect(suspended.code, suspended.err).toBe(0);
  expect(suspended.out).toMatch(/^state +suspended since /m);
  await expectClosed(socket);
  expect((await ask("GET", "/me", { token: accessTokenOf(bob) })).status).toBe(401);
  expect(await signIn("bob")).toMatchObject({ status: 403, body: { code: "account_suspended" } });

  const restored = await operate(["restore", "bob", "--json"]);
  expect(JSON.parse(restored.out)).toMatchObject({ username: "bob", state: "active" });
  expect((await signIn("bob")).status).toBe(200);
  const log = await operate(["audit", "bob"]);
  expect(log.out).toMatch(/ operator-restored .* operator-suspended .*reason=Spam, and worse/s);
});

test("keys are rotated from the command line, and no client notices", async () => {
  const carol = await register("carol");
  const socket = await connectDevice(carol);
  const rotated = await operate(["rotate-keys", "--revoke", "--json"]);
  expect(rotated.code, rotated.err).toBe(0);
  const { kid } = JSON.parse(rotated.out) as { kid: string };
  const keys = await ask("GET", "/.well-known/jwks.json");
  expect(keys.body.keys).toEqual([expect.objectContaining({ kid })]);
  const stale = await ask("GET", "/me", { token: accessTokenOf(carol) });
  expect(stale.body.code).toBe("unauthenticated");
  const { refreshToken } = carol.session;
  const refreshed = await ask("POST", "/refresh", { body: { refreshToken } });
  const token = (refreshed.body.session as { accessToken: string }).accessToken;
  expect((await ask("GET", "/me", { token })).status).toBe(200);
  // The chat nodes were never told of the key: they ask for it.
  const chat = () =>
    fetch(`${stack.url}/api/chat/devices`, { headers: { Authorization: `Bearer ${token}` } });
  await expect.poll(async () => (await chat()).status, { timeout: 10_000 }).toBe(200);
  expect(socket.isOpen()).toBe(true);
  socket.close();
  // The operator's own token was among those that are worth nothing now: the password is asked for.
  const listed = await operate(["list"], `${PASSWORD}\n`);
  expect(listed.code, listed.err).toBe(0);
  expect(listed.err).toContain("Password of olga: ");
});

test("what cannot be done says why, and the exit code tells it from a wrong command line", async () => {
  const nobody = await operate(["show", "nobody_here"]);
  expect(nobody).toMatchObject({ code: 1, out: "", err: "There is no account named nobody_here.\n" });
  const own = await operate(["suspend", "olga", "--reason", "x"]);
  expect(own).toMatchObject({ code: 1, err: expect.stringContaining("Nobody acts on the own account") });
  expect(await operate(["suspend", "bob"])).toMatchObject({ code: 2, err: "--reason is missing.\n" });
  expect((await operate(["sign-out"])).out).toBe("Signed out.\n");
  const wrong = await operate(["list", "--as", "olga"], "not the password\n");
  expect(wrong).toMatchObject({ code: 1, err: expect.stringContaining("password is wrong") });
});
