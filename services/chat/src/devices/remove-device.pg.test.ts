import { Buffer } from "node:buffer";
import { randomUUID } from "node:crypto";
import type { SignedDeviceList } from "@sotto/contracts/device-api";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type DeviceApp, holdAsStorer, startDeviceApp } from "./device-app-fixture.ts";
import { createAccount, createDevice, createRegistration } from "./device-fixture.ts";

let app: DeviceApp;
beforeAll(async () => {
  app = await startDeviceApp();
});
afterAll(() => app.close());

const remove = (token: string, deviceId: string, deviceList: SignedDeviceList) =>
  app.call("DELETE", `/devices/${deviceId}`, { token, body: { deviceList } });

/** A person with two devices. */
async function joinWithTwo() {
  const person = await app.join();
  const second = createDevice();
  const list = person.account.signList([person.device, second], person.list);
  const body = createRegistration(person.account, second, list);
  const { status } = await app.call("POST", "/devices", { token: person.token, body });
  expect(status).toBe(201);
  return { ...person, second, list, without: person.account.signList([person.device], list) };
}

test("a removed device is gone with its keys and its mailbox, is told by one event, and its connection ends", async () => {
  const alice = await joinWithTwo();
  const { db } = app.context;
  const gone = alice.second.deviceId;
  for (const deviceId of [gone, alice.device.deviceId]) {
    await db
      .insertInto("envelope")
      .values({ device_id: deviceId, envelope_id: 1, message_id: randomUUID(), envelope: Buffer.of(1) })
      .execute();
  }
  expect(await remove(alice.token, gone, alice.without)).toMatchObject({ status: 204 });
  for (const table of [
    "device",
    "device_keys",
    "one_time_prekey",
    "one_time_kem_prekey",
    "envelope",
  ] as const) {
    const left = await db
      .selectFrom(table)
      .select("device_id")
      .where("device_id", "in", [gone, alice.device.deviceId])
      .execute();
    expect(new Set(left.map((row) => row.device_id)), table).toEqual(new Set([alice.device.deviceId]));
  }
  expect(app.closedDevices).toContainEqual({
    deviceId: gone,
    sessionId: expect.any(String),
    reason: "device_removed",
  });
  const events = (await app.events()).filter(({ key }) => key === alice.account.accountId);
  expect(events.at(-1)).toMatchObject({ type: "chat.device-removed", data: { deviceId: gone } });
  const read = await app.call("GET", `/accounts/${alice.account.accountId}/devices?since=2`, {
    token: alice.token,
  });
  expect(read.body.deviceLists).toEqual([alice.without]);
});

test("a repeat of a removal is harmless, also after the list has moved on", async () => {
  const alice = await joinWithTwo();
  await remove(alice.token, alice.second.deviceId, alice.without);
  expect(await remove(alice.token, alice.second.deviceId, alice.without)).toMatchObject({ status: 204 });
  const other = alice.account.signList([], alice.list);
  expect(await remove(alice.token, alice.second.deviceId, other)).toMatchObject({ status: 404 });
  const third = createDevice();
  const next = alice.account.signList([alice.device, third], alice.without);
  const body = createRegistration(alice.account, third, next);
  expect(await app.call("POST", "/devices", { token: alice.token, body })).toMatchObject({ status: 201 });
  expect(await remove(alice.token, alice.second.deviceId, alice.without)).toMatchObject({ status: 204 });
  const removals = (await app.events()).filter(
    ({ key, type }) => key === alice.account.accountId && type === "chat.device-removed",
  );
  expect(removals).toHaveLength(1);
});

test("a removed id can come back with new keys, and the old list cannot remove it again", async () => {
  const alice = await joinWithTwo();
  await remove(alice.token, alice.second.deviceId, alice.without);
  const back = createDevice(alice.second.deviceId);
  const list = alice.account.signList([alice.device, back], alice.without);
  const body = createRegistration(alice.account, back, list);
  expect(await app.call("POST", "/devices", { token: alice.token, body })).toMatchObject({ status: 201 });
  expect(await remove(alice.token, back.deviceId, alice.without)).toMatchObject({
    status: 409,
    body: { code: "device_list_conflict" },
  });
});

