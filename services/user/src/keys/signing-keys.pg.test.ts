import { randomBytes } from "node:crypto";
import { type Serving, startServer } from "@sotto/platform/node-server";
import { createTokenVerifier, remoteKeys } from "@sotto/platform/token-verifier";
import { decodeProtectedHeader } from "jose";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { parseUserConfig } from "../config.ts";
import { createContext, type UserContext } from "../context.ts";
import { startUserApp, type UserApp } from "../user-app-fixture.ts";
import { rotateSigningKeys } from "./rotate-signing-keys.ts";
import { readSigningKeys } from "./signing-key-fixture.ts";

const DAY_SECONDS = 24 * 60 * 60;

let user: UserApp;
let serving: Serving;
const others: UserContext[] = [];
beforeAll(async () => {
  user = await startUserApp();
  const { log } = user.context;
  serving = await startServer(
    { host: "127.0.0.1", port: 0, log },
    { fetch: user.app.fetch, close: async () => {} },
  );
});
beforeEach(async () => {
  await user.owner.query("delete from account.signing_key");
  await user.context.signingKeys.reload();
});
afterAll(async () => {
  await serving.stop();
  await Promise.all(others.map((other) => other.close()));
  await user.close();
});

/** Another user service over the same database. */
async function startOther(env: Record<string, string> = {}): Promise<UserContext> {
  const { ACCOUNT_SECRET, DATABASE_URL, PUBLIC_URL, PORT } = user.config;
  const NOTIFICATION_SEAL_KEY = JSON.stringify(user.config.NOTIFICATION_SEAL_KEY);
  const config = parseUserConfig({
    ...{ ACCOUNT_SECRET, DATABASE_URL, PUBLIC_URL, NOTIFICATION_SEAL_KEY, PORT: String(PORT) },
    LOG_LEVEL: "fatal",
    ...env,
  });
  const context = await createContext(config, { clock: user.clock });
  others.push(context);
  return context;
}

const holder = () => ({
  accountId: "0190a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b",
  sessionId: "0190a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5c",
  authenticatedAt: user.clock.now(),
});
const signBy = async ({ accessTokens }: UserContext) => (await accessTokens.sign(holder())).token;
const kidOf = (token: string) => decodeProtectedHeader(token).kid;
const accepts = ({ accessTokens: { verifier } }: Pick<UserContext, "accessTokens">, token: string) =>
  verifier.verify(token).then(
    () => "accepted",
    (error: { code: string }) => error.code,
  );
const rotate = (how: { revoke: boolean }) =>
  user.context.db.transaction().execute((tx) => rotateSigningKeys(tx, user.context, how));
const published = async () => (await user.context.signingKeys.published()).map(({ kid }) => kid);

test("of several services that start at once over an empty table one makes the key, and all sign by it", async () => {
  await user.owner.query("delete from account.signing_key");
  const services = await Promise.all(Array.from({ length: 5 }, () => startOther()));
  const tokens = await Promise.all(services.map(signBy));
  expect(new Set(tokens.map(kidOf)).size).toBe(1);
  const { rows } = await user.owner.query("select kid from account.signing_key");
  expect(rows).toEqual([{ kid: kidOf(tokens[0] ?? "") }]);
});

test("the database holds no private half that it could read", async () => {
  const [key] = await readSigningKeys(user);
  const { rows } = await user.owner.query("select k::text as row from account.signing_key k");
  const seed = Buffer.from(key?.d ?? "", "base64url");
  expect(seed).toHaveLength(32);
  expect(rows[0].row).not.toContain(key?.d);
  expect(rows[0].row).not.toContain(seed.toString("hex"));
});

test("the next key is published for ten minutes before it signs, the former one for as long as its tokens live", async () => {
  const first = kidOf(await signBy(user.context));
  user.clock.advance(30 * DAY_SECONDS - 1);
  await user.context.signingKeys.reload();
  expect(await published()).toEqual([first]);
  user.clock.advance(1);
  await user.context.signingKeys.reload();
  const next = (await published()).find((kid) => kid !== first);
  expect(await published()).toEqual([first, next]);
  user.clock.advance(599);
  const last = await signBy(user.context);
  expect(kidOf(last)).toBe(first);
  user.clock.advance(1);
  expect(kidOf(await signBy(user.context))).toBe(next);
  user.clock.advance(598);
  expect(await accepts(user.context, last)).toBe("accepted");
  user.clock.advance(602);
  expect(await published()).toEqual([next]);
  await user.context.signingKeys.reload();
  const { rows } = await user.owner.query("select kid from account.signing_key");
  expect(rows).toEqual([{ kid: next }]);
});

