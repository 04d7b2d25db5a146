import { createHash } from "node:crypto";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type DeviceApp, type Joined, startDeviceApp } from "./device-app-fixture.ts";
import { createDevice } from "./device-fixture.ts";
import { lockDeviceKeys } from "./prekey-queries.ts";

let app: DeviceApp;
beforeAll(async () => {
  app = await startDeviceApp();
});
afterAll(() => app.close());

const pathOf = (person: Joined) => `/devices/${person.device.deviceId}/prekeys`;
const upload = (person: Joined, body: unknown) =>
  app.call("PUT", pathOf(person), { token: person.token, body });
const stock = async (person: Joined) => (await app.call("GET", pathOf(person), { token: person.token })).body;

/** Claims one bundle of `person`, each time by somebody new. */
async function claim(person: Joined) {
  const claimer = await app.join(0);
  const answer = await app.call("POST", `/accounts/${person.account.accountId}/prekeys`, {
    token: claimer.token,
    headers: { "sotto-device": claimer.device.deviceId },
    body: { deviceIds: [person.device.deviceId] },
  });
  expect(answer.status).toBe(200);
  return (answer.body.bundles as Record<string, { keyId: number; publicKey: string }>[])[0] ?? {};
}

test("a part that is present replaces all keys of its kind, and the others stay", async () => {
  const alice = await app.join(3);
  const { device } = alice;
  expect(await upload(alice, { oneTimePrekeys: [device.plainKey(201), device.plainKey(202)] })).toMatchObject(
    {
      status: 204,
    },
  );
  expect(await stock(alice)).toEqual({ ec: 2, kem: 3, lastResortUsed: 0 });
  await upload(alice, { oneTimeKemPrekeys: [device.kemKey(301)] });
  expect(await stock(alice)).toEqual({ ec: 2, kem: 1, lastResortUsed: 0 });
  await upload(alice, { oneTimePrekeys: [], oneTimeKemPrekeys: [] });
  expect(await stock(alice)).toEqual({ ec: 0, kem: 0, lastResortUsed: 0 });
  expect(await upload(alice, {})).toMatchObject({ status: 204 });
  expect(await claim(alice)).toMatchObject({
    signedPrekey: alice.request.signedPrekey,
    kemPrekey: alice.request.lastResortKemPrekey,
  });
});

test("a new signed prekey and last-resort key are handed out from then on, and uses are counted from zero", async () => {
  const alice = await app.join(0);
  await claim(alice);
  expect(await stock(alice)).toMatchObject({ lastResortUsed: 1 });
  const signedPrekey = alice.device.signedKey(21);
  await upload(alice, { signedPrekey });
  expect(await stock(alice)).toMatchObject({ lastResortUsed: 1 });
  const lastResortKemPrekey = alice.device.kemKey(22);
  await upload(alice, { lastResortKemPrekey });
  expect(await stock(alice)).toMatchObject({ lastResortUsed: 0 });
  expect(await claim(alice)).toMatchObject({ signedPrekey, kemPrekey: lastResortKemPrekey });
});

test("a repeat of an upload changes nothing, also after its keys were claimed", async () => {
  const alice = await app.join(0);
  const { device } = alice;
  const body = {
    signedPrekey: device.signedKey(21),
    lastResortKemPrekey: device.kemKey(22),
    oneTimePrekeys: [device.plainKey(201), device.plainKey(202)],
    oneTimeKemPrekeys: [device.kemKey(201)],
  };
  expect(await upload(alice, body)).toMatchObject({ status: 204 });
  const first = await claim(alice);
  await claim(alice);
  const before = await stock(alice);
  expect(before).toEqual({ ec: 0, kem: 0, lastResortUsed: 1 });
  expect(await upload(alice, body)).toMatchObject({ status: 204 });
  expect(await stock(alice)).toEqual(before);
  expect(first.oneTimePrekey?.keyId).toBe(201);
});

test("the first upload after the registration may repeat the keys of the registration", async () => {
  const alice = await app.join(2);
  await claim(alice);
  const { oneTimePrekeys, oneTimeKemPrekeys, signedPrekey, lastResortKemPrekey } = alice.request;
  const body = { oneTimePrekeys, oneTimeKemPrekeys, signedPrekey, lastResortKemPrekey };
  expect(await upload(alice, body)).toMatchObject({ status: 204 });
  expect(await stock(alice)).toEqual({ ec: 1, kem: 1, lastResortUsed: 0 });
});

test("a key that was handed out never returns, by whatever upload", async () => {
  const alice = await app.join(2);
  const { oneTimePrekeys, oneTimeKemPrekeys } = alice.request;
  await claim(alice);
  const { device } = alice;
  const attempts = [
    { oneTimePrekeys: [...oneTimePrekeys, device.plainKey(500)] },
    { oneTimeKemPrekeys: [...oneTimeKemPrekeys, device.kemKey(500)] },
    { oneTimePrekeys: oneTimePrekeys.slice(0, 1) },
  ];
  for (const body of attempts) {
    expect(await upload(alice, body)).toMatchObject({
      status: 409,
      body: { code: "idempotency_conflict", details: { keyIds: [101] } },
    });
  }
  expect(await stock(alice)).toEqual({ ec: 1, kem: 1, lastResortUsed: 0 });
  // What is still stored may be kept beside new keys.
  expect(
    await upload(alice, { oneTimePrekeys: [...oneTimePrekeys.slice(1), device.plainKey(500)] }),
  ).toMatchObject({ status: 204 });
  expect(await stock(alice)).toEqual({ ec: 2, kem: 1, lastResortUsed: 0 });
});

