import { Buffer } from "node:buffer";
import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, expect, test } from "vitest";
import { insertDeleted } from "../accounts/deletion-queries.ts";
import { lockDeviceSet } from "./account-lock.ts";
import { type DeviceApp, holdAsStorer, startDeviceApp } from "./device-app-fixture.ts";
import { createAccount, createDevice, createKemKey, createRegistration } from "./device-fixture.ts";
import { kemPrekeyToSign } from "./signed-bytes.ts";

let app: DeviceApp;
beforeAll(async () => {
  app = await startDeviceApp();
});
afterAll(() => app.close());

const register = (token: string, body: unknown) => app.call("POST", "/devices", { token, body });

async function storedOf(accountId: string) {
  const { db } = app.context;
  const devices = await db.selectFrom("device").selectAll().where("account_id", "=", accountId).execute();
  const lists = await db.selectFrom("device_list").selectAll().where("account_id", "=", accountId).execute();
  const events = (await app.events()).filter(({ key }) => key === accountId);
  return { devices: devices.length, lists: lists.length, events: events.map(({ type }) => type) };
}

test("the first device pins the account key, and its list is served with it", async () => {
  const alice = await app.join();
  const bob = await app.signIn();
  const answer = await app.call("GET", `/accounts/${alice.account.accountId}/devices`, { token: bob.token });
  expect(answer).toMatchObject({
    status: 200,
    body: {
      accountId: alice.account.accountId,
      accountKey: alice.account.accountKey,
      deviceLists: [alice.list],
    },
  });
});

test("a second device is added by the next list, and each addition is told by one event", async () => {
  const alice = await app.join();
  const second = createDevice();
  const list = alice.account.signList([alice.device, second], alice.list);
  expect(await register(alice.token, createRegistration(alice.account, second, list))).toMatchObject({
    status: 201,
    body: { deviceId: second.deviceId, registrationId: second.registrationId },
  });
  const own = await app.call("GET", "/devices", { token: alice.token });
  expect(own.body.devices).toMatchObject([
    { deviceId: alice.device.deviceId },
    { deviceId: second.deviceId },
  ]);
  expect(await storedOf(alice.account.accountId)).toEqual({
    devices: 2,
    lists: 2,
    events: ["chat.device-added", "chat.device-added"],
  });
});

test("an identical repeat changes nothing and gets the same answer, also after another device was added", async () => {
  const person = await app.signIn();
  const first = createDevice();
  const list = person.account.signList([first]);
  const request = createRegistration(person.account, first, list);
  const answer = await register(person.token, request);
  const second = createDevice();
  const next = person.account.signList([first, second], list);
  await register(person.token, createRegistration(person.account, second, next));
  const before = await storedOf(person.account.accountId);
  const repeat = await register(person.token, request);
  expect(repeat).toMatchObject({ status: 201, body: answer.body });
  expect(await storedOf(person.account.accountId)).toEqual(before);
});

test("the same request sent twice at once registers one device and answers both alike", async () => {
  const person = await app.signIn();
  const device = createDevice();
  const request = createRegistration(person.account, device, person.account.signList([device]));
  const answers = await app.whileHeld(holdAsStorer(person.account.accountId), 2, () =>
    Promise.all([register(person.token, request), register(person.token, request)]),
  );
  expect(answers.map(({ status }) => status)).toEqual([201, 201]);
  expect(answers[0]?.body).toEqual(answers[1]?.body);
  expect(await storedOf(person.account.accountId)).toEqual({
    devices: 1,
    lists: 1,
    events: ["chat.device-added"],
  });
});

test("a repeat from another session does not hand that session the device", async () => {
  const alice = await app.join();
  const thief = await app.signIn(alice.account);
  expect(await register(thief.token, alice.request)).toMatchObject({ status: 201 });
  const answer = await app.call("GET", `/devices/${alice.device.deviceId}/prekeys`, { token: thief.token });
  expect(answer).toMatchObject({ status: 401, body: { code: "device_unproven" } });
});

