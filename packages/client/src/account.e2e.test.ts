// What a person does with an account, through the gateway of a whole installation.
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createTransactor } from "@sotto/e2ee/store";
import { newSubscriberSecrets, publicKeyOf } from "@sotto/testkit/push-decrypt";
import { type Stack, startStack } from "@sotto/testkit/stack";
import { strFromU8, unzipSync } from "fflate";
import { Secret, TOTP } from "otpauth";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ROLES } from "../../../db/roles.ts";
import { createAuthenticator } from "../../../services/user/src/passkeys/authenticator-fixture.ts";
import { systemClock } from "./clock.ts";
import {
  type Client,
  type ClientOptions,
  createClient,
  memoryStore,
  type SecondFactorOffer,
  sqliteStore,
} from "./index.ts";
import { findSession, putSession } from "./rows/account-rows.ts";

const password = "correct horse battery staple";
const PATIENT = { timeout: 15_000, interval: 100 };
let stack: Stack;
let folder = "";
let names = 0;
const clients: Client[] = [];

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "sotto-account-"));
  stack = await startStack();
});
afterAll(async () => {
  await Promise.all(clients.map((client) => client.close()));
  await stack?.stop();
  stack?.remove();
  rmSync(folder, { recursive: true });
});

type Options = Partial<Omit<ClientOptions, "url">>;

async function open(options: Options = {}): Promise<Client> {
  const client = await createClient({ url: stack.url, store: memoryStore(), ...options });
  clients.push(client);
  return client;
}

async function person(options: Options = {}) {
  names += 1;
  const username = `owner_${names}`;
  const email = `${username}@example.org`;
  const client = await open(options);
  await client.register({ username, email, password });
  const { accountId = "" } = (await client.account()) ?? {};
  return { client, username, email, accountId, account: client.account };
}

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const read: T[] = [];
  for await (const item of items) read.push(item);
  return read;
}

/** The codes that an app shows one after the other: each works once, and those of the neighbouring steps count too. */
function authenticatorApp(secret: string) {
  let last = 0;
  return function nextCode(): string {
    last = Math.max(last + 1, Math.floor(systemClock.now() / 30_000) - 1);
    return TOTP.generate({ secret: Secret.fromBase32(secret), timestamp: last * 30_000 });
  };
}

describe("an authenticator app", () => {
  it("is set up, needed to sign in and to prove oneself again, and replaced by recovery codes", async () => {
    const { client, username, account } = await person();
    const { secret, uri } = await account.totp.start();
    expect(uri).toContain("otpauth://totp/");
    const nextCode = authenticatorApp(secret);
    await expect(account.totp.confirm("000000")).rejects.toMatchObject({ code: "invalid_code" });
    const [firstCode = "", secondCode = ""] = await account.totp.confirm(nextCode());
    expect(await account.secondFactors.get()).toMatchObject({ recoveryCodesLeft: 10, passkeys: [] });

    await client.signOut();
    await expect(client.signIn({ username, password })).rejects.toMatchObject({
      code: "second_factor_required",
      details: { methods: ["totp", "recovery_code"] },
    });
    expect(client.status).toBe("signed-out");
    const offers: SecondFactorOffer[] = [];
    const secondFactor = async (offer: SecondFactorOffer) => {
      offers.push(offer);
      return { totp: offer.attempt === 1 ? "000000" : nextCode() };
    };
    await client.signIn({ username, password, secondFactor });
    expect(offers.map(({ attempt }) => attempt)).toEqual([1, 2]);
    await expect(account.reauthenticate({ password })).rejects.toMatchObject({ code: "challenge_required" });
    await account.reauthenticate({ password, recoveryCode: firstCode });
    expect(await account.secondFactors.get()).toMatchObject({ recoveryCodesLeft: 9 });

    await client.signOut();
    await client.signIn({ username, password, secondFactor: async () => ({ recoveryCode: secondCode }) });
    expect(await account.recoveryCodes.renew()).toHaveLength(10);
    await account.totp.disable();
    await client.signOut();
    await client.signIn({ username, password });
    await expect.poll(() => client.status, PATIENT).toBe("live");
  });
});

