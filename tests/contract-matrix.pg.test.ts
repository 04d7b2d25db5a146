// Who may do what: every operation by every kind of caller. What is expected follows from the documents; what does not
// is in the tables below, and an operation that would need a row there and has none fails.
import { randomBytes } from "node:crypto";
import { FRESH_SECONDS, TOKEN_AUDIENCE, TOKEN_ISSUER } from "@sotto/contracts/access-token";
import { faultsOf } from "@sotto/testkit/contract-answers";
import type { Operation } from "@sotto/testkit/contract-document";
import { sampleRequest } from "@sotto/testkit/contract-samples";
import { decodeJwt, importJWK, SignJWT } from "jose";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { toSigningKey } from "../services/user/src/keys/signing-key.ts";
import {
  type Ask,
  type ContractWorld,
  isForOperators,
  nowSeconds,
  PASSWORD,
  type Person,
  PUBLIC_URL,
  parametersOf,
  startContractWorld,
} from "./contract-world.ts";

let world: ContractWorld;
let alice: Person;
let bob: Person;
beforeAll(async () => {
  world = await startContractWorld();
  alice = await world.join("alice");
  bob = await world.join("bob");
});
afterAll(() => world.close());

/** What anybody may ask for without a token. */
const ANONYMOUS: ReadonlySet<string> = new Set([
  // With the token of a mail, or for one.
  "POST /api/user/email/verify",
  "POST /api/user/password/forgot",
  "POST /api/user/password/reset",
  "GET /api/notifications/unsubscribe",
  "POST /api/notifications/unsubscribe",
  "GET /.well-known/jwks.json",
  "GET /api/user/.well-known/jwks.json",
  "POST /api/user/refresh",
  "POST /api/user/register",
  "POST /api/user/sign-in",
  "POST /api/user/sign-in/passkey",
  "POST /api/user/sign-in/passkey/options",
  "POST /api/user/sign-in/second-factor",
]);

/**
 * Operations whose path names something. `own`: only its owner gets at it, and to others it is as if it were not there.
 * `label`: an id that the service keeps for the caller without
 * knowing whose it is, so that another's names something of the caller alone. `peer`: an account that others deal with; what they learn of it is what the operation is for. What is for operators
 * has its own prefix.
 */
const NAMED: Readonly<Record<string, "own" | "label" | "peer">> = {
  "DELETE /api/user/sessions/{sessionId}": "own",
  "DELETE /api/chat/devices/{deviceId}": "own",
  "PUT /api/chat/devices/{deviceId}/session": "own",
  "PUT /api/chat/devices/{deviceId}/prekeys": "own",
  "GET /api/chat/devices/{deviceId}/prekeys": "own",
  "POST /api/chat/devices/{deviceId}/prekeys/check": "own",
  "GET /api/chat/accounts/{accountId}/devices": "peer",
  "POST /api/chat/accounts/{accountId}/prekeys": "peer",
  "PUT /api/chat/conversations/direct/{accountId}": "peer",
  "POST /api/chat/conversations/{conversationId}/read": "own",
  "PUT /api/chat/conversations/{conversationId}/mute": "own",
  "DELETE /api/chat/conversations/{conversationId}/mute": "own",
  "GET /api/user/accounts/{accountId}": "peer",
  "PUT /api/chat/blocks/{accountId}": "peer",
  "DELETE /api/chat/blocks/{accountId}": "peer",
  "PUT /api/chat/contacts/{accountId}": "peer",
  "DELETE /api/chat/contacts/{accountId}": "peer",
  "PATCH /api/user/passkeys/{passkeyId}": "own",
  "DELETE /api/user/passkeys/{passkeyId}": "own",
  "PUT /api/notifications/push-subscriptions/{deviceId}": "label",
  "DELETE /api/notifications/push-subscriptions/{deviceId}": "label",
  "POST /api/notifications/{notificationId}/read": "own",
  "DELETE /api/notifications/{notificationId}": "own",
};

/** Services that know sessions; to the others a token is good until it expires, ten minutes at the most. */
const KNOWS_SESSIONS: ReadonlySet<string> = new Set(["user"]);

const secured = () => world.operations.filter(({ isSecured }) => isSecured);
const needsFreshness = ({ codes }: Operation) => codes.has("reauthentication_required");

