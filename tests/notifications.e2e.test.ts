// Who is told that messages wait, by a whole installation: somebody who is away once by push and once by mail, and nobody
// who is there or has read.
import { randomUUID } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { type Client, createClient, memoryStore } from "@sotto/client";
import { startPushService, type TestPushService } from "@sotto/testkit/push-service";
import { type Stack, startStack } from "@sotto/testkit/stack";
import pg from "pg";
import { afterAll, beforeAll, expect, it } from "vitest";
import { ROLES } from "../db/roles.ts";

const PATIENT = { timeout: 40_000, interval: 200 };
const password = "correct horse battery staple";

let stack: Stack;
let push: TestPushService;
let notify: pg.Client;
let chat: pg.Client;
const clients: Client[] = [];

beforeAll(async () => {
  push = await startPushService();
  const folder = mkdtempSync(path.join(os.tmpdir(), "sotto-push-"));
  const caFile = path.join(folder, "ca.pem");
  writeFileSync(caFile, push.ca);
  stack = await startStack({
    env: {
      WAITING_GRACE_SECONDS: "1",
      // A digest comes late enough that whoever reads meanwhile is noticed in time.
      DIGEST_AFTER_MINUTES: "0.15",
      PUSH_PRIVATE_HOSTS: push.host,
      PUSH_CA_FILE: caFile,
    },
  });
  rmSync(folder, { recursive: true });
  [notify, chat] = [await connect("notification"), await connect("chat")];
});

/** To the database, as one of the services. */
async function connect(role: "notification" | "chat"): Promise<pg.Client> {
  const secrets = JSON.parse(readFileSync(path.join(stack.dataDir, "secrets.json"), "utf8"));
  const port = stack.runFile().parts.find(({ name }) => name === "postgresql")?.port ?? 0;
  const client = new pg.Client({
    ...{ host: "127.0.0.1", port, database: "sotto" },
    ...{ user: ROLES[role], password: secrets.databasePasswords[role] },
  });
  await client.connect();
  return client;
}

afterAll(async () => {
  await Promise.all(clients.map((client) => client.close()));
  await Promise.all([notify?.end(), chat?.end()]);
  await stack?.stop();
  stack?.remove();
  await push?.stop();
});

type Mail = { to: string[]; subject: string; text: string };

async function mailsTo(address: string): Promise<Mail[]> {
  const { messages } = await (await fetch(new URL("/mail/api/messages", stack.url))).json();
  return (messages as Mail[]).filter(({ to }) => to.includes(address));
}

const digestsTo = async (address: string) =>
  (await mailsTo(address)).filter(({ subject }) => /messages? (is|are) waiting/.test(subject));

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
  const subscription = push.subscribe({ serverKey: await client.push.key() });
  await client.push.subscribe(subscription);
  const { accountId = "" } = (await client.account()) ?? {};
  return { client, username, email, accountId, endpoint: subscription.endpoint };
}

type Person = Awaited<ReturnType<typeof person>>;

const pushesTo = ({ endpoint }: { endpoint: string }) =>
  push.received.filter((received) => received.endpoint === endpoint);

/** How many devices of somebody something waits for, as far as the notification service knows. */
const countWaiting = async ({ accountId }: Person) =>
  (await notify.query("select from notify.waiting where account_id = $1", [accountId])).rowCount;

async function call(method: string, route: string, body: object, token?: string): Promise<Response> {
  return fetch(new URL(route, stack.url), {
    method,
    headers: { "Content-Type": "application/json", ...(token && { Authorization: `Bearer ${token}` }) },
    body: JSON.stringify(body),
  });
}

async function signIn(username: string): Promise<string> {
  const answer = await call("POST", "/api/user/sign-in", { username, password, tokens: "bearer" });
  return ((await answer.json()) as { session: { accessToken: string } }).session.accessToken;
}

/** What somebody has been sent, and has not read, waits at a second device, which is never connected and can be woken. */
async function addSleepingDevice({ accountId, username, client }: Person): Promise<{ endpoint: string }> {
  const deviceId = randomUUID();
  await chat.query(
    `insert into chat.device (account_id, device_id, registration_id, identity_key, request_hash, created_at, last_seen_at)
     values ($1, $2, 1, decode(repeat('05', 33), 'hex'), '', now(), now() - interval '1 minute')`,
    [accountId, deviceId],
  );
  await chat.query(
    `insert into chat.envelope (device_id, envelope_id, message_id, envelope)
     select $1, nextval('chat.envelope_id'), m.message_id, 'x' from chat.message m
     join chat.member b on b.conversation_id = m.conversation_id
     where b.account_id = $2 and m.sender_account_id <> $2`,
    [deviceId, accountId],
  );
  const subscription = push.subscribe({ serverKey: await client.push.key() });
  const route = `/api/notifications/push-subscriptions/${deviceId}`;
  const { status } = await call("PUT", route, subscription, await signIn(username));
  expect(status).toBe(204);
  return subscription;
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
  const heard = there.client.messages()[Symbol.asyncIterator]().next();
  const chats = await Promise.all(
    [reader, there, away].map(({ username }) => sender.client.conversations.direct(username)),
  );
  const [toReader] = await Promise.all(
    chats.map(async (conversation) => {
      const { messageId, accepted } = await conversation.send({ text: "hello" });
      await accepted;
      return { messageId, route: `/api/chat/conversations/${conversation.conversationId}/read` };
    }),
  );
  expect((await heard).value?.text).toBe("hello");
  const sleeping = await addSleepingDevice(there);

  await expect.poll(() => countWaiting(reader), PATIENT).toBe(1);
  const { messageId, route = "" } = toReader ?? {};
  expect((await call("POST", route, { messageId }, await signIn("reader"))).status).toBe(200);
  await expect.poll(() => countWaiting(reader), PATIENT).toBe(0);

  await expect.poll(async () => (await digestsTo(away.email)).length, PATIENT).toBe(1);
  expect(pushesTo(away).map(({ payload }) => JSON.parse(payload))).toEqual([
    { v: 1, type: "messages-waiting" },
  ]);
  // Long after the others were told.
  expect([...pushesTo(there), ...pushesTo(sleeping), ...(await digestsTo(there.email))]).toEqual([]);
  expect(await digestsTo(reader.email)).toEqual([]);

  await there.client.close();
  await expect.poll(() => pushesTo(sleeping).length, PATIENT).toBe(1);
  expect(pushesTo(there)).toEqual([]);
  expect(push.faults).toEqual([]);
});
