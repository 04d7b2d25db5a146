import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { makeChallenge } from "./challenges/challenge-token.ts";
import { createAuthenticator } from "./passkeys/authenticator-fixture.ts";
import { passwordBinding } from "./second-factors/require-second-factor.ts";
import { bodyOf, type Creation, enablePasskey, enableTotp } from "./second-factors/second-factor-fixture.ts";
import { startUserApp, type UserApp } from "./user-app-fixture.ts";

let user: UserApp;
let token: string;
beforeAll(async () => {
  // Neither hash nor limits are what is tested here.
  const argon2 = {
    hash: async () => "$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHQ$AAAA",
    verify: async () => false,
  };
  user = await startUserApp({ sources: { argon2 }, env: { RATE_LIMITS: '{"*":"off"}' } });
  token = (await user.register("alice")).accessToken;
});
afterAll(() => user.close());

const anyText = fc.string({ unit: "binary", maxLength: 300 });
const oddValues = fc.constantFrom<unknown>(
  "alice",
  "\u0000",
  "a\u0000b",
  "\ud800",
  "\u202e",
  "K",
  "İ",
  "%",
  "' or 1=1 --",
  -1,
  1e308,
  null,
  true,
  [],
  {},
  "x".repeat(5000),
  { toString: 1 },
  ["alice"],
);
const anyValue = fc.oneof({ weight: 3, arbitrary: oddValues }, anyText, fc.jsonValue({ maxDepth: 3 }));
const fieldName = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.constantFrom(
      "username",
      "email",
      "password",
      "tokens",
      "refreshToken",
      "client",
      "challenge",
      "proof",
      "totp",
      "code",
      "recoveryCode",
      "passkey",
      "response",
      "name",
      "displayName",
      "token",
      "currentPassword",
      "newPassword",
    ),
  },
  fc.constantFrom("__proto__", "constructor", "prototype", "toString", "hasOwnProperty", ""),
  anyText,
);
const anyToken = fc.constantFrom("A".repeat(43), "-_".repeat(22), "\u0000".repeat(43), `${"A".repeat(42)}-`);
const anyPassword = fc.oneof(
  fc.constant("password1234"),
  fc.string({ unit: "binary", minLength: 12, maxLength: 256 }),
);
/** As text, because an object literal cannot carry an own `__proto__`. */
const anyBody = fc.oneof(
  fc
    .array(fc.tuple(fieldName, anyValue), { maxLength: 6 })
    .map(
      (fields) =>
        `{${fields.map(([name, value]) => `${JSON.stringify(name)}:${JSON.stringify(value)}`).join()}}`,
    ),
  fc
    .record({ username: anyValue, email: anyValue, password: fc.oneof(anyText, anyValue) })
    .map((body) => JSON.stringify(body)),
  fc
    .record({
      username: fc.stringMatching(/^[a-z][a-z0-9_]{2,31}$/),
      password: anyPassword,
    })
    .map((body) => JSON.stringify({ ...body, email: "a@example.org" })),
  fc
    .record({ username: anyText, password: fc.string({ unit: "binary", minLength: 12, maxLength: 256 }) })
    .map((body) => JSON.stringify({ ...body, email: "a@example.org" })),
  anyToken.map((token) => JSON.stringify({ token })),
  fc.record({ token: anyToken, newPassword: anyPassword }).map((body) => JSON.stringify(body)),
  fc.record({ currentPassword: anyText, newPassword: anyPassword }).map((body) => JSON.stringify(body)),
  fc.emailAddress().map((email) => JSON.stringify({ email })),
  fc.record({ displayName: fc.oneof(anyText, anyValue) }).map((body) => JSON.stringify(body)),
  fc.json(),
  anyText,
);
const anyHeaders = fc.dictionary(
  fc.constantFrom(
    "Content-Type",
    "Authorization",
    "Cookie",
    "Origin",
    "Sec-Fetch-Site",
    "X-Request-Id",
    "Accept",
  ),
  fc.oneof(
    fc.constantFrom(
      "application/json",
      "application/json; charset=utf-16",
      "application/json, application/json",
      "multipart/form-data",
      "Bearer ..",
      "Bearer a.b.c, Bearer a.b.c",
      "sotto_access=x; sotto_refresh=y",
      "sotto_refresh=%E0%A4%A",
      "http://localhost:8080",
      "same-origin",
    ),
    fc.stringMatching(/^[ -~]{1,200}$/).filter((text) => text.trim() !== ""),
  ),
);

/** Answers by status, to see that the cases reach further than the first check. */
const answers = new Map<number, number>();

