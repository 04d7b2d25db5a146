import { createAccount } from "@sotto/e2ee/account";
import { createDevice } from "@sotto/e2ee/device";
import { createTransactor, type DeviceStore } from "@sotto/e2ee/store";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type Client, createClient } from "./client.ts";
import { type Clock, systemClock } from "./clock.ts";
import { findSession, putOwnAccount, putSession } from "./rows/account-rows.ts";
import { putDirect } from "./rows/conversation-rows.ts";
import { appendToFeed, insertMessage } from "./rows/message-rows.ts";
import { listQueuedSends } from "./rows/queue-rows.ts";
import { memoryStore } from "./stores/memory-store.ts";
import { problemAnswer, type StandInServer, startStandInServer } from "./testing/stand-in-server.ts";

const id = (number: number) => `0198c0de-0000-7000-8000-${String(number).padStart(12, "0")}`;
const own = { accountId: id(1), username: "alice", deviceId: id(2) };
const peerId = id(3);
const conversationId = id(4);
const sessionId = id(5);

let server: StandInServer;
let store: DeviceStore;
let client: Client | undefined;

beforeEach(async () => {
  server = await startStandInServer();
  store = await memoryStore().open();
});

afterEach(async () => {
  await client?.close();
  client = undefined;
  await server.stop();
});

/** Timers fire a hundred times too early. */
const quickClock: Clock = {
  ...systemClock,
  after: (delayMs, run) => systemClock.after(delayMs / 100, run),
};

/** A client that was signed in by an earlier process, with one conversation and one message in its store. */
async function openClient({ renewAt = systemClock.now() + 3_600_000 }: { readonly renewAt?: number } = {}) {
  const { transact } = createTransactor(store);
  await transact(async (tx) => {
    await createAccount(tx);
    await createDevice(tx, { ...own, now: systemClock.now(), oneTimePrekeys: 1 });
    putOwnAccount(tx, { ...own, boundSessionId: sessionId });
    putSession(tx, { sessionId, accessToken: "access", refreshToken: "refresh-0123456789abcdef", renewAt });
    putDirect(tx, own.accountId, peerId, conversationId);
    const sender = { senderAccountId: peerId, senderDeviceId: id(6), conversationId };
    const message = { ...sender, messageId: id(7), state: "received", text: "hello" } as const;
    await appendToFeed(tx, await insertMessage(tx, message));
  });
  client = await createClient({ url: server.url, store: { open: async () => store }, clock: quickClock });
  const [chat] = await client.conversations.list();
  if (chat === undefined) throw new Error("there should be a conversation");
  return { client, chat };
}

async function latestSocket(count: number) {
  await expect.poll(() => server.sockets.length, { timeout: 5000 }).toBe(count);
  const socket = server.sockets.at(-1);
  if (socket === undefined) throw new Error("no socket");
  return socket;
}

/** Reads until the end: the texts, and the error that ended it. */
async function readAll(reader: Client, since?: number): Promise<{ texts: string[]; error?: unknown }> {
  const texts: string[] = [];
  try {
    for await (const { text } of reader.messages(since === undefined ? {} : { since })) texts.push(text);
    return { texts };
  } catch (error) {
    return { texts, error };
  }
}

type Answer = (value: object) => void;
const unavailable = { ok: false, error: { code: "unavailable" } };

describe("a client whose session the server ended", () => {
  it("lets nobody wait: messages() and accepted end with signed_out, and what was sent stays queued", async () => {
    let isOver = false;
    server.state.answer = () => (isOver ? problemAnswer("session_revoked") : undefined);
    const { client, chat } = await openClient({ renewAt: 0 });
    const [reading, sent] = [readAll(client, 0), await chat.send({ text: "hi" })];
    isOver = true;
    const signedOut = { code: "signed_out", cause: { code: "session_revoked" } };
    await expect(sent.accepted).rejects.toMatchObject(signedOut);
    expect(await reading).toMatchObject({ texts: ["hello"], error: signedOut });
    expect(client.status).toBe("signed-out");
    // Also who comes later.
    await expect((await chat.send({ text: "again" })).accepted).rejects.toMatchObject(signedOut);
    expect(await readAll(client)).toMatchObject({ texts: [], error: signedOut });
    expect((await listQueuedSends(store)).map(({ plain }) => plain.body)).toEqual([
      { text: "hi" },
      { text: "again" },
    ]);
    expect((await chat.history()).map(({ state }) => state)).toEqual(["received", "queued", "queued"]);
  });

  it("keeps its session when somebody else answers 401 at the address", async () => {
    server.state.answer = () => ({ status: 401, body: { error: "login required" } });
    const { client } = await openClient({ renewAt: 0 });
    const refreshes = () => server.requests.filter((request) => request === "POST /api/user/refresh").length;
    await expect.poll(refreshes).toBeGreaterThan(3);
    expect(client.status).not.toBe("signed-out");
    expect((await findSession(store))?.sessionId).toBe(sessionId);
  });

  it("does not lose the session of a new sign-in to a late word about the old one", async () => {
    const { client } = await openClient();
    const ended: unknown[] = [];
    client.on("signed-out", (event) => ended.push(event));
    const old = await latestSocket(1);
    const account = {
      ...own,
      displayName: null,
      email: "alice@example.org",
      emailVerified: false,
      language: null,
      createdAt: "2026-01-01T00:00:00.000Z",
    };
    const expires = { accessTokenExpiresAt: "2026-01-01T00:00:00.000Z" };
    const session = {
      sessionId: id(9),
      accessToken: "new",
      refreshToken: "new-0123456789abcdef",
      ...expires,
    };
    server.state.answer = async (request) => {
      if (request === "POST /api/user/sign-in") return { status: 200, body: { account, session } };
      if (!request.startsWith("PUT") || !request.endsWith("/session")) return undefined;
      old.emit("session:closed", { reason: "session_revoked" });
      await expect.poll(() => old.connected).toBe(false);
      return { status: 204 };
    };
    await client.signIn({ username: "alice", password: "correct horse battery staple" });
    await expect.poll(() => client.status).toBe("syncing");
    expect((await findSession(store))?.sessionId).toBe(id(9));
    expect(ended).toEqual([]);
  });
});