describe("a passkey", () => {
  it("signs in alone or beside the password, proves its owner again, and can be removed", async () => {
    const { client, username, account } = await person();
    const authenticator = createAuthenticator({ origin: new URL(stack.url).origin });
    const added = await account.passkeys.add("My key", async (options) => authenticator.create(options));
    expect(added).toMatchObject({ name: "My key", lastUsedAt: null });
    await expect(
      account.passkeys.add("Again", () => Promise.reject(new Error("the window was closed"))),
    ).rejects.toMatchObject({ code: "cancelled" });
    await account.passkeys.rename(added.passkeyId, "Blue key");
    expect(await account.passkeys.list()).toMatchObject([{ name: "Blue key" }]);

    await client.signOut();
    await client.signInWithPasskey(async (options) => authenticator.get(options));
    await expect.poll(() => client.status, PATIENT).toBe("live");
    await account.reauthenticate({ passkey: async (options) => authenticator.get(options) });

    await client.signOut();
    await client.signIn({
      username,
      password,
      secondFactor: async ({ passkey }) => ({ passkey: authenticator.get(passkey ?? { challenge: "" }) }),
    });
    await account.passkeys.remove(added.passkeyId);
    expect(await account.passkeys.list()).toEqual([]);
    await client.signOut();
    await client.signIn({ username, password });
  });
});

/** Lets the session have been proved so long ago that dangerous calls want it again, and its token have ended. */
async function letTimePass(path: string): Promise<void> {
  const { databasePasswords } = JSON.parse(readFileSync(join(stack.dataDir, "secrets.json"), "utf8"));
  const { port } = stack.runFile().parts.find(({ name }) => name === "postgresql") ?? {};
  const connection = { host: "127.0.0.1", port: port ?? 0, database: "sotto" };
  const database = new pg.Client({ ...connection, user: ROLES.user, password: databasePasswords.user });
  const store = await sqliteStore(path).open();
  await database.connect();
  await createTransactor(store).transact(async (tx) => {
    const session = await findSession(tx);
    if (session === undefined) throw new Error("nobody is signed in");
    putSession(tx, { ...session, renewAt: 0 });
    await database.query(
      "update account.session set authenticated_at = authenticated_at - interval '10 minutes' where session_id = $1",
      [session.sessionId],
    );
  });
  await Promise.all([database.end(), store.close()]);
}

describe("a session that has not proved itself for long", () => {
  it("asks its user once for all dangerous calls, does them, and stays connected", async () => {
    const path = join(folder, "stale.db");
    const first = await person({ store: sqliteStore(path) });
    await first.client.close();
    await letTimePass(path);
    const strict = await open({ store: sqliteStore(path) });
    await expect(strict.account.totp.start()).rejects.toMatchObject({ code: "reauthentication_required" });
    await strict.close();

    let asked = 0;
    const client = await open({
      store: sqliteStore(path),
      onReauthenticationRequired: async () => {
        asked += 1;
        return { password: asked === 1 ? "a wrong password" : password };
      },
    });
    await expect.poll(() => client.status, PATIENT).toBe("live");
    await expect(client.account.totp.start()).rejects.toMatchObject({ code: "invalid_credentials" });
    const statuses: string[] = [];
    client.on("status", ({ status }) => statuses.push(status));
    const { sessions, totp, passkeys } = client.account;
    const noPasskey = () => Promise.reject(new Error("not now"));
    const [others, started, refused] = await Promise.all([
      sessions.revokeOthers(),
      totp.start(),
      passkeys.add("Key", noPasskey).catch((error: unknown) => error),
    ]);
    expect([others, started, refused]).toMatchObject([0, { uri: expect.any(String) }, { code: "cancelled" }]);
    expect(asked).toBe(2);
    expect(client.status).toBe("live");
    expect(statuses).toEqual([]);
  });
});

