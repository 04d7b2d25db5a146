// The floor of `sign-in` beside the hash: a bare HTTP server with the two statements and the hash of a sign-in. Nothing is
// checked but the password, no token is signed, nothing is logged.
import { randomBytes } from "node:crypto";
import http from "node:http";
import { availableParallelism } from "node:os";
import { drawBoth } from "@sotto/platform/bucket-store";
import { createPool } from "@sotto/platform/db";
import { systemIds } from "@sotto/platform/ids";
import { createLogger } from "@sotto/platform/log";
import { createHashThreads } from "@sotto/user-service/passwords/hash-threads";
import { createPasswordHasher } from "@sotto/user-service/passwords/password-hasher";
import { createWorkQueue } from "@sotto/user-service/passwords/work-queue";
import { openUnchanged } from "@sotto/user-service/sessions/open-session-queries";
import { startChain } from "@sotto/user-service/sessions/refresh-chain";
import { askSignInAccount, type SignInAccount } from "@sotto/user-service/sessions/sign-in-queries";

const POOL_SIZE = 10;
const MAX_WAITING = 64;
/** Of a bucket that never runs out. */
const FREE = { points: 1, costMs: 0, capacityMs: 1_000_000_000 } as const;
/** As long as a signed token. */
const ACCESS_TOKEN = randomBytes(240).toString("base64url");
const DAY_MS = 86_400_000;

const pool = createPool({
  url: process.env.DATABASE_URL ?? "",
  max: POOL_SIZE,
  applicationName: "sign-in-floor",
  log: createLogger({ service: "bench", level: "warn" }),
});
const hashThreads = createHashThreads();
const passwords = createPasswordHasher({
  argon2: hashThreads,
  queue: createWorkQueue({ concurrency: availableParallelism(), maxWaiting: MAX_WAITING }),
});

async function findAccount(username: string): Promise<SignInAccount | undefined> {
  const draws = {
    first: { key: "floor.address:here", ...FREE },
    second: { key: `floor.account:${username}`, ...FREE },
  };
  const store = { pool, schema: "account", nowMs: Date.now() };
  return (await drawBoth(store, draws, askSignInAccount({ username }))).answer;
}

async function open({ account, passwordHash }: SignInAccount): Promise<string> {
  const { accountId, username, email } = account;
  const at = new Date();
  const sessionId = systemIds.uuidv7();
  const old = new Date(at.getTime() - DAY_MS);
  const data = { accountId, username, email, language: null, notice: "new-session", client: null };
  const event = { id: systemIds.uuidv7(), type: "user.security-notice", version: 1, occurredAt: at };
  const isOpen = await openUnchanged(pool, {
    unchanged: { accountId, username, email, passwordHash },
    session: {
      ...{ sessionId, accountId, at, client: null },
      refreshKey: randomBytes(32),
      chain: startChain(randomBytes(32)),
    },
    endedBefore: { revoked: old, used: old },
    auditId: systemIds.uuidv7(),
    address: "127.0.0.1",
    details: '{"method":"password"}',
    events: JSON.stringify([{ ...event, key: accountId, data }]),
    owed: { key: `floor.account:${username}`, ms: 0 },
  });
  if (!isOpen) throw new Error("the account has changed");
  const session = { sessionId, accessToken: ACCESS_TOKEN, accessTokenExpiresAt: at, refreshToken: sessionId };
  return JSON.stringify({ account, session });
}

async function answer(text: string): Promise<string> {
  const { username, password } = JSON.parse(text) as { username: string; password: string };
  const found = await findAccount(username);
  if (!found || !(await passwords.verify(found.passwordHash, password)))
    throw new Error("a right password was found wrong");
  return open(found);
}

const server = http.createServer((request, response) => {
  let text = "";
  request.on("data", (chunk: Buffer) => {
    text += chunk.toString();
  });
  request.on("end", () => {
    const done = (status: number, body: string) =>
      response.writeHead(status, { "Content-Length": Buffer.byteLength(body) }).end(body);
    if (text === "") done(200, "");
    else
      answer(text).then(
        (body) => done(200, body),
        (error: unknown) => done(500, String(error)),
      );
  });
});
server.listen(Number(process.env.PORT), "127.0.0.1");
process.once("SIGTERM", () => process.exit(0));