async function expectNoServerError(response: Response, sent: unknown): Promise<void> {
  const text = await response.text();
  answers.set(response.status, (answers.get(response.status) ?? 0) + 1);
  expect(response.status, `${JSON.stringify(sent)} -> ${text}`).toBeLessThan(500);
}

test("no body and no header makes the service fail", { timeout: 60_000 }, async () => {
  // These would end the session that the other cases need.
  const ending = ["/sign-out", "/deactivate", "/delete"];
  const routes = fc.constantFrom(
    ...ending,
    "/register",
    "/sign-in",
    "/refresh",
    "/sign-in/second-factor",
    "/sign-in/passkey/options",
    "/sign-in/passkey",
    "/reauthenticate",
    "/reauthenticate/passkey/options",
    "/second-factors/totp/confirm",
    "/passkeys/options",
    "/passkeys",
    "/email/verify",
    "/email/verification",
    "/email/change",
    "/password/change",
    "/password/forgot",
    "/password/reset",
    "PATCH /me",
  );
  const withToken = fc.boolean();
  // What chance alone does not reach in every run.
  const newcomer = { username: "newcomer", email: "n@example.org" };
  const reaching = (
    [
      ["/register", { ...newcomer, password: "correct horse battery staple" }],
      ["/register", { ...newcomer, password: "aaaaaaaaaaaa" }],
      ["/email/verify", { token: "A".repeat(43) }],
    ] as const
  ).map(([route, body]): [string, string, Record<string, string>, boolean] => [
    route,
    JSON.stringify(body),
    {},
    false,
  ]);
  await fc.assert(
    fc.asyncProperty(routes, anyBody, anyHeaders, withToken, async (route, body, headers, isCaller) => {
      const caller = isCaller && !ending.includes(route) ? { token } : {};
      const request = { body, ...caller, headers };
      const [method = "POST", path = route] = route.startsWith("/") ? [] : route.split(" ");
      const response = await user.send(method, `/api/user${path}`, request);
      await expectNoServerError(response, { route, ...request });
    }),
    { numRuns: 1500, examples: reaching },
  );
  expect([...answers.keys()]).toEqual(expect.arrayContaining([200, 201, 202, 400, 401, 410]));
});

test("no query makes the service fail", { timeout: 60_000 }, async () => {
  const anyQuery = fc.array(
    fc.tuple(
      fc.constantFrom("prefix", "limit", "__proto__", "x"),
      fc.oneof(anyText, fc.constantFrom("a", "20")),
    ),
    { maxLength: 4 },
  );
  await fc.assert(
    fc.asyncProperty(anyQuery, async (query) => {
      const search = query
        .map(([name, value]) => `${name}=${encodeURIComponent(value.toWellFormed())}`)
        .join("&");
      await expectNoServerError(await user.get(`/accounts?${search}`, { token }), search);
    }),
    { numRuns: 300 },
  );
});

test("a query that is not valid UTF-8 does not make the service fail", async () => {
  for (const query of ["prefix=%", "prefix=%ff", "prefix=%E0%A4%A", "prefix=%00", "%=%"]) {
    await expectNoServerError(await user.get(`/accounts?${query}`, { token }), query);
  }
});

/** Bytes that are nearly what they should be: some changed, cut off, or doubled. */
const damage = fc.oneof(
  fc.record({ kind: fc.constant("change" as const), at: fc.nat(), to: fc.nat(255) }),
  fc.record({ kind: fc.constant("cut" as const), at: fc.nat(), to: fc.nat(255) }),
  fc.record({ kind: fc.constant("insert" as const), at: fc.nat(), to: fc.nat(255) }),
);
type Damage = { kind: "change" | "cut" | "insert"; at: number; to: number };

function damaged(text: string, { kind, at, to }: Damage): string {
  const bytes = Buffer.from(text, "base64url");
  const index = bytes.length === 0 ? 0 : at % bytes.length;
  const [before, after] = [bytes.subarray(0, index), bytes.subarray(index)];
  if (kind === "cut") return before.toString("base64url") || "AA";
  const byte = Buffer.from([to]);
  return Buffer.concat([before, byte, kind === "change" ? after.subarray(1) : after]).toString("base64url");
}

/** CBOR (RFC 8949) that promises more than follows, nests deeply, or is of no use. */
const brokenCbor = fc.oneof(
  fc.uint8Array({ minLength: 1, maxLength: 400 }).map((bytes) => Buffer.from(bytes)),
  fc
    .constantFrom(
      "bb7fffffffffffffff",
      "9b7fffffffffffffff",
      "5b7fffffffffffffff",
      "bf",
      "9f",
      "ff",
      "a0",
      "f97e00",
      "fb7ff0000000000000",
    )
    .map((hex) => Buffer.from(hex, "hex")),
  fc.nat(12_000).map((depth) => Buffer.alloc(depth + 1, 0x81)),
  fc
    .nat(4000)
    .map((count) => Buffer.concat([Buffer.from([0xb9, count >> 8, count & 255]), Buffer.alloc(count * 2)])),
);
const brokenText = fc.oneof(
  brokenCbor.map((bytes) => bytes.toString("base64url")),
  fc.stringMatching(/^[A-Za-z0-9_-]{1,300}$/),
  fc.json().map((text) => Buffer.from(text).toString("base64url")),
);

