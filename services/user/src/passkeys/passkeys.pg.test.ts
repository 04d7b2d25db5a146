import type { Passkey, SecondFactors } from "@sotto/contracts/second-factor-api";
import { afterAll, beforeAll, expect, test } from "vitest";
import {
  auditOf,
  bodyOf,
  type Creation,
  enablePasskey,
  noticesOf,
} from "../second-factors/second-factor-fixture.ts";
import { startUserApp, type UserApp } from "../user-app-fixture.ts";
import { createAuthenticator, type Forgery, PRESENT, VERIFIED } from "./authenticator-fixture.ts";

let user: UserApp;
beforeAll(async () => {
  user = await startUserApp();
});
afterAll(() => user.close());

const options = async (token: string) => bodyOf<Creation>(await user.post("/passkeys/options", { token }));
const add = (token: string, challenge: string, response: unknown, name = "Laptop") =>
  user.post("/passkeys", { token, body: { challenge, name, response } });
const codeOf = async (response: Response) => ((await response.json()) as { code: string }).code;
const passkeysOf = async (token: string) =>
  (await bodyOf<SecondFactors>(await user.get("/second-factors", { token }))).passkeys;
const pathOf = ({ passkeyId }: Passkey) => `/api/user/passkeys/${passkeyId}`;

test("a passkey is asked for that is discoverable and verifies its user, and tells nothing of a person", async () => {
  const { accessToken: token, accountId } = await user.register("alice");
  const creation = await options(token);
  expect(creation.options).toMatchObject({
    rp: { id: "localhost", name: "Sotto" },
    user: { name: "alice", id: Buffer.from(accountId.replaceAll("-", ""), "hex").toString("base64url") },
    attestation: "none",
    authenticatorSelection: {
      residentKey: "required",
      userVerification: "required",
      requireResidentKey: true,
    },
    excludeCredentials: [],
  });
  const authenticator = createAuthenticator();
  const added = await add(token, creation.challenge, authenticator.create(creation.options));
  const passkey = await bodyOf<Passkey>(added, 201);
  expect(passkey).toEqual({
    passkeyId: expect.any(String),
    name: "Laptop",
    backedUp: false,
    createdAt: user.clock.now().toISOString(),
    lastUsedAt: null,
  });
  expect(await passkeysOf(token)).toEqual([passkey]);
  expect(await noticesOf(user, accountId)).toEqual(["passkey-added"]);
  expect(await auditOf(user, accountId, "passkey-added")).toMatchObject([
    { details: { passkeyId: passkey.passkeyId, name: "Laptop" } },
  ]);
  expect((await options(token)).options).toMatchObject({ excludeCredentials: [{ id: authenticator.id }] });
});

let forgers = 0;
test.each<[string, Forgery]>([
  ["for another challenge", { challenge: "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA" }],
  ["of another origin", { origin: "https://evil.example" }],
  ["of another port", { origin: "http://localhost:8081" }],
  ["of another relying party", { rpId: "evil.example" }],
  ["from a frame of another site", { crossOrigin: true }],
  ["from a frame that names its site", { crossOrigin: true, topOrigin: "https://evil.example" }],
  ["of another ceremony", { type: "webauthn.get" }],
  ["whose user was not verified", { flags: PRESENT }],
  ["whose user was not there", { flags: VERIFIED }],
  ["with an unknown attestation", { attestation: { fmt: "sotto", attStmt: new Map() } }],
  ["with a certificate, though a valid one", { attestation: "certified" }],
  ["with a statement in no attestation", { attestation: { fmt: "none", attStmt: new Map([["alg", -7]]) } }],
])("a credential %s is refused, and adds nothing", async (_name, forged) => {
  const { accessToken: token } = await user.register(`forger${++forgers}`);
  const { challenge, options: asked } = await options(token);
  const refused = await add(token, challenge, createAuthenticator().create(asked, forged));
  expect(await codeOf(refused)).toBe("invalid_signature");
  expect(await passkeysOf(token)).toEqual([]);
});

test("attestation by the credential's own key, which some authenticators always add, is no obstacle", async () => {
  const { accessToken: token } = await user.register("self_attested");
  const { challenge, options: asked } = await options(token);
  const response = createAuthenticator().create(asked, { attestation: "self" });
  expect((await add(token, challenge, response)).status).toBe(201);
});