async function askAs(operation: Operation, ask: Ask, whose: Person = alice) {
  const sample = sampleRequest(operation, parametersOf(whose));
  const headers = { ...sample.headers, ...ask.headers };
  const answer = await world.ask(operation, sample.path, { ...sample, ...ask, headers });
  expect(faultsOf(operation, answer), `${operation.name}: ${answer.text}`).toEqual([]);
  const code = answer.status >= 400 ? (JSON.parse(answer.text) as { code: string }).code : "done";
  return { ...answer, code };
}

let joined = 0;

/** Somebody for this operation alone: it may end the session, or the account. */
async function joinFor(operation: Operation): Promise<Person> {
  joined += 1;
  const person = await world.join(`person_${joined}`);
  if (isForOperators(operation)) {
    await world.owner.query(
      "update account.account set operator_role = 'administrator' where account_id = $1",
      [person.accountId],
    );
  }
  return person;
}

test("every operation has a row: it is for callers, or known to be for anybody, and what its path names is decided", () => {
  const anonymous = world.operations.filter(({ isSecured }) => !isSecured).map(({ name }) => name);
  expect(anonymous.sort()).toEqual([...ANONYMOUS].sort());
  const named = world.operations.filter(
    (one) => !isForOperators(one) && one.parameters.some((parameter) => parameter.in === "path"),
  );
  expect(named.map(({ name }) => name).sort()).toEqual(Object.keys(NAMED).sort());
});

type Forgery = {
  whose?: Person;
  key?: object;
  alg?: string;
  header?: Record<string, unknown>;
  claims?: Record<string, unknown>;
};

/** A token like the service's own, but for what is forged. */
async function forge({
  whose = alice,
  key = world.signingKey,
  alg = "EdDSA",
  header = {},
  claims = {},
}: Forgery): Promise<string> {
  const iat = nowSeconds();
  const payload = {
    sub: whose.accountId,
    sid: whose.sessionId,
    iss: TOKEN_ISSUER,
    aud: TOKEN_AUDIENCE,
    auth_time: iat,
    iat,
    exp: iat + 600,
    ...claims,
  };
  return new SignJWT(payload)
    .setProtectedHeader({ alg, kid: ownKid(), typ: "JWT", ...header })
    .sign(key instanceof Uint8Array ? key : await importJWK(key, alg));
}

const ownKid = (): string =>
  JSON.parse(Buffer.from(alice.accessToken.split(".")[0] ?? "", "base64url").toString()).kid;

function unsigned(header: object): string {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
  return `${part(header)}.${part(decodeJwt(alice.accessToken))}.`;
}

const otherKey = () => toSigningKey(randomBytes(32));

/** Tokens that are none of ours, by what is wrong with them. */
async function forgedTokens(): Promise<Record<string, string>> {
  const { x } = world.signingKey;
  const [head = "", , signature = ""] = alice.accessToken.split(".");
  const bobsClaims = bob.accessToken.split(".")[1];
  return {
    "a wrong audience": await forge({ claims: { aud: "other-api" } }),
    "a wrong issuer": await forge({ claims: { iss: "evil" } }),
    "no issuer": await forge({ claims: { iss: undefined } }),
    "no end": await forge({ claims: { exp: undefined } }),
    "no auth_time": await forge({ claims: { auth_time: undefined } }),
    "no session": await forge({ claims: { sid: undefined } }),
    "a session that is no id": await forge({ claims: { sid: "' or 1=1 --" } }),
    "an account that is no id": await forge({ claims: { sub: "alice" } }),
    "alg none": unsigned({ alg: "none", kid: ownKid() }),
    "no signature": unsigned({ alg: "EdDSA", kid: ownKid() }),
    "HS256 by the public key": await forge({ alg: "HS256", key: Buffer.from(x, "base64url") }),
    "HS256 by the public key as text": await forge({ alg: "HS256", key: Buffer.from(x.padEnd(32)) }),
    "another key of the same name": await forge({ key: { ...otherKey(), kid: ownKid() } }),
    "an unknown key": await forge({ header: { kid: "key-9" } }),
    "a key of its own in the header": await forge({
      key: otherKey(),
      header: { kid: "own", jwk: { kty: "OKP", crv: "Ed25519", x } },
    }),
    "the claims of another": `${head}.${bobsClaims}.${signature}`,
  };
}