describe("the sessions of an account", () => {
  it("have names, and are ended here and elsewhere; keys and history stay", async () => {
    const alice = await person({ clientName: "Alice's test" });
    const bob = await person();
    await alice.client.signIn({ username: alice.username, password });
    const [current, former] = await alice.account.sessions.list();
    expect([current, former]).toMatchObject([
      { client: "Alice's test", current: true },
      { client: "Alice's test", current: false },
    ]);
    expect(await bob.account.sessions.list()).toMatchObject([{ client: "Sotto SDK (node)" }]);
    await alice.account.sessions.revoke(former?.sessionId ?? "");
    const chat = await alice.client.conversations.direct(bob.username);
    await (await chat.send({ text: "before" })).accepted;

    // Another device of the same person, by hand.
    const body = JSON.stringify({ username: alice.username, password });
    const headers = { "content-type": "application/json" };
    const signIn = await fetch(new URL("/api/user/sign-in", stack.url), { method: "POST", headers, body });
    const { session } = (await signIn.json()) as { session: { accessToken: string } };
    const ended = new Promise((resolve) => alice.client.on("signed-out", resolve));
    await fetch(new URL(`/api/user/sessions/${current?.sessionId}`, stack.url), {
      method: "DELETE",
      headers: { authorization: `Bearer ${session.accessToken}` },
    });
    expect(await ended).toMatchObject({ error: { code: "session_revoked" } });
    expect(alice.client.status).toBe("signed-out");
    await expect(alice.account.sessions.list()).rejects.toMatchObject({ code: "not_signed_in" });
    expect((await chat.history()).map(({ text }) => text)).toEqual(["before"]);

    await alice.client.signIn({ username: alice.username, password });
    expect(await alice.account.sessions.revokeOthers()).toBe(1);
    await (await chat.send({ text: "after" })).accepted;
    const [own] = await alice.account.sessions.list();
    await alice.account.sessions.revoke(own?.sessionId ?? "");
    expect(alice.client.status).toBe("signed-out");
    await alice.client.signIn({ username: alice.username, password });
    const types = (await all(alice.account.audit())).map(({ type }) => type);
    expect(types[0]).toBe("signed-in");
    expect(types.at(-1)).toBe("account-registered");
    expect(types).toEqual(expect.arrayContaining(["session-revoked", "other-sessions-revoked"]));
  });
});

describe("the people of an account", () => {
  it("become contacts, may be the only ones to write first, and can be blocked", async () => {
    const [alice, bob] = [await person(), await person()];
    for (const { client } of [alice, bob]) await expect.poll(() => client.status, PATIENT).toBe("live");
    const { privacy, contacts, blocks } = bob.client;
    expect(await privacy.get()).toMatchObject({ presence: "everyone" });
    expect(await privacy.update({ whoMayWriteFirst: "contacts" })).toMatchObject({
      whoMayWriteFirst: "contacts",
      presence: "everyone",
    });
    const writing = () => alice.client.conversations.direct(bob.username);
    await expect(writing()).rejects.toMatchObject({ code: "contact_required" });

    const told = new Promise((resolve) => bob.client.on("people-changed", resolve));
    expect(await alice.client.contacts.add(bob.username)).toMatchObject({ state: "outgoing" });
    await told;
    expect(await all(contacts.list({ state: "incoming" }))).toMatchObject([
      { accountId: alice.accountId, username: alice.username },
    ]);
    expect(await contacts.add(alice.accountId)).toMatchObject({ state: "accepted" });
    expect(await all(alice.client.contacts.list())).toMatchObject([
      { accountId: bob.accountId, username: bob.username, state: "accepted" },
    ]);
    await (await (await writing()).send({ text: "hello" })).accepted;

    await contacts.remove(alice.username);
    expect(await all(contacts.list())).toEqual([]);
    await blocks.add(alice.username);
    expect(await all(blocks.list())).toMatchObject([
      { accountId: alice.accountId, username: alice.username },
    ]);
    await expect(contacts.add(alice.username)).rejects.toMatchObject({ code: "account_blocked" });
    await blocks.remove(alice.accountId);
    expect(await all(blocks.list())).toEqual([]);
    await expect(contacts.add("nobody_at_all")).rejects.toMatchObject({ code: "unknown_user" });
  });
});