test("no answer of an authenticator makes the service fail, however it is broken", {
  timeout: 60_000,
}, async () => {
  const owner = await user.register("key_owner");
  const { authenticator } = await enablePasskey(user, owner.accessToken);
  const fields = fc.constantFrom(
    "clientDataJSON",
    "attestationObject",
    "authenticatorData",
    "signature",
    "userHandle",
  );
  const broken = fc.oneof(damage, brokenText);
  const seen = new Set<string>();
  await fc.assert(
    fc.asyncProperty(fields, broken, fc.boolean(), async (field, how, isNew) => {
      const asked = await bodyOf<Creation>(
        await user.post(isNew ? "/passkeys/options" : "/sign-in/passkey/options", {
          token: owner.accessToken,
        }),
      );
      const answer = isNew ? createAuthenticator().create(asked.options) : authenticator.get(asked.options);
      const parts = answer.response as Record<string, unknown>;
      const whole = String(parts[field] ?? parts.clientDataJSON);
      const response = {
        ...answer,
        response: {
          ...parts,
          [field in parts ? field : "clientDataJSON"]: typeof how === "string" ? how : damaged(whole, how),
        },
      };
      const body = { challenge: asked.challenge, response, ...(isNew && { name: "Broken" }) };
      const result = await user.post(isNew ? "/passkeys" : "/sign-in/passkey", {
        body,
        token: owner.accessToken,
      });
      const { code = "" } = (await result.clone().json()) as { code?: string };
      // Not every byte of an authenticator means something: what was added goes, so that there is always room.
      if (result.status === 201) {
        const { passkeyId } = (await result.clone().json()) as { passkeyId: string };
        await user.owner.query("delete from account.passkey where passkey_id = $1", [passkeyId]);
      }
      seen.add(code);
      await expectNoServerError(result, body);
    }),
    { numRuns: 400 },
  );
  // Nothing else: a damaged answer is refused, or so little damaged that it is still right.
  expect(
    [...seen].filter((code) => !["", "bad_request", "already_exists", "limit_reached"].includes(code)).sort(),
  ).toEqual(["invalid_credentials", "invalid_signature"]);
});

test("no second factor makes the service fail, whatever it is", { timeout: 60_000 }, async () => {
  const owner = await user.register("code_owner");
  const { secret } = await enableTotp(user, owner.accessToken);
  const seen = new Set<string>();
  const proof = fc.oneof(
    fc.record({ totp: fc.oneof(anyValue, fc.stringMatching(/^[0-9]{6}$/)) }),
    fc.record({ recoveryCode: fc.oneof(anyValue, fc.stringMatching(/^[0-9A-Z]{5}-[0-9A-Z]{5}$/)) }),
    fc.record({ passkey: anyValue }),
    fc.constant({ totp: secret, recoveryCode: secret }),
    anyValue,
  );
  const { rows } = await user.owner.query("select password_hash from account.account where account_id = $1", [
    owner.accountId,
  ]);
  const binding = passwordBinding(rows[0].password_hash);
  const { token: right } = makeChallenge(user.context, "second-factor", {
    accountId: owner.accountId,
    binding,
  });
  const challenge = fc.oneof(brokenText, anyText, { weight: 6, arbitrary: fc.constant(right) });
  await fc.assert(
    fc.asyncProperty(challenge, proof, fc.boolean(), async (token_, given, isCaller) => {
      const { accessToken: token } = owner;
      const response = isCaller
        ? await user.post("/reauthenticate", {
            token,
            body: { password: "a password", ...(given as object) },
          })
        : await user.post("/sign-in/second-factor", { body: { challenge: token_, proof: given } });
      const { code = "" } = (await response.clone().json()) as { code?: string };
      seen.add(code);
      await expectNoServerError(response, given);
    }),
    {
      numRuns: 300,
      // Whatever chance brings, each kind of refusal is met.
      examples: [
        [right, { totp: "000000" }, false],
        [right, { totp: "000000" }, true],
        ["x".repeat(40), { totp: "000000" }, false],
        [right, {}, false],
      ],
    },
  );
  expect([...seen]).toEqual(expect.arrayContaining(["bad_request", "invalid_code", "challenge_invalid"]));
});
