import type { SignedIn } from "@sotto/contracts/user-api";
import { createTestDatabase } from "@sotto/testkit/postgres";
import { Client } from "pg";
import { createUserApp } from "./app.ts";
import { parseUserConfig } from "./config.ts";
import { createContext, type UserSources } from "./context.ts";
import { newSealKey, newUserEnv } from "./user-env-fixture.ts";

export const PASSWORD = "correct horse battery";

/** A clock that stands still until it is told to go on. */
export function createTestClock(start = "2026-03-01T12:00:00Z") {
  let now = Date.parse(start);
  return {
    now: () => new Date(now),
    monotonicMs: () => now,
    advance: (seconds: number) => {
      now += seconds * 1000;
    },
  };
}

type Request = {
  body?: unknown;
  token?: string;
  headers?: Record<string, string>;
  /** Network address of the client; one of its own for each request when absent. */
  address?: string;
};

/** The user service over a database of its own; requests go to its `fetch`. */
export async function startUserApp(
  options: { env?: Record<string, string>; sources?: Partial<UserSources> } = {},
) {
  const database = await createTestDatabase();
  const notificationKey = newSealKey();
  const clock = createTestClock();
  const config = parseUserConfig({
    ...newUserEnv(),
    DATABASE_URL: database.urlFor("user"),
    NOTIFICATION_SEAL_KEY: JSON.stringify(notificationKey.publicKey),
    ...options.env,
  });
  const context = await createContext(config, { clock, ...options.sources });
  const app = createUserApp(context);
  const owner = new Client({ connectionString: database.ownerUrl });
  await owner.connect();

  let clients = 0;
  const nextAddress = () => {
    clients += 1;
    return `10.${(clients >> 16) & 255}.${(clients >> 8) & 255}.${clients & 255}`;
  };

  async function send(
    method: string,
    path: string,
    { body, token, headers, address = nextAddress() }: Request = {},
  ) {
    const request = {
      method,
      headers: {
        ...(body !== undefined && { "Content-Type": "application/json" }),
        ...(token !== undefined && { Authorization: `Bearer ${token}` }),
        ...headers,
      },
      ...(body !== undefined && { body: typeof body === "string" ? body : JSON.stringify(body) }),
    };
    // As the Node server hands a connection on.
    return app.request(`http://localhost${path}`, request, {
      incoming: { socket: { remoteAddress: address } },
    });
  }

  return {
    app,
    context,
    clock,
    owner,
    config,
    /** Opens what is sealed to the notification service. */
    notificationKey: notificationKey.privateKey,
    databaseUrl: config.DATABASE_URL,
    get: (path: string, request?: Request) => send("GET", `/api/user${path}`, request),
    post: (path: string, request?: Request) => send("POST", `/api/user${path}`, request),
    send,
    async register(username: string): Promise<Registered> {
      const body = { username, email: `${username}@example.org`, password: PASSWORD };
      const response = await send("POST", "/api/user/register", { body });
      if (response.status !== 201) throw new Error(`registering ${username}: ${await response.text()}`);
      return toRegistered((await response.json()) as SignedIn);
    },
    /** Types of the events in the outbox, in their order. */
    async events(): Promise<{ type: string; key: string; data: Record<string, unknown> }[]> {
      const { rows } = await owner.query("select events from outbox.event order by id");
      return rows.flatMap((row) => row.events);
    },
    async close() {
      await context.close();
      await owner.end();
      await database.drop();
    },
  };
}

export type UserApp = Awaited<ReturnType<typeof startUserApp>>;
export type Registered = { accountId: string; sessionId: string; accessToken: string; refreshToken: string };

/** The parts of a bearer answer that tests go on with. */
export function toRegistered({ account, session }: SignedIn): Registered {
  const { sessionId, accessToken, refreshToken } = session;
  if (!accessToken || !refreshToken) throw new Error("the answer holds no tokens");
  return { accountId: account.accountId, sessionId, accessToken, refreshToken };
}