describe("the list of notifications", () => {
  it("is told of while it happens: a sign-in elsewhere, and who wants to become a contact; and is read and tidied", async () => {
    const [alice, bob] = [await person(), await person()];
    const { client, username } = alice;
    const told: number[] = [];
    client.on("notifications-changed", ({ unread }) => told.push(unread));
    await expect.poll(() => client.status, PATIENT).toBe("live");
    await bob.client.contacts.add(username);
    await expect.poll(() => told.at(-1), PATIENT).toBe(1);
    const elsewhere = await open();
    await expect(elsewhere.signIn({ username, password })).rejects.toMatchObject({
      code: "device_not_linked",
    });
    await expect.poll(() => told.at(-1), PATIENT).toBe(2);

    const { notifications } = client;
    const [newest, oldest] = await all(notifications.list());
    expect(newest).toMatchObject({ type: "security-notice", data: { notice: "new-session" }, readAt: null });
    expect(oldest).toMatchObject({ type: "contact-requested", data: { accountId: bob.accountId } });
    await notifications.markRead(oldest?.notificationId ?? "");
    expect(await notifications.unreadCount()).toBe(1);
    await expect(bob.client.notifications.remove(newest?.notificationId ?? "")).rejects.toMatchObject({
      code: "not_found",
    });
    await notifications.remove(newest?.notificationId ?? "");
    await expect.poll(() => told.at(-1), PATIENT).toBe(0);
    expect(await all(notifications.list())).toHaveLength(1);
  });
});

describe("the attention of an account", () => {
  it("is asked for when it wants, and not for what it has read or muted", async () => {
    const [alice, bob] = [await person(), await person()];
    const { notifications } = alice.client;
    const change = { timeZone: "Europe/Berlin", quietHours: { from: "22:00", to: "07:00" } };
    const all = { ...change, push: true, emailDigest: true };
    expect(await notifications.setPreferences(change)).toEqual(all);
    expect(await notifications.preferences()).toEqual(all);
    await expect(notifications.setPreferences({ timeZone: "Mars/Olympus" })).rejects.toMatchObject({
      code: "bad_request",
    });

    const chat = await bob.client.conversations.direct(alice.username);
    const { messageId, accepted } = await chat.send({ text: "hello" });
    const { acceptedAt } = await accepted;
    const own = await alice.client.conversations.direct(bob.username);
    expect(await own.attention()).toEqual({ readAt: null, muted: null });
    await own.markRead(messageId);
    await own.mute();
    expect(await own.attention()).toEqual({ readAt: acceptedAt, muted: { until: null } });
    await own.unmute();
    expect(await own.attention()).toEqual({ readAt: acceptedAt, muted: null });
    expect(await chat.attention()).toEqual({ readAt: null, muted: null });
  });
});

/** The token of the newest mail to this address with a link to this page. */
async function mailedToken(address: string, page: "verify-email" | "reset-password"): Promise<string> {
  const link = new RegExp(`${stack.url}/${page}#token=([\\w-]+)`);
  let token: string | undefined;
  const look = async () => {
    const answer = await fetch(new URL("/mail/api/messages", stack.url));
    const { messages } = (await answer.json()) as { messages: { to: string[]; text: string }[] };
    const mail = messages.find(({ to, text }) => to.includes(address) && link.test(text));
    token = link.exec(mail?.text ?? "")?.[1];
    return token;
  };
  await expect.poll(look, PATIENT).toBeDefined();
  return token ?? "";
}

