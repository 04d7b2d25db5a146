// Who is told that messages wait, by a whole installation: somebody who is away once by push and once by mail, and nobody
// who is there or has read.
import { readFileSync } from "node:fs";
import path from "node:path";
import { type Client, createClient, memoryStore } from "@sotto/client";
import { type Stack, startStack } from "@sotto/testkit/stack";
import pg from "pg";
import { afterAll, beforeAll, expect, it } from "vitest";
import { ROLES } from "../db/roles.ts";

const PATIENT = { timeout: 40_000, interval: 200 };
const password = "correct horse battery staple";

let stack: Stack;
let database: pg.Client;
const clients: Client[] = [];

beforeAll(async () => {
  // A digest comes late enough that whoever reads meanwhile is noticed in time.
  stack = await startStack({ env: { WAITING_GRACE_SECONDS: "1", DIGEST_AFTER_MINUTES: "0.15" } });
  const secrets = JSON.parse(readFileSync(path.join(stack.dataDir, "secrets.json"), "utf8"));
  const port = stack.runFile().parts.find(({ name }) => name === "postgresql")?.port ?? 0;
  database = new pg.Client({
    ...{ host: "127.0.0.1", port, database: "sotto" },
    ...{ user: ROLES.notification, password: secrets.databasePasswords.notification },
  });
  await database.connect();
});
afterAll(async () => {
  await Promise.all(clients.map((client) => client.close()));
  await database?.end();
  await stack?.stop();
  stack?.remove();
});

type Mail = { to: string[]; subject: string; text: string };

async function mailsTo(address: string): Promise<Mail[]> {
  const { messages } = await (await fetch(new URL("/mail/api/messages", stack.url))).json();
  return (messages as Mail[]).filter(({ to }) => to.includes(address));
}

const digestsTo = async (address: string) =>
  (await mailsTo(address)).filter(({ subject }) => /messages? waits?/.test(subject));

/** Somebody with a proved address, whose device could be woken by push. */
async function person(username: string) {
  const email = `${username}@example.org`;
  const client = await createClient({ url: stack.url, store: memoryStore() });
  clients.push(client);
  await client.register({ username, email, password });
  await expect.poll(() => client.status, PATIENT).toBe("live");
  let token: string | undefined;
  const findToken = async () => {
    for (const { text } of await mailsTo(email)) token ??= /verify-email#token=([\w-]+)/.exec(text)?.[1];
    return token;
  };
  await expect.poll(findToken, PATIENT).toBeDefined();
  await client.account.email.verify(token ?? "");
  const { accountId = "", deviceId = "" } = (await client.account()) ?? {};
  await database.query(
    `insert into notify.push_subscription
       (account_id, device_id, session_id, endpoint, host, p256dh, auth, server_key, created_at)
     values ($1, $2, gen_random_uuid(), 'https://push.invalid/x', 'push.invalid',
       decode(repeat('04', 65), 'hex'), decode(repeat('00', 16), 'hex'), decode(repeat('04', 65), 'hex'), now())`,
    [accountId, deviceId],
  );
  return { client, username, email, accountId };
}

const count = async (table: "push" | "waiting", { accountId }: { accountId: string }) =>
  (await database.query(`select from notify.${table} where account_id = $1`, [accountId])).rowCount;

async function readByRequest(username: string, conversationId: string, messageId: string): Promise<number> {
  const call = (route: string, body: object, token?: string) =>
    fetch(new URL(route, stack.url), {
      method: "POST",
      headers: { "Content-Type": "application/json", ...(token && { Authorization: `Bearer ${token}` }) },
      body: JSON.stringify(body),
    });
  const signedIn = await (await call("/api/user/sign-in", { username, password, tokens: "bearer" })).json();
  const route = `/api/chat/conversations/${conversationId}/read`;
  return (await call(route, { messageId }, signedIn.session.accessToken)).status;
}

it("somebody who is away gets one push and later one digest; who is there gets none; who reads takes back what is pending", {
  timeout: 120_000,
}, async () => {
  const [sender, away, there, reader] = [
    await person("sender"),
    await person("away"),
    await person("there"),
    await person("reader"),
  ];
  await Promise.all([away.client.close(), reader.client.close()]);
  const chats = await Promise.all(
    [reader, there, away].map(({ username }) => sender.client.conversations.direct(username)),
  );
  const [toReader] = await Promise.all(
    chats.map(async (chat) => {
      const { messageId, accepted } = await chat.send({ text: "hello" });
      await accepted;
      return { messageId, conversationId: chat.conversationId };
    }),
  );
  await expect.poll(() => count("waiting", reader), PATIENT).toBe(1);
  expect(await readByRequest("reader", toReader?.conversationId ?? "", toReader?.messageId ?? "")).toBe(200);
  await expect.poll(() => count("waiting", reader), PATIENT).toBe(0);
  await expect.poll(async () => (await digestsTo(away.email)).length, PATIENT).toBe(1);
  expect(await count("push", away)).toBe(1);
  expect([await count("push", there), await digestsTo(there.email)]).toEqual([0, []]);
  expect(await digestsTo(reader.email)).toEqual([]);
});