test("services that find a rotation due at the same moment make one key", async () => {
  const services = [user.context, await startOther(), await startOther()];
  user.clock.advance(30 * DAY_SECONDS);
  await Promise.all(services.map(({ signingKeys }) => signingKeys.reload()));
  const { rows } = await user.owner.query("select count(*)::int from account.signing_key");
  expect(rows[0].count).toBe(2);
});

test("a rotation by one service reaches another when it meets the new key, and costs a flood of unknown keys nothing", async () => {
  const other = await startOther();
  await other.signingKeys.reload();
  await rotate({ revoke: true });
  await user.context.signingKeys.reload();
  const token = await signBy(user.context);
  // It has read the table a moment ago.
  expect(await accepts(other, token)).toBe("unauthenticated");
  user.clock.advance(5);
  expect(await accepts(other, token)).toBe("accepted");
  let reads = 0;
  other.pool.on("acquire", () => {
    reads += 1;
  });
  user.clock.advance(5);
  const head = Buffer.from(JSON.stringify({ alg: "EdDSA", kid: "unknown" })).toString("base64url");
  const forged = `${head}.${token.split(".").slice(1).join(".")}`;
  for (let tries = 0; tries < 50; tries++) expect(await accepts(other, forged)).toBe("unauthenticated");
  expect(reads).toBe(1);
});

test("a verifier of another service accepts a rotated key without a restart, and refuses a revoked one", async () => {
  const verifier = createTokenVerifier({
    keys: remoteKeys(`http://127.0.0.1:${serving.address.port}/.well-known/jwks.json`),
    clock: user.clock,
  });
  const remote = { accessTokens: { ...user.context.accessTokens, verifier } };
  const before = await signBy(user.context);
  expect(await accepts(remote, before)).toBe("accepted");
  await rotate({ revoke: false });
  await user.context.signingKeys.reload();
  user.clock.advance(599);
  const last = await signBy(user.context);
  user.clock.advance(1);
  const after = await signBy(user.context);
  expect(kidOf(after)).not.toBe(kidOf(last));
  // Its own clock, which no test moves, decides when it may ask again.
  await expect.poll(() => accepts(remote, after), { timeout: 10_000 }).toBe("accepted");
  expect(await accepts(remote, last)).toBe("accepted");
  await rotate({ revoke: true });
  await user.context.signingKeys.reload();
  expect(await accepts(user.context, after)).toBe("unauthenticated");
  const revived = await signBy(user.context);
  await expect.poll(() => accepts(remote, revived), { timeout: 10_000 }).toBe("accepted");
  for (const token of [last, after]) expect(await accepts(remote, token)).toBe("unauthenticated");
});

test("with another secret than before, as after a restore, the keys are ignored and a new one is made", async () => {
  const before = await signBy(user.context);
  const changed = await startOther({ ACCOUNT_SECRET: randomBytes(32).toString("base64url") });
  const token = await signBy(changed);
  expect(kidOf(token)).not.toBe(kidOf(before));
  expect(await accepts(changed, token)).toBe("accepted");
  expect(await accepts(changed, before)).toBe("unauthenticated");
  // The service with the other secret goes on: neither takes the other's key away before its time.
  await user.context.signingKeys.reload();
  expect(kidOf(await signBy(user.context))).toBe(kidOf(before));
  user.clock.advance(31 * DAY_SECONDS);
  await changed.signingKeys.reload();
  const { rows } = await user.owner.query("select kid from account.signing_key where kid = $1", [
    kidOf(before),
  ]);
  expect(rows).toEqual([]);
});

test("a key that somebody writes into the database signs and verifies nothing", async () => {
  const token = await signBy(user.context);
  await user.owner.query("update account.signing_key set public_x = $1", ["A".repeat(43)]);
  await user.context.signingKeys.reload();
  expect(await accepts(user.context, token)).toBe("accepted");
  await user.owner.query(
    `insert into account.signing_key (kid, public_x, sealed_private, created_at, signs_from)
     select 'forged', public_x, sealed_private, created_at, signs_from from account.signing_key`,
  );
  await user.context.signingKeys.reload();
  expect(await published()).toEqual([kidOf(token)]);
});