describe("tokens", () => {
  test("a token by the service's own key is what the forged ones differ from", async () => {
    for (const operation of secured()) {
      const whose = await joinFor(operation);
      const { code } = await askAs(operation, { token: await forge({ whose }) }, whose);
      expect(["unauthenticated", "token_expired", "session_revoked"], operation.name).not.toContain(code);
    }
  });

  test("a forged one is refused by every operation, as a bearer token and as a cookie", async () => {
    for (const [what, token] of Object.entries(await forgedTokens())) {
      for (const operation of secured()) {
        const { code } = await askAs(operation, { token });
        expect(code, `${operation.name} with ${what}`).toBe("unauthenticated");
        const headers = { Cookie: `sotto_access=${token}`, Origin: PUBLIC_URL };
        expect((await askAs(operation, { headers })).code, `${operation.name} with ${what}`).toBe(
          "unauthenticated",
        );
      }
    }
  });

  test("one that has expired is refused by every operation, and said to be", async () => {
    const token = await forge({ claims: { exp: nowSeconds() - 1 } });
    for (const operation of secured()) {
      expect((await askAs(operation, { token })).code, operation.name).toBe("token_expired");
    }
  });

  test("one that is not valid yet is refused by every operation", async () => {
    const token = await forge({ claims: { nbf: nowSeconds() + 100 } });
    for (const operation of secured()) {
      expect((await askAs(operation, { token })).code, operation.name).toBe("unauthenticated");
    }
  });

  test("where a session must have proved itself lately, one that has not is asked to; elsewhere none is", async () => {
    for (const operation of secured()) {
      const whose = await joinFor(operation);
      const codeAfter = async (seconds: number) => {
        const token = await forge({ whose, claims: { auth_time: nowSeconds() - seconds } });
        return (await askAs(operation, { token }, whose)).code;
      };
      const stale = await codeAfter(FRESH_SECONDS + 1);
      if (needsFreshness(operation)) expect(stale, operation.name).toBe("reauthentication_required");
      else expect(stale, operation.name).not.toBe("reauthentication_required");
      expect(await codeAfter(FRESH_SECONDS - 10), operation.name).not.toBe("reauthentication_required");
    }
  });
});

/** Alice asks, as her own device, for what is the victim's. What fits a schema may still have a wrong number of bytes. */
async function askForTheirs(operation: Operation, victim: Person) {
  const known = { ...parametersOf(victim), "sotto-device": alice.deviceId };
  for (let seed = 1; ; seed += 1) {
    const sample = sampleRequest(operation, known, seed);
    const answer = await world.ask(operation, sample.path, { ...sample, token: alice.accessToken });
    if (answer.status !== 400 || seed === 20) return answer;
  }
}

/** The keys are those of RFC 8291 section 5. */
const PUSH_SUBSCRIPTION = {
  endpoint: "https://push.example.org/owner",
  keys: {
    p256dh: "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4",
    auth: "BTBZMqHH6r4Tts7J_aSIgg",
  },
};

describe("accounts", () => {
  test("what is another's is not there, and stays as it is", async () => {
    for (const operation of secured().filter(({ name }) => NAMED[name] === "own")) {
      const victim = await joinFor(operation);
      const answer = await askForTheirs(operation, victim);
      // Where something has to be signed, the signature is looked at first.
      const isRefused =
        answer.status === 404 || (answer.status === 422 && operation.codes.has("invalid_signature"));
      expect(isRefused, `${operation.name}: ${answer.status} ${answer.text}`).toBe(true);
      for (const secret of victim.secrets.slice(0, 1)) expect(answer.text).not.toContain(secret);
      const me = await world.ask({ service: "user", method: "GET" }, "/api/user/me", {
        token: victim.accessToken,
      });
      expect(me.status, operation.name).toBe(200);
      const devices = await world.ask({ service: "chat", method: "GET" }, "/api/chat/devices", {
        token: victim.accessToken,
      });
      expect(devices.text, operation.name).toContain(victim.deviceId);
    }
  });

  test("an id that is kept for its caller alone changes nothing of another who has the same", async () => {
    for (const operation of secured().filter(({ name }) => NAMED[name] === "label")) {
      const victim = await joinFor(operation);
      const known = sampleRequest(operation, parametersOf(victim));
      const subscribed = await world.ask({ service: "notification", method: "PUT" }, known.path, {
        token: victim.accessToken,
        body: PUSH_SUBSCRIPTION,
      });
      expect(subscribed.status, subscribed.text).toBe(204);
      const body = { ...PUSH_SUBSCRIPTION, endpoint: "https://push.example.org/thief" };
      const asked = operation.body ? { body } : {};
      const answer = await world.ask(operation, known.path, { token: alice.accessToken, ...asked });
      expect(answer.status, `${operation.name}: ${answer.text}`).toBe(204);
      const list = await world.ask(
        { service: "notification", method: "GET" },
        "/api/notifications/push-subscriptions",
        { token: victim.accessToken },
      );
      expect(JSON.parse(list.text), operation.name).toMatchObject({
        subscriptions: [{ deviceId: victim.deviceId, endpoint: PUSH_SUBSCRIPTION.endpoint }],
      });
    }
  });

  test("a device of another account does nothing for its thief", async () => {
    for (const operation of secured()) {
      if (!operation.parameters.some(({ name }) => name === "sotto-device")) continue;
      const { status } = await askAs(operation, { token: alice.accessToken }, bob);
      expect(status, operation.name).toBe(404);
    }
  });

  test("what a caller is told of itself holds nothing of another", async () => {
    for (const operation of secured().filter((one) => one.method === "GET" && !isForOperators(one))) {
      const { text } = await askAs(operation, { token: alice.accessToken });
      for (const secret of bob.secrets) expect(text, operation.name).not.toContain(secret);
    }
  });

  test("who is no operator gets at nothing that is for operators", async () => {
    for (const operation of secured().filter(isForOperators)) {
      const { code } = await askAs(operation, { token: alice.accessToken }, bob);
      expect(code, operation.name).toBe("not_found");
    }
  });
});