describe("a client that ends its own session", () => {
  const deletesAt = "2026-12-25T00:00:00.000Z";
  it.each<[string, (client: Client) => Promise<unknown>, unknown]>([
    ["POST /api/user/deactivate", ({ account }) => account.deactivate(), undefined],
    ["POST /api/user/delete", ({ account }) => account.delete(), { deletesAt }],
    [
      `DELETE /api/user/sessions/${sessionId}`,
      ({ account }) => account.sessions.revoke(sessionId),
      undefined,
    ],
  ])("by %s is signed out at once, and keeps its history", async (route, end, expected) => {
    server.state.answer = (request) => (request === route ? { status: 202, body: { deletesAt } } : undefined);
    const { client, chat } = await openClient();
    expect(await end(client)).toEqual(expected);
    expect(client.status).toBe("signed-out");
    expect(await findSession(store)).toBeUndefined();
    expect((await chat.history()).map(({ text }) => text)).toEqual(["hello"]);
  });

  it("keeps it when the server refuses, and when it ends another one", async () => {
    server.state.answer = (request) =>
      request.startsWith("DELETE") ? { status: 204 } : problemAnswer("reauthentication_required");
    const { client } = await openClient();
    await expect(client.account.deactivate()).rejects.toMatchObject({ code: "reauthentication_required" });
    await client.account.sessions.revoke(id(9));
    expect((await findSession(store))?.sessionId).toBe(sessionId);
  });
});

it("tells when contacts, blocks or settings have changed", async () => {
  const { client } = await openClient();
  const told: unknown[] = [];
  client.on("people-changed", (event) => told.push(event));
  (await latestSocket(1)).emit("people:changed", {});
  await expect.poll(() => told).toEqual([{}]);
});

it("tells when the list of notifications has changed, and how many are unread", async () => {
  const { client } = await openClient();
  const told: unknown[] = [];
  client.on("notifications-changed", (event) => told.push(event));
  (await latestSocket(1)).emit("notifications:changed", { unread: 3 });
  await expect.poll(() => told).toEqual([{ unread: 3 }]);
});

describe("a client that was superseded for good", () => {
  it("lets nobody wait either, and keeps its session", async () => {
    const { client, chat } = await openClient();
    const [reading, sent] = [readAll(client), await chat.send({ text: "hi" })];
    for (const count of [1, 2]) (await latestSocket(count)).emit("session:closed", { reason: "superseded" });
    await expect(sent.accepted).rejects.toMatchObject({ code: "superseded" });
    expect(await reading).toMatchObject({ texts: [], error: { code: "superseded" } });
    expect(client.status).toBe("superseded");
    expect((await findSession(store))?.sessionId).toBe(sessionId);
  });
});

describe("a client that is closed", () => {
  it("ends messages() without an error, and accepted with closed", async () => {
    const { client, chat } = await openClient();
    const [reading, sent] = [readAll(client, 0), await chat.send({ text: "hi" })];
    await client.close();
    expect(await reading).toEqual({ texts: ["hello"] });
    await expect(sent.accepted).rejects.toMatchObject({ code: "closed" });
  });
});

describe("what the server waits for", () => {
  const envelope = {
    envelopeId: 11,
    messageId: id(12),
    conversationId,
    senderAccountId: peerId,
    senderDeviceId: id(6),
    acceptedAt: "2026-01-01T00:00:00.000Z",
    content: "AAAA",
    envelope: "AAAA",
  };

  it.each(["inbox:ack", "inbox:gap-ack"])(
    "is told again, on the same connection, when %s failed",
    async (name) => {
      server.state.answer = (request) =>
        request.includes("/accounts/") ? problemAnswer("not_found") : undefined;
      await openClient();
      const socket = await latestSocket(1);
      const answers = [
        unavailable,
        { ok: false, error: { code: "rate_limited", retryAfterSeconds: 1 } },
        unavailable,
      ];
      const asked: unknown[] = [];
      socket.on(name, (payload: unknown, answer: Answer) => {
        asked.push(payload);
        answer(answers.shift() ?? { ok: true, value: { deleted: 1 } });
      });
      const gap = "2026-01-01T00:00:00.000Z";
      if (name === "inbox:ack") socket.emit("inbox:envelopes", { envelopes: [envelope] });
      else socket.emit("inbox:gap", { gap });
      const expected = name === "inbox:ack" ? { envelopeIds: [11] } : { gap };
      await expect.poll(() => asked, { timeout: 5000 }).toEqual(Array.from({ length: 4 }, () => expected));
      expect(server.sockets).toHaveLength(1);
    },
  );
});
