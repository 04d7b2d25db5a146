// All services in one process over one database, and people of whom each may know only what is their own.
import { createHash, randomBytes } from "node:crypto";
import type { SignedIn } from "@sotto/contracts/user-api";
import { systemClock } from "@sotto/platform/clock";
import type { App } from "@sotto/platform/http";
import type { Answered } from "@sotto/testkit/contract-answers";
import { type Description, type Operation, readOperations } from "@sotto/testkit/contract-document";
import { createTestDatabase } from "@sotto/testkit/postgres";
import { unzipSync } from "fflate";
import { createLocalJWKSet, type JSONWebKeySet } from "jose";
import pg from "pg";
import { v7 } from "uuid";
import { createChatApp } from "../services/chat/src/app.ts";
import { parseChatConfig } from "../services/chat/src/config.ts";
import { createContext as createChatContext } from "../services/chat/src/context.ts";
import {
  createAccount,
  createDevice,
  createRegistration,
} from "../services/chat/src/devices/device-fixture.ts";
import { createNotificationApp } from "../services/notification/src/app.ts";
import { parseNotificationConfig } from "../services/notification/src/config.ts";
import { createContext as createNotificationContext } from "../services/notification/src/context.ts";
import { newVapidKey } from "../services/notification/src/push/vapid-key-fixture.ts";
import { newSealKeys } from "../services/notification/src/seal-key-fixture.ts";
import { createUserApp } from "../services/user/src/app.ts";
import { parseUserConfig } from "../services/user/src/config.ts";
import { createContext as createUserContext } from "../services/user/src/context.ts";
import { readSigningKeys } from "../services/user/src/keys/signing-key-fixture.ts";
import { PASSWORD } from "../services/user/src/user-app-fixture.ts";
import { newUserEnv, PUBLIC_URL } from "../services/user/src/user-env-fixture.ts";

export { PASSWORD, PUBLIC_URL };

export type Person = {
  readonly username: string;
  readonly email: string;
  readonly accountId: string;
  readonly sessionId: string;
  readonly deviceId: string;
  readonly conversationId: string;
  readonly passkeyId: string;
  readonly accessToken: string;
  readonly refreshToken: string;
  /** What nobody else may ever be told. */
  readonly secrets: readonly string[];
};

export type Ask = {
  token?: string | undefined;
  headers?: Record<string, string>;
  query?: Record<string, string> | string;
  body?: unknown;
  /** A body that is sent as it is. */
  text?: string;
};

const UNLIMITED = JSON.stringify({ "*": "off" });
export type Overrides = { userLimits?: string; chatLimits?: string; notificationLimits?: string };

export async function startContractWorld({
  userLimits = UNLIMITED,
  chatLimits = UNLIMITED,
  notificationLimits = UNLIMITED,
}: Overrides = {}) {
  const database = await createTestDatabase();
  const owner = new pg.Pool({ connectionString: database.ownerUrl, max: 2 });
  const user = await createUserContext(
    parseUserConfig({
      ...newUserEnv(),
      DATABASE_URL: database.urlFor("user"),
      RATE_LIMITS: userLimits,
    }),
    { argon2: QUICK_HASH },
  );
  const userApp = createUserApp(user);
  const jwks = (await (await userApp.request("/.well-known/jwks.json")).json()) as JSONWebKeySet;
  const [signingKey] = await readSigningKeys({ context: user });
  if (!signingKey) throw new Error("the user service has no key to sign with");
  const chat = createChatContext(
    parseChatConfig({
      PORT: "0",
      LOG_LEVEL: "fatal",
      DATABASE_URL: database.urlFor("chat"),
      PUBLIC_URL,
      // Nothing listens on port 1.
      JWKS_URL: "http://127.0.0.1:1/",
      RATE_LIMITS: chatLimits,
    }),
    { keys: createLocalJWKSet(jwks) },
  );
  const notification = createNotificationContext(
    parseNotificationConfig({
      PORT: "0",
      LOG_LEVEL: "fatal",
      DATABASE_URL: database.urlFor("notification"),
      PUBLIC_URL,
      JWKS_URL: "http://127.0.0.1:1/",
      SEAL_KEY: JSON.stringify(newSealKeys().sealKey),
      VAPID_PRIVATE_KEY: newVapidKey(),
      SMTP_URL: "smtp://127.0.0.1:1",
      MAIL_FROM: "sotto@example.org",
      RATE_LIMITS: notificationLimits,
    }),
    { keys: createLocalJWKSet(jwks) },
  );
  const apps: Record<string, App> = {
    user: userApp,
    chat: createChatApp(chat),
    notification: createNotificationApp(notification),
  };
  const descriptions: Record<string, Description> = {};
  for (const [service, app] of Object.entries(apps)) {
    descriptions[service] = (await (await app.request("/openapi.json")).json()) as Description;
  }
  const operations = Object.entries(descriptions).flatMap(([service, description]) =>
    readOperations(service, description),
  );

  async function ask(operation: Pick<Operation, "service" | "method">, path: string, request: Ask = {}) {
    const given = request.text ?? (request.body === undefined ? undefined : JSON.stringify(request.body));
    // The runtime makes no such request; over a socket it is looked at in node-server.test.ts.
    const text = operation.method === "GET" ? undefined : given;
    const { query = {} } = request;
    const search = typeof query === "string" ? query : new URLSearchParams(query).toString();
    const response = await (apps[operation.service] as App).request(
      `http://localhost${path}${search && `?${search}`}`,
      {
        method: operation.method,
        headers: {
          ...(text !== undefined && { "Content-Type": "application/json" }),
          ...(request.token !== undefined && { Authorization: `Bearer ${request.token}` }),
          ...request.headers,
        },
        ...(text !== undefined && { body: text }),
      },
    );
    const { status, headers } = response;
    return { status, headers, text: await readText(response) } satisfies Answered;
  }

  return {
    apps,
    descriptions,
    operations,
    owner,
    signingKey,
    user,
    ask,
    /** Registers, and gives a device and a conversation with somebody whom nobody knows. */
    async join(username: string): Promise<Person> {
      const secret = `secret-${randomBytes(8).toString("hex")}`;
      const email = `${secret}@example.org`;
      const answer = await ask({ service: "user", method: "POST" }, "/api/user/register", {
        body: { username, email, password: PASSWORD, client: secret },
      });
      if (answer.status !== 201) throw new Error(`registering ${username}: ${answer.text}`);
      const { account, session } = JSON.parse(answer.text) as SignedIn;
      const { accessToken = "", refreshToken = "" } = session;
      const device = createDevice();
      const keys = createAccount(account.accountId);
      const registration = createRegistration(keys, device, keys.signList([device]), 1);
      const added = await ask({ service: "chat", method: "POST" }, "/api/chat/devices", {
        token: accessToken,
        body: registration,
      });
      if (added.status !== 201) throw new Error(`adding a device of ${username}: ${added.text}`);
      const conversationId = v7();
      await addConversation(owner, { accountId: account.accountId, conversationId });
      const passkeyId = v7();
      await addPasskey(owner, { accountId: account.accountId, passkeyId, name: secret });
      return {
        username,
        email,
        accountId: account.accountId,
        sessionId: session.sessionId,
        deviceId: device.deviceId,
        conversationId,
        passkeyId,
        accessToken,
        refreshToken,
        secrets: [secret, session.sessionId, conversationId, passkeyId, refreshToken, accessToken],
      };
    },
    async close() {
      await Promise.all([user.close(), chat.close(), notification.close()]);
      await owner.end();
      await database.drop();
    },
  };
}