test("nor does a key of a later upload", async () => {
  const alice = await app.join(0);
  const { device } = alice;
  const keys = { oneTimePrekeys: [device.plainKey(600)], oneTimeKemPrekeys: [device.kemKey(600)] };
  await upload(alice, keys);
  await claim(alice);
  await upload(alice, { oneTimePrekeys: [], oneTimeKemPrekeys: [] });
  for (const body of [
    { oneTimePrekeys: keys.oneTimePrekeys },
    { oneTimeKemPrekeys: keys.oneTimeKemPrekeys },
  ]) {
    expect(await upload(alice, body)).toMatchObject({ status: 409, body: { details: { keyIds: [600] } } });
  }
});

test("a key id never names two keys", async () => {
  const alice = await app.join(2);
  const { device } = alice;
  await upload(alice, { signedPrekey: device.signedKey(21), lastResortKemPrekey: device.kemKey(22) });
  const attempts = [
    { oneTimePrekeys: [device.plainKey(101)] },
    { oneTimeKemPrekeys: [device.kemKey(102)] },
    { signedPrekey: device.signedKey(21) },
    { lastResortKemPrekey: device.kemKey(22) },
    { signedPrekey: alice.request.signedPrekey },
    { lastResortKemPrekey: alice.request.lastResortKemPrekey },
  ];
  for (const body of attempts) {
    expect(await upload(alice, body)).toMatchObject({ status: 409, body: { code: "idempotency_conflict" } });
  }
});

test("an upload with one bad part stores none of its parts", async () => {
  const alice = await app.join(2);
  const { device } = alice;
  const good = { signedPrekey: device.signedKey(21), oneTimePrekeys: [device.plainKey(201)] };
  const bad = [
    { ...good, oneTimeKemPrekeys: [createDevice().kemKey(201)] },
    { ...good, lastResortKemPrekey: createDevice().kemKey(22) },
    { ...good, oneTimeKemPrekeys: [device.kemKey(101)] },
  ];
  const answers = [];
  for (const body of bad) answers.push(await upload(alice, body));
  expect(answers.map(({ body }) => body.code)).toEqual([
    "invalid_signature",
    "invalid_signature",
    "idempotency_conflict",
  ]);
  expect(await stock(alice)).toEqual({ ec: 2, kem: 2, lastResortUsed: 0 });
  expect(await claim(alice)).toMatchObject({ signedPrekey: alice.request.signedPrekey });
});

test("of two uploads of one device at once, one waits for the other and the last one is what is stored", async () => {
  const alice = await app.join(0);
  const { device } = alice;
  const bodies = [201, 301].map((id) => ({ oneTimePrekeys: [id, id + 1, id + 2].map(device.plainKey) }));
  const answers = await app.whileHeld(
    (tx) => lockDeviceKeys(tx, device.deviceId),
    2,
    () => Promise.all(bodies.map((body) => upload(alice, body))),
  );
  // The higher ids may come first, and then the lower ones are refused.
  expect(answers[1]?.status).toBe(204);
  const stored = await app.context.db
    .selectFrom("one_time_prekey")
    .select("key_id")
    .where("device_id", "=", device.deviceId)
    .orderBy("key_id")
    .execute();
  expect(stored.map((row) => row.key_id)).toEqual([301, 302, 303]);
});

test("only the device itself uploads, sees its stock and checks its keys", async () => {
  const alice = await app.join();
  const mallory = await app.join();
  const stale = await app.signIn(alice.account);
  const calls = [
    ["PUT", pathOf(alice), { oneTimePrekeys: [] }],
    ["GET", pathOf(alice), undefined],
    ["POST", `${pathOf(alice)}/check`, { digest: Buffer.alloc(32).toString("base64") }],
  ] as const;
  for (const [method, path, body] of calls) {
    expect(await app.call(method, path, { token: mallory.token, body })).toMatchObject({
      status: 404,
      body: { code: "not_found" },
    });
    expect(await app.call(method, path, { token: stale.token, body })).toMatchObject({
      status: 401,
      body: { code: "device_unproven" },
    });
  }
});

test("the digest of the keys tells whether the server hands out what the device has", async () => {
  const alice = await app.join(0);
  const { device, request } = alice;
  const digest = (
    signed: { keyId: number; publicKey: string },
    last: { keyId: number; publicKey: string },
  ) => {
    const id = (value: number) => {
      const bytes = Buffer.alloc(8);
      bytes.writeBigUInt64BE(BigInt(value));
      return bytes;
    };
    return createHash("sha256")
      .update(Buffer.from(device.identityKey, "base64"))
      .update(id(signed.keyId))
      .update(Buffer.from(signed.publicKey, "base64"))
      .update(id(last.keyId))
      .update(Buffer.from(last.publicKey, "base64"))
      .digest("base64");
  };
  const check = (value: string) =>
    app.call("POST", `${pathOf(alice)}/check`, { token: alice.token, body: { digest: value } });
  const old = digest(request.signedPrekey, request.lastResortKemPrekey);
  expect(await check(old)).toMatchObject({ status: 204 });
  const signedPrekey = device.signedKey(2_147_483_647);
  await upload(alice, { signedPrekey });
  expect(await check(old)).toMatchObject({ status: 409, body: { code: "key_digest_mismatch" } });
  expect(await check(digest(signedPrekey, request.lastResortKemPrekey))).toMatchObject({ status: 204 });
});