test("the last device can be removed, and the account key stays pinned", async () => {
  const alice = await app.join();
  const none = alice.account.signList([], alice.list);
  expect(await remove(alice.token, alice.device.deviceId, none)).toMatchObject({ status: 204 });
  const device = createDevice();
  const impostor = createAccount(alice.account.accountId);
  const stolen = createRegistration(impostor, device, impostor.signList([device]));
  expect(await app.call("POST", "/devices", { token: alice.token, body: stolen })).toMatchObject({
    status: 409,
    body: { code: "device_list_conflict" },
  });
  const again = createRegistration(alice.account, device, alice.account.signList([device], none));
  expect(await app.call("POST", "/devices", { token: alice.token, body: again })).toMatchObject({
    status: 201,
  });
});

test("a removal needs the signature of the account key over exactly the remaining devices", async () => {
  const alice = await joinWithTwo();
  const { deviceId } = alice.second;
  const impostor = createAccount(alice.account.accountId);
  const cases: [SignedDeviceList, number, string][] = [
    [impostor.signList([alice.device], alice.list), 422, "invalid_signature"],
    [alice.account.signList([alice.device, alice.second], alice.list), 409, "device_list_conflict"],
    [alice.account.signList([alice.second], alice.list), 409, "device_list_conflict"],
    [alice.account.signList([], alice.list), 409, "device_list_conflict"],
    [alice.account.signList([alice.device]), 409, "device_list_conflict"],
  ];
  for (const [list, status, code] of cases) {
    expect(await remove(alice.token, deviceId, list)).toMatchObject({ status, body: { code } });
  }
  expect(await remove(alice.token, deviceId, alice.without)).toMatchObject({ status: 204 });
});

test("nobody removes somebody else's device, and such a device looks like none", async () => {
  const alice = await app.join();
  const mallory = await app.join();
  const own = mallory.account.signList([], mallory.list);
  const answers = await Promise.all([
    remove(mallory.token, alice.device.deviceId, own),
    remove(mallory.token, randomUUID(), own),
    remove(mallory.token, alice.device.deviceId, mallory.list),
  ]);
  for (const answer of answers) expect(answer).toMatchObject({ status: 404, body: { code: "not_found" } });
  expect(answers[0]?.body.detail).toBe(answers[1]?.body.detail);
  const stranger = await app.signIn();
  expect(await remove(stranger.token, alice.device.deviceId, alice.list)).toMatchObject({ status: 404 });
});

test("no device is removed while a transaction that stores messages for the account is open", async () => {
  const alice = await joinWithTwo();
  const { accountId } = alice.account;
  const answer = await app.whileHeld(
    holdAsStorer(accountId),
    1,
    () => remove(alice.token, alice.second.deviceId, alice.without),
    async () => {
      const devices = await app.call("GET", "/devices", { token: alice.token });
      expect(devices.body.devices).toHaveLength(2);
    },
  );
  expect(answer).toMatchObject({ status: 204 });
});

test("of a removal and an addition at once, one wins", async () => {
  const alice = await joinWithTwo();
  const third = createDevice();
  const more = alice.account.signList([alice.device, alice.second, third], alice.list);
  const body = createRegistration(alice.account, third, more);
  const [removed, added] = await app.whileHeld(holdAsStorer(alice.account.accountId), 2, () =>
    Promise.all([
      remove(alice.token, alice.second.deviceId, alice.without),
      app.call("POST", "/devices", { token: alice.token, body }),
    ]),
  );
  expect([removed.status, added.status].sort()).toEqual(removed.status === 204 ? [204, 409] : [201, 409]);
});
