// The routes of this folder as an app over a real database, for tests.
import { randomUUID } from "node:crypto";
import { TOKEN_AUDIENCE, TOKEN_ISSUER } from "@sotto/contracts/access-token";
import type { PrekeyStock, RegisterDeviceRequest, SignedDeviceList } from "@sotto/contracts/device-api";
import type { DomainEvent } from "@sotto/contracts/events";
import { systemClock } from "@sotto/platform/clock";
import { createDatabase } from "@sotto/platform/db";
import type { ChatDatabase } from "@sotto/platform/db-types/chat";
import { type App, createApp } from "@sotto/platform/http";
import { systemIds } from "@sotto/platform/ids";
import { createLimits } from "@sotto/platform/limits";
import { createLogger } from "@sotto/platform/log";
import { createTokenVerifier } from "@sotto/platform/token-verifier";
import { createTestDatabase } from "@sotto/testkit/postgres";
import { type Kysely, sql, type Transaction } from "kysely";
import pg from "pg";
import { expect } from "vitest";
import { chatLimits } from "../limits.ts";
import { ACCOUNT_LOCK_CLASS, accountLockKey } from "./account-lock.ts";
import { deviceConstraints } from "./device-constraints.ts";
import type { DeviceContext } from "./device-context.ts";
import {
  createAccount,
  createDevice,
  createRegistration,
  type TestAccount,
  type TestDevice,
} from "./device-fixture.ts";
import { deviceBodyLimits, deviceRoutes } from "./routes.ts";

export type Call = { token?: string; body?: unknown; rawBody?: string; headers?: Record<string, string> };
export type Answer = { status: number; headers: Headers; body: Record<string, unknown> & { code?: string } };

/** A person who has signed in: an account, a session and its token. */
export type Person = { account: TestAccount; sessionId: string; token: string };

/** A person with a registered device. */
export type Joined = Person & { device: TestDevice; list: SignedDeviceList; request: RegisterDeviceRequest };

/** Claims of one caller for one device within the window. */
export const CLAIMS_ALLOWED = chatLimits["prekey-claim.pair"].burst;
/** Changes of devices, of each kind. */
export const CHANGES_ALLOWED = chatLimits["device-change.account"].burst;

type Recorded = {
  lowDevices: { deviceId: string; stock: PrekeyStock }[];
  closedDevices: { deviceId: string; sessionId: string; reason: string }[];
};

/** Starts the app; `close` it after the tests. */
export async function startDeviceApp() {
  const database = await createTestDatabase();
  const log = createLogger({ service: "test", level: "silent" });
  const tokens = await createTokens();
  const recorded: Recorded = { lowDevices: [], closedDevices: [] };
  const { context, close } = createDeviceContext(database.urlFor("chat"), tokens.publicKey, recorded);
  const app = createApp({ log, constraints: deviceConstraints, bodyLimits: deviceBodyLimits });
  app.route("/api/chat", deviceRoutes(context));
  const call = (method: string, path: string, request?: Call) => send(app, method, path, request);

  async function signIn(account: TestAccount = createAccount()): Promise<Person> {
    const sessionId = randomUUID();
    return { account, sessionId, token: await tokens.sign(account.accountId, sessionId) };
  }

  return {
    context,
    call,
    signIn,
    ...recorded,
    signToken: tokens.sign,
    /** A person with one registered device that has `keys` one-time keys of each kind. */
    async join(keys = 3): Promise<Joined> {
      const person = await signIn();
      const device = createDevice();
      const list = person.account.signList([device]);
      const request = createRegistration(person.account, device, list, keys);
      const { status, body } = await call("POST", "/devices", { token: person.token, body: request });
      if (status !== 201) throw new Error(`could not register: ${JSON.stringify(body)}`);
      return { ...person, device, list, request };
    },
    /** Runs `attempt` while `hold` keeps a transaction open, ends that once `waiting` statements wait for it. */
    async whileHeld<T>(
      hold: (tx: Transaction<ChatDatabase>) => Promise<unknown>,
      waiting: number,
      attempt: () => Promise<T>,
      before: (tx: Transaction<ChatDatabase>) => Promise<unknown> = async () => undefined,
    ): Promise<T> {
      const attempted = await context.db.transaction().execute(async (tx) => {
        await hold(tx);
        const result = attempt();
        await expect.poll(() => countWaiting(context.db), { timeout: 5000, interval: 10 }).toBe(waiting);
        await before(tx);
        return [result] as const;
      });
      return attempted[0];
    },
    events: () => readEvents(database.ownerUrl),
    async close(): Promise<void> {
      await close();
      await database.drop();
    },
  };
}