export type ContractWorld = Awaited<ReturnType<typeof startContractWorld>>;

/** An archive as the texts in it. */
async function readText(response: Response): Promise<string> {
  const bytes = new Uint8Array(await response.arrayBuffer());
  if (response.headers.get("Content-Type") !== "application/zip") return Buffer.from(bytes).toString();
  return Object.entries(unzipSync(bytes))
    .map(([name, content]) => `${name}\n${Buffer.from(content).toString()}`)
    .join("\n");
}

/** Only operators get at it; to others there is nothing. */
export const isForOperators = ({ path }: Operation): boolean => path.startsWith("/api/user/admin/");

/** Passwords are not what is tested here: a hash that costs nothing, in the form of a real one. */
const QUICK_HASH = {
  hash: async (password: string | Uint8Array) => quickHash(password),
  verify: async (hash: string | Uint8Array, password: string | Uint8Array) => hash === quickHash(password),
};

function quickHash(password: string | Uint8Array): string {
  const digest = createHash("sha256").update(password).digest("base64").replaceAll("=", "");
  return `$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHRzYWx0c2FsdA$${digest}`;
}

async function addConversation(
  owner: pg.Pool,
  { accountId, conversationId }: { accountId: string; conversationId: string },
): Promise<void> {
  const stranger = v7();
  const [low, high] = [accountId, stranger].sort();
  await owner.query(
    "insert into chat.conversation (conversation_id, kind, direct_low, direct_high) values ($1, 'direct', $2, $3)",
    [conversationId, low, high],
  );
  await owner.query("insert into chat.member (conversation_id, account_id) values ($1, $2), ($1, $3)", [
    conversationId,
    accountId,
    stranger,
  ]);
}

/** It opens nothing: its key is noise. */
async function addPasskey(
  owner: pg.Pool,
  { accountId, passkeyId, name }: { accountId: string; passkeyId: string; name: string },
): Promise<void> {
  await owner.query(
    `insert into account.passkey
       (passkey_id, account_id, credential_id, public_key, sign_count, transports, name, backed_up, created_at)
     values ($1, $2, $3, $3, 0, '{}', $4, false, now())`,
    [passkeyId, accountId, randomBytes(32), name],
  );
}

/** What parameters and fields mean for a person, by name; others than these are ids that nothing has. */
export function parametersOf(person: Person): Record<string, string> {
  const { accountId, sessionId, deviceId, conversationId, passkeyId, refreshToken } = person;
  return {
    accountId,
    sessionId,
    deviceId,
    conversationId,
    passkeyId,
    refreshToken,
    tokens: "bearer",
    "sotto-device": deviceId,
  };
}

export const nowSeconds = (): number => Math.floor(systemClock.now().getTime() / 1000);