describe("sessions", () => {
  test("a token of a session that was ended is refused where sessions are known", async () => {
    const gone = await world.join("gone");
    await world.ask({ service: "user", method: "POST" }, "/api/user/sign-out", { token: gone.accessToken });
    for (const operation of secured().filter(({ service }) => KNOWS_SESSIONS.has(service))) {
      expect((await askAs(operation, { token: gone.accessToken }, gone)).code, operation.name).toBe(
        "session_revoked",
      );
    }
  });

  test("a token of a session that never was is refused where sessions are known", async () => {
    const token = await forge({ claims: { sid: "0190a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b" } });
    for (const operation of secured().filter(({ service }) => KNOWS_SESSIONS.has(service))) {
      expect((await askAs(operation, { token })).code, operation.name).toBe("session_revoked");
    }
  });

  test("by cookie nothing is changed from another site, or from none, and everything else is as with a token", async () => {
    const foreign: Record<string, string>[] = [
      {},
      { Origin: "https://evil.example" },
      { Origin: "null" },
      { "Sec-Fetch-Site": "same-site" },
      { "Sec-Fetch-Site": "cross-site", Origin: PUBLIC_URL },
    ];
    for (const operation of secured()) {
      for (const headers of foreign) {
        const Cookie = `sotto_access=${alice.accessToken}`;
        const { code } = await askAs(operation, { headers: { ...headers, Cookie } });
        if (operation.method === "GET") expect(code, operation.name).not.toBe("forbidden");
        else expect(code, `${operation.name} ${JSON.stringify(headers)}`).toBe("forbidden");
      }
      const own = { Cookie: `sotto_access=${alice.accessToken}`, Origin: PUBLIC_URL };
      const answer = await askAs(operation, { headers: own, text: "{" });
      if (operation.body) expect(answer.code, operation.name).not.toBe("forbidden");
    }
  });
});

test("an account that an operator has suspended is refused wherever accounts are known, with whatever it has", async () => {
  const held = await world.join("held");
  await world.owner.query(
    `update account.account set state = 'suspended', suspended_reason = 'spam' where account_id = $1`,
    [held.accountId],
  );
  await world.owner.query("update account.session set revoked_at = now() where account_id = $1", [
    held.accountId,
  ]);
  for (const operation of secured().filter(({ service }) => KNOWS_SESSIONS.has(service))) {
    expect((await askAs(operation, { token: held.accessToken }, held)).status, operation.name).toBe(401);
  }
  const post = (path: string, body: object) =>
    world.ask({ service: "user", method: "POST" }, `/api/user${path}`, { body });
  expect((await post("/refresh", { refreshToken: held.refreshToken })).status).toBe(401);
  const signIn = world.operations.find(({ name }) => name === "POST /api/user/sign-in");
  if (!signIn?.codes.has("account_suspended")) return;
  const answer = await post("/sign-in", { username: held.username, password: PASSWORD });
  expect(answer.status, answer.text).toBe(403);
});
