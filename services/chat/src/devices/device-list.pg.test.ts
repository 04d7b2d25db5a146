import { Buffer } from "node:buffer";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type DeviceApp, type Joined, startDeviceApp } from "./device-app-fixture.ts";
import { createDevice, createRegistration, type TestDevice } from "./device-fixture.ts";

let app: DeviceApp;
let alice: Joined;
let second: TestDevice;
beforeAll(async () => {
  app = await startDeviceApp();
  alice = await app.join(0);
  second = createDevice();
});
afterAll(() => app.close());

type List = {
  version: number;
  accountId: string;
  devices: { deviceId: string; identityKey: string; registrationId: number }[];
  previousHash: string | null;
};

const decode = (bytes: string): List => JSON.parse(Buffer.from(bytes, "base64").toString());

/** Tries to add the second device with a list that the account signed. */
function addWith(text: string) {
  const body = createRegistration(alice.account, second, alice.account.signBytes(Buffer.from(text)), 0);
  return app.call("POST", "/devices", { token: alice.token, body });
}

/** The right next list, to be spoiled. */
function nextList(): List {
  return decode(alice.account.signList([alice.device, second], alice.list).bytes);
}

/** The next character of base64: it differs in bits that 32 bytes do not use. */
function spoilLastBits(end: string): string {
  const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  return `${alphabet[alphabet.indexOf(end.charAt(0)) + 1]}=`;
}

const entry = ({ deviceId, identityKey, registrationId }: TestDevice) => ({
  deviceId,
  identityKey,
  registrationId,
});

test.each<[string, (list: List) => List]>([
  ["of a version that is in force already", (list) => ({ ...list, version: 1 })],
  ["that skips a version", (list) => ({ ...list, version: 3 })],
  ["that starts a new chain", (list) => ({ ...list, version: 1, previousHash: null })],
  ["without the hash of the previous one", (list) => ({ ...list, previousHash: null })],
  [
    "with another previous hash",
    (list) => ({ ...list, previousHash: Buffer.alloc(32, 7).toString("base64") }),
  ],
  ["without a device of the account", (list) => ({ ...list, devices: [entry(second)] })],
  ["without the new device", (list) => ({ ...list, devices: [entry(alice.device)] })],
  [
    "with a device that does not exist",
    (list) => ({ ...list, devices: [...list.devices, entry(createDevice())] }),
  ],
  [
    "with another device in the place of one",
    (list) => ({ ...list, devices: [entry(createDevice()), entry(second)] }),
  ],
  [
    "with another identity key for a device",
    (list) => ({
      ...list,
      devices: [{ ...entry(alice.device), identityKey: createDevice().identityKey }, entry(second)],
    }),
  ],
  [
    "with another registration id for a device",
    (list) => ({
      ...list,
      devices: [{ ...entry(alice.device), registrationId: 16_377 }, entry(second)],
    }),
  ],
])("a signed list %s is a conflict", async (_, spoil) => {
  expect(await addWith(JSON.stringify(spoil(nextList())))).toMatchObject({
    status: 409,
    body: { code: "device_list_conflict", details: { version: 1 } },
  });
});

test.each<[string, (list: List) => string]>([
  ["for another account", (list) => JSON.stringify({ ...list, accountId: createDevice().deviceId })],
  [
    "that names a device twice",
    (list) => JSON.stringify({ ...list, devices: [...list.devices, entry(second)] }),
  ],
  [
    "that names a device twice, with another key",
    (list) =>
      JSON.stringify({
        ...list,
        devices: [{ ...entry(second), identityKey: createDevice().identityKey }, ...list.devices],
      }),
  ],
  [
    "that names an identity key twice",
    (list) =>
      JSON.stringify({
        ...list,
        devices: [{ ...entry(alice.device), identityKey: second.identityKey }, entry(second)],
      }),
  ],
  ["with an unknown field", (list) => JSON.stringify({ ...list, more: 1 })],
  ["without a field", ({ previousHash: _, ...list }) => JSON.stringify(list)],
  ["with a name that occurs twice", (list) => JSON.stringify(list).replace("{", '{"version":9,')],
  ["with a prototype", (list) => JSON.stringify(list).replace("{", '{"__proto__":{"version":2},')],
  ["with white space", (list) => JSON.stringify(list, null, 1)],
  ["with its members in another order", ({ version, ...list }) => JSON.stringify({ ...list, version })],
  ["with a number in another form", (list) => JSON.stringify(list).replace('"version":2', '"version":2.0')],
  [
    "with a device's members in another order",
    (list) =>
      JSON.stringify({
        ...list,
        devices: list.devices.map(({ deviceId, ...device }) => ({ ...device, deviceId })),
      }),
  ],
  [
    "with base64 that has unused bits",
    (list) => JSON.stringify({ ...list, previousHash: list.previousHash?.replace(/.=$/, spoilLastBits) }),
  ],
  ["that is no object", () => "null"],
  ["that is no JSON", () => "not json"],
  ["with a byte order mark", (list) => `\uFEFF${JSON.stringify(list)}`],
  [
    "with seven devices",
    (list) => JSON.stringify({ ...list, devices: Array.from({ length: 7 }, () => entry(createDevice())) }),
  ],
])("a signed list %s is refused as malformed", async (_, write) => {
  expect(await addWith(write(nextList()))).toMatchObject({ status: 400, body: { code: "bad_request" } });
});

test("a signed list that is not UTF-8 is refused as malformed", async () => {
  const bytes = Buffer.concat([Buffer.from(JSON.stringify(nextList())), Buffer.of(0xff)]);
  const body = createRegistration(alice.account, second, alice.account.signBytes(bytes), 0);
  const answer = await app.call("POST", "/devices", { token: alice.token, body });
  expect(answer).toMatchObject({ status: 400, body: { code: "bad_request" } });
});

test("after all those refusals the right list is accepted, and readers get what they do not know yet", async () => {
  const list = alice.account.signList([alice.device, second], alice.list);
  const body = createRegistration(alice.account, second, list, 0);
  expect(await app.call("POST", "/devices", { token: alice.token, body })).toMatchObject({ status: 201 });
  const reader = await app.signIn();
  const path = `/accounts/${alice.account.accountId}/devices`;
  const read = async (since: string) => (await app.call("GET", path + since, { token: reader.token })).body;
  expect((await read("")).deviceLists).toEqual([alice.list, list]);
  expect((await read("?since=1")).deviceLists).toEqual([list]);
  expect(await read("?since=2")).toMatchObject({ accountKey: alice.account.accountKey, deviceLists: [] });
});

test.each(["-1", "abc", "1.5", "1e99", "1&since=2", "1&x=1"])("since=%s is a bad request", async (since) => {
  const path = `/accounts/${alice.account.accountId}/devices?since=${since}`;
  expect(await app.call("GET", path, { token: alice.token })).toMatchObject({ status: 400 });
});

test("a version beyond every list there can be is no error", async () => {
  const huge = Number.MAX_SAFE_INTEGER;
  const path = `/accounts/${alice.account.accountId}/devices?since=${huge}`;
  expect(await app.call("GET", path, { token: alice.token })).toMatchObject({
    status: 200,
    body: { deviceLists: [] },
  });
  const list = alice.account.signBytes(Buffer.from(JSON.stringify({ ...nextList(), version: huge })));
  const gone = `/devices/${createDevice().deviceId}`;
  expect(await app.call("DELETE", gone, { token: alice.token, body: { deviceList: list } })).toMatchObject({
    status: 404,
  });
});