/** Statements of this database that wait for a lock now. */
async function countWaiting(db: Kysely<ChatDatabase>): Promise<number> {
  const { rows } = await sql`
    select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`.execute(
    db,
  );
  return rows.length;
}

/** Holds the lock that a transaction which stores messages for the account holds. */
export function holdAsStorer(accountId: string) {
  return (tx: Transaction<ChatDatabase>) =>
    sql`select pg_advisory_xact_lock_shared(${ACCOUNT_LOCK_CLASS}::int, ${accountLockKey(accountId)}::int)`.execute(
      tx,
    );
}

function createDeviceContext(url: string, publicKey: CryptoKey, recorded: Recorded) {
  const log = createLogger({ service: "test", level: "silent" });
  const { db, pool, close } = createDatabase<ChatDatabase>({ url, max: 10, applicationName: "test", log });
  const context: DeviceContext = {
    db,
    clock: systemClock,
    ids: systemIds,
    verifier: createTokenVerifier({ keys: async () => publicKey, clock: systemClock }),
    publicOrigin: "http://localhost:8080",
    limits: createLimits(chatLimits, { pool, schema: "chat", clock: systemClock, log }),
    keysLow: (deviceId, stock) => recorded.lowDevices.push({ deviceId, stock }),
    closeDevice: (ended, reason) => recorded.closedDevices.push({ ...ended, reason }),
  };
  return { context, close };
}

async function send(app: App, method: string, path: string, request: Call = {}): Promise<Answer> {
  const text = request.rawBody ?? (request.body === undefined ? undefined : JSON.stringify(request.body));
  const response = await app.request(`/api/chat${path}`, {
    method,
    headers: {
      ...(request.token && { Authorization: `Bearer ${request.token}` }),
      ...(text !== undefined && { "Content-Type": "application/json" }),
      ...request.headers,
    },
    ...(text !== undefined && { body: text }),
  });
  const answer = await response.text();
  return { status: response.status, headers: response.headers, body: answer ? JSON.parse(answer) : {} };
}

/** Every event in the outbox, oldest first, read as the owner: the service's own role may not. */
async function readEvents(ownerUrl: string): Promise<DomainEvent[]> {
  const client = new pg.Client({ connectionString: ownerUrl });
  await client.connect();
  try {
    const { rows } = await client.query<{ events: DomainEvent[] }>(
      "select events from outbox.event order by id",
    );
    return rows.flatMap(({ events }) => events);
  } finally {
    await client.end();
  }
}

export type DeviceApp = Awaited<ReturnType<typeof startDeviceApp>>;

/** Access tokens (RFC 7519) signed by a key of this test. */
async function createTokens() {
  const { privateKey, publicKey } = (await crypto.subtle.generateKey("Ed25519", false, [
    "sign",
    "verify",
  ])) as CryptoKeyPair;
  const encode = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString("base64url");
  return {
    publicKey,
    async sign(accountId: string, sessionId: string, ageSeconds = 0): Promise<string> {
      const iat = Math.floor(systemClock.now().getTime() / 1000) - ageSeconds;
      const claims = {
        iss: TOKEN_ISSUER,
        aud: TOKEN_AUDIENCE,
        sub: accountId,
        sid: sessionId,
        auth_time: iat,
        iat,
        exp: iat + 600,
      };
      const head = `${encode({ alg: "EdDSA", kid: "test" })}.${encode(claims)}`;
      const signature = await crypto.subtle.sign("Ed25519", privateKey, Buffer.from(head));
      return `${head}.${Buffer.from(signature).toString("base64url")}`;
    },
  };
}