test("a device id that is taken is refused, whoever has it", async () => {
  const alice = await app.join();
  const changed = { ...alice.request, registrationId: (alice.request.registrationId % 16_000) + 1 };
  expect(await register(alice.token, changed)).toMatchObject({
    status: 409,
    body: { code: "device_exists" },
  });
  const mallory = await app.signIn();
  expect(await register(mallory.token, alice.request)).toMatchObject({
    status: 409,
    body: { code: "device_exists" },
  });
  const copy = createDevice(alice.device.deviceId);
  const stolen = createRegistration(mallory.account, copy, mallory.account.signList([copy]));
  expect(await register(mallory.token, stolen)).toMatchObject({
    status: 409,
    body: { code: "device_exists" },
  });
  expect(await storedOf(mallory.account.accountId)).toEqual({ devices: 0, lists: 0, events: [] });
});

test("of two accounts that register one device id at once, one gets it", async () => {
  const deviceId = randomUUID();
  const attempts = await Promise.all(
    [1, 2, 3, 4].map(async () => {
      const person = await app.signIn();
      const device = createDevice(deviceId);
      return {
        person,
        request: createRegistration(person.account, device, person.account.signList([device])),
      };
    }),
  );
  const answers = await Promise.all(attempts.map(({ person, request }) => register(person.token, request)));
  expect(answers.map(({ status }) => status).sort()).toEqual([201, 409, 409, 409]);
  expect(answers.filter(({ status }) => status === 409).map(({ body }) => body.code)).toEqual(
    Array(3).fill("device_exists"),
  );
});

test("of two devices that are added at once, one wins and the other must sign anew", async () => {
  const alice = await app.join();
  const rivals = [createDevice(), createDevice()];
  const answers = await Promise.all(
    rivals.map((device) => {
      const list = alice.account.signList([alice.device, device], alice.list);
      return register(alice.token, createRegistration(alice.account, device, list));
    }),
  );
  expect(answers.map(({ status }) => status).sort()).toEqual([201, 409]);
  expect(answers.find(({ status }) => status === 409)?.body).toMatchObject({
    code: "device_list_conflict",
    details: { version: 2 },
  });
  expect(await storedOf(alice.account.accountId)).toMatchObject({ devices: 2, lists: 2 });
});

test("the account key of the first device stays for ever", async () => {
  const alice = await app.join();
  const impostor = createAccount(alice.account.accountId);
  const device = createDevice();
  for (const list of [impostor.signList([device]), impostor.signList([alice.device, device], alice.list)]) {
    expect(await register(alice.token, createRegistration(impostor, device, list))).toMatchObject({
      status: 409,
      body: { code: "device_list_conflict" },
    });
  }
});

test("an account has at most six devices", async () => {
  const alice = await app.join(0);
  const devices = [alice.device];
  let list = alice.list;
  let last = alice.request;
  for (let i = 2; i <= 6; i++) {
    const device = createDevice();
    devices.push(device);
    list = alice.account.signList(devices, list);
    last = createRegistration(alice.account, device, list, 0);
    expect(await register(alice.token, last)).toMatchObject({ status: 201 });
  }
  expect(await register(alice.token, last)).toMatchObject({ status: 201 });
  const seventh = createDevice();
  const tooLong = alice.account.signList([...devices, seventh], list);
  expect(await register(alice.token, createRegistration(alice.account, seventh, tooLong, 0))).toMatchObject({
    status: 409,
    body: { code: "device_limit" },
  });
});

test("a hundred keys of each kind are one registration", async () => {
  const person = await app.join(100);
  const stock = await app.call("GET", `/devices/${person.device.deviceId}/prekeys`, { token: person.token });
  expect(stock.body).toEqual({ ec: 100, kem: 100, lastResortUsed: 0 });
});

test("no device is added while a transaction that stores messages for the account is open", async () => {
  const person = await app.signIn();
  const { accountId } = person.account;
  const device = createDevice();
  const request = createRegistration(person.account, device, person.account.signList([device]));
  const answer = await app.whileHeld(
    holdAsStorer(accountId),
    1,
    () => register(person.token, request),
    async () => expect(await storedOf(accountId)).toMatchObject({ devices: 0 }),
  );
  expect(answer).toMatchObject({ status: 201 });
});

test("the first list of an account has version 1 and no predecessor", async () => {
  const person = await app.signIn();
  const device = createDevice();
  const first = person.account.signList([device]);
  const content = JSON.parse(Buffer.from(first.bytes, "base64").toString());
  const previousHash = Buffer.alloc(32).toString("base64");
  for (const change of [{ version: 2, previousHash }, { previousHash }, { version: 2 }]) {
    const list = person.account.signBytes(Buffer.from(JSON.stringify({ ...content, ...change })));
    expect(await register(person.token, createRegistration(person.account, device, list))).toMatchObject({
      status: 409,
      body: { code: "device_list_conflict", details: { version: 0 } },
    });
  }
});