test("a challenge adds one passkey, for the account that asked, and for five minutes", async () => {
  const [alice, mallory] = [await user.register("own"), await user.register("foreign")];
  const { challenge, options: asked } = await options(alice.accessToken);
  const stolen = await add(mallory.accessToken, challenge, createAuthenticator().create(asked));
  expect(await codeOf(stolen)).toBe("challenge_invalid");
  const both = await Promise.all(
    [createAuthenticator(), createAuthenticator()].map((each) =>
      add(alice.accessToken, challenge, each.create(asked)),
    ),
  );
  expect(both.map(({ status }) => status).sort()).toEqual([201, 410]);
  const late = await options(alice.accessToken);
  user.clock.advance(300);
  const response = createAuthenticator().create(late.options);
  expect(await codeOf(await add(alice.accessToken, late.challenge, response))).toBe("challenge_invalid");
  expect(await passkeysOf(alice.accessToken)).toHaveLength(1);
});

test("a credential belongs to one account", async () => {
  const [first, second] = [await user.register("first"), await user.register("second")];
  const { authenticator } = await enablePasskey(user, first.accessToken);
  const { challenge, options: asked } = await options(second.accessToken);
  const again = await add(second.accessToken, challenge, authenticator.create(asked));
  expect(await codeOf(again)).toBe("already_exists");
  expect(await passkeysOf(second.accessToken)).toEqual([]);
});

test("an account has ten passkeys at most, also when they come at once", async () => {
  const { accessToken: token } = await user.register("collector");
  for (let count = 0; count < 8; count++) await enablePasskey(user, token);
  const creations = await Promise.all(Array.from({ length: 4 }, () => options(token)));
  const answers = await Promise.all(
    creations.map(({ challenge, options: asked }) =>
      add(token, challenge, createAuthenticator().create(asked)),
    ),
  );
  expect(answers.map(({ status }) => status).sort()).toEqual([201, 201, 409, 409]);
  expect(await passkeysOf(token)).toHaveLength(10);
  expect(await codeOf(await user.post("/passkeys/options", { token }))).toBe("limit_reached");
});

test("a passkey is renamed and removed by its owner alone", async () => {
  const [owner, mallory] = [await user.register("owner_1"), await user.register("mallory")];
  const { passkey } = await enablePasskey(user, owner.accessToken);
  const rename = (token: string, name: string) =>
    user.send("PATCH", pathOf(passkey), { token, body: { name } });
  const remove = (token: string) => user.send("DELETE", pathOf(passkey), { token });
  expect(await codeOf(await rename(mallory.accessToken, "Mine"))).toBe("not_found");
  expect(await codeOf(await remove(mallory.accessToken))).toBe("not_found");
  expect(await bodyOf(await rename(owner.accessToken, "  Key ring "))).toEqual({
    ...passkey,
    name: "Key ring",
  });
  expect((await rename(owner.accessToken, "")).status).toBe(400);
  expect((await rename(owner.accessToken, "a\u0000b")).status).toBe(400);
  expect((await remove(owner.accessToken)).status).toBe(204);
  expect(await codeOf(await remove(owner.accessToken))).toBe("not_found");
  expect(await codeOf(await rename(owner.accessToken, "Gone"))).toBe("not_found");
  expect(await passkeysOf(owner.accessToken)).toEqual([]);
  expect(await noticesOf(user, owner.accountId)).toEqual(["passkey-added", "passkey-removed"]);
  const types = (await auditOf(user, owner.accountId)).map(({ type }) => type);
  expect(types.filter((type) => type.startsWith("passkey"))).toEqual([
    "passkey-added",
    "passkey-renamed",
    "passkey-removed",
  ]);
  expect(await auditOf(user, mallory.accountId)).toEqual(
    (await auditOf(user, mallory.accountId)).filter(({ type }) => !type.startsWith("passkey")),
  );
});

test("an id that is none is refused", async () => {
  const { accessToken: token } = await user.register("odd_ids");
  for (const id of ["x", "%00", "..%2f", "01900000-0000-4000-8000-000000000000", "__proto__"]) {
    expect((await user.send("DELETE", `/api/user/passkeys/${id}`, { token })).status, id).toBe(400);
  }
});