describe("the credentials of an account", () => {
  it("are verified and changed by mail, and a forgotten password is replaced", async () => {
    const { client, username, email, account } = await person();
    await account.email.verify(await mailedToken(email, "verify-email"));
    expect(await account.profile.get()).toMatchObject({ email, emailVerified: true, displayName: null });
    expect(await account.profile.update({ displayName: "Owner" })).toMatchObject({ displayName: "Owner" });
    await expect(account.email.verify("x".repeat(43))).rejects.toMatchObject({ code: "challenge_invalid" });

    const newEmail = `new_${email}`;
    await account.email.change(newEmail);
    await account.email.verify(await mailedToken(newEmail, "verify-email"));
    expect(await account.profile.get()).toMatchObject({ email: newEmail, emailVerified: true });
    await account.email.resendVerification();

    const newPassword = "another horse battery staple";
    const change = (next: string) =>
      account.password.change({ currentPassword: password, newPassword: next });
    await expect(change("password1234")).rejects.toMatchObject({ code: "weak_password" });
    await change(newPassword);
    expect(client.status).not.toBe("signed-out");
    await client.signOut();

    await account.password.forgot(newEmail);
    const token = await mailedToken(newEmail, "reset-password");
    await client.signIn({ username, password: newPassword });
    await expect.poll(() => client.status, PATIENT).toBe("live");
    await account.password.reset({ token, newPassword: password });
    await expect.poll(() => client.status, PATIENT).toBe("signed-out");
    await client.signIn({ username, password });
  });
});

describe("the end of an account", () => {
  it("comes with everything that is known of it, may be put off, and leaves this device its history", async () => {
    const [alice, bob] = [await person(), await person()];
    const { client, account, username } = alice;
    const chat = await client.conversations.direct(bob.username);
    await (await chat.send({ text: "for the archive" })).accepted;
    const files = unzipSync(await account.export());
    expect(Object.keys(files)).toEqual(
      expect.arrayContaining(["account/account.json", "notifications/mails.json", "device/messages.json"]),
    );
    expect(Object.keys(files).some((name) => name.startsWith("chat/"))).toBe(true);
    expect(JSON.parse(strFromU8(files["device/messages.json"] ?? new Uint8Array()))).toMatchObject([
      { conversationId: chat.conversationId, messages: [{ text: "for the archive" }] },
    ]);

    await account.deactivate();
    expect(client.status).toBe("signed-out");
    await client.signIn({ username, password });
    const { deletesAt } = await account.delete();
    expect(Date.parse(deletesAt)).toBeGreaterThan(systemClock.now());
    expect(client.status).toBe("signed-out");
    expect((await chat.history()).map(({ text }) => text)).toEqual(["for the archive"]);
    await client.signIn({ username, password });
    await (await chat.send({ text: "still here" })).accepted;
  });
});

it("a device is woken by push where it says, until it says otherwise or its session ends", async () => {
  const { client, username, account } = await person();
  expect(Buffer.from(await client.push.key(), "base64url")).toHaveLength(65);
  const secrets = newSubscriberSecrets();
  const keys = {
    p256dh: publicKeyOf(secrets).toString("base64url"),
    auth: secrets.auth.toString("base64url"),
  };
  const endpoint = "https://push.example.org/device";
  const endpoints = async () => {
    const files = unzipSync(await account.export());
    const text = strFromU8(files["notifications/push-subscriptions.json"] ?? new Uint8Array());
    return (JSON.parse(text) as { endpoint: string }[]).map((subscription) => subscription.endpoint);
  };
  await client.push.subscribe({ endpoint, keys });
  expect(await endpoints()).toEqual([endpoint]);
  await client.push.unsubscribe();
  expect(await endpoints()).toEqual([]);
  await client.push.subscribe({ endpoint, keys });
  await client.signOut();
  await client.signIn({ username, password });
  await expect.poll(endpoints, PATIENT).toEqual([]);
  const inside = { endpoint: "https://127.0.0.1/", keys };
  await expect(client.push.subscribe(inside)).rejects.toMatchObject({ code: "bad_request" });
});