test("garbage in the place of a key is refused by name", async () => {
  const person = await app.signIn();
  const device = createDevice();
  const request = createRegistration(person.account, device, person.account.signList([device]));
  const zero = Buffer.concat([Buffer.of(5), Buffer.alloc(32)]).toString("base64");
  const badKem = Buffer.alloc(1184, 0xff);
  const signedBadKem = {
    keyId: 900,
    publicKey: badKem.toString("base64"),
    signature: device.sign(kemPrekeyToSign(900, badKem)),
  };
  const cases: [string, object][] = [
    ["identityKey", { identityKey: zero }],
    ["signedPrekey.publicKey", { signedPrekey: { ...request.signedPrekey, publicKey: zero } }],
    ["lastResortKemPrekey.publicKey", { lastResortKemPrekey: signedBadKem }],
    ["oneTimePrekeys.1.publicKey", { oneTimePrekeys: [device.plainKey(1), { keyId: 2, publicKey: zero }] }],
    ["oneTimeKemPrekeys.1.publicKey", { oneTimeKemPrekeys: [device.kemKey(1), signedBadKem] }],
    ["oneTimePrekeys", { oneTimePrekeys: [device.plainKey(1), device.plainKey(1)] }],
    ["oneTimeKemPrekeys", { oneTimeKemPrekeys: [device.kemKey(1), device.kemKey(1)] }],
  ];
  for (const [path, change] of cases) {
    expect(await register(person.token, { ...request, ...change }), path).toMatchObject({
      status: 400,
      body: { code: "bad_request", issues: [{ path }] },
    });
  }
  expect(await storedOf(person.account.accountId)).toMatchObject({ devices: 0 });
});

test("every signature of a registration is checked", async () => {
  const person = await app.signIn();
  const device = createDevice();
  const other = createDevice();
  const list = person.account.signList([device]);
  const request = createRegistration(person.account, device, list);
  const stranger = createAccount(person.account.accountId);
  const kem = createKemKey();
  const otherContext = { ...device.kemKey(5), keyId: 6 };
  const unbound = { keyId: 7, publicKey: kem.toString("base64"), signature: device.sign(kem) };
  const cases: [string, object][] = [
    ["signedPrekey.signature", { signedPrekey: other.signedKey(11) }],
    ["lastResortKemPrekey.signature", { lastResortKemPrekey: other.kemKey(12) }],
    ["lastResortKemPrekey.signature", { lastResortKemPrekey: unbound }],
    ["oneTimeKemPrekeys.1.signature", { oneTimeKemPrekeys: [device.kemKey(4), otherContext] }],
    ["deviceList.signature", { deviceList: stranger.signList([device]) }],
    ["deviceList.signature", { accountKey: stranger.accountKey }],
    ["deviceList.signature", { accountKey: Buffer.alloc(32).toString("base64") }],
  ];
  for (const [path, change] of cases) {
    expect(await register(person.token, { ...request, ...change }), path).toMatchObject({
      status: 422,
      body: { code: "invalid_signature", issues: [{ path }] },
    });
  }
  expect(await storedOf(person.account.accountId)).toMatchObject({ devices: 0 });
});

test("a last access token adds no device to an account that has been deleted, or is being deleted just then", async () => {
  const gone = await app.signIn();
  const going = await app.signIn();
  const registrationOf = ({ account }: typeof gone) => {
    const device = createDevice();
    return createRegistration(account, device, account.signList([device]));
  };
  const at = app.context.clock.now();
  await app.context.db.transaction().execute((tx) => insertDeleted(tx, gone.account.accountId, at));
  const answers = [
    await register(gone.token, registrationOf(gone)),
    await app.whileHeld(
      (tx) => lockDeviceSet(tx, going.account.accountId),
      1,
      () => register(going.token, registrationOf(going)),
      (tx) => insertDeleted(tx, going.account.accountId, at),
    ),
  ];
  for (const answer of answers)
    expect(answer).toMatchObject({ status: 401, body: { code: "session_revoked" } });
  expect(await storedOf(gone.account.accountId)).toEqual({ devices: 0, lists: 0, events: [] });
  expect(await storedOf(going.account.accountId)).toEqual({ devices: 0, lists: 0, events: [] });
});
