import { randomUUID } from "node:crypto";
import { limits } from "@sotto/contracts/limits";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type DeviceApp, type Joined, startDeviceApp } from "./device-app-fixture.ts";

let app: DeviceApp;
let alice: Joined;
beforeAll(async () => {
  app = await startDeviceApp();
  alice = await app.join();
});
afterAll(() => app.close());

const id = randomUUID();
/** Every route: method, path with the id in place, longest body in bytes (0: takes none). */
const routes: [string, (id: string) => string, number][] = [
  ["POST", () => "/devices", limits.keyUploadBytes],
  ["GET", () => "/devices", 0],
  ["DELETE", (value) => `/devices/${value}`, limits.bodyBytes],
  ["PUT", (value) => `/devices/${value}/session`, limits.bodyBytes],
  ["PUT", (value) => `/devices/${value}/prekeys`, limits.keyUploadBytes],
  ["GET", (value) => `/devices/${value}/prekeys`, 0],
  ["POST", (value) => `/devices/${value}/prekeys/check`, limits.bodyBytes],
  ["GET", (value) => `/accounts/${value}/devices`, 0],
  ["POST", (value) => `/accounts/${value}/prekeys`, limits.bodyBytes],
];
const withBody = routes.filter(([, , bytes]) => bytes > 0);
const headers = () => ({ "sotto-device": alice.device.deviceId });

test.each(routes)("%s %s is for callers with a valid token only", async (method, path) => {
  const expired = await app.signToken(alice.account.accountId, alice.sessionId, 700);
  expect(await app.call(method, path(id))).toMatchObject({ status: 401, body: { code: "unauthenticated" } });
  expect(await app.call(method, path(id), { token: "a.b.c" })).toMatchObject({
    status: 401,
    body: { code: "unauthenticated" },
  });
  expect(await app.call(method, path(id), { token: expired })).toMatchObject({
    status: 401,
    body: { code: "token_expired" },
  });
});

test.each(withBody)("%s %s refuses a body that is too large or none", async (method, path, bytes) => {
  const { token } = alice;
  const large = { token, headers: headers(), rawBody: JSON.stringify({ x: "x".repeat(bytes) }) };
  expect(await app.call(method, path(id), large)).toMatchObject({
    status: 413,
    body: { code: "payload_too_large" },
  });
  for (const rawBody of ["", "{", "null", "[]", "1", "{}x", '{"__proto__":{}}', '{"constructor":{}}']) {
    const answer = await app.call(method, path(id), { token, headers: headers(), rawBody });
    expect(answer, rawBody).toMatchObject({ status: 400, body: { code: "bad_request" } });
  }
  const text = { token, headers: { ...headers(), "Content-Type": "text/plain" }, rawBody: "{}" };
  expect((await app.call(method, path(id), text)).status).toBe(415);
});

test.each(routes.filter(([, path]) => path("a") !== path("b")))(
  "%s %s refuses an id that is none",
  async (method, path, bytes) => {
    for (const value of ["x", id.toUpperCase(), "__proto__", "%00", "%27%20or%201=1", `${id}0`]) {
      const call = { token: alice.token, headers: headers(), ...(bytes > 0 && { body: {} }) };
      expect(await app.call(method, path(value), call), value).toMatchObject({ status: 400 });
    }
  },
);

test("whatever is put in the place of a field, the answer is no error of the server", async () => {
  const { request, token, device } = alice;
  const accountPath = `/accounts/${alice.account.accountId}/prekeys`;
  const bodies: [string, string, object][] = [
    ["POST", "/devices", { ...request, deviceId: randomUUID() }],
    [
      "PUT",
      `/devices/${device.deviceId}/prekeys`,
      { oneTimePrekeys: request.oneTimePrekeys, signedPrekey: request.signedPrekey },
    ],
    ["PUT", `/devices/${device.deviceId}/session`, { proof: device.proof(alice.sessionId) }],
    ["POST", `/devices/${device.deviceId}/prekeys/check`, { digest: Buffer.alloc(32).toString("base64") }],
    ["DELETE", `/devices/${device.deviceId}`, { deviceList: request.deviceList }],
    ["POST", accountPath, { deviceIds: [device.deviceId] }],
  ];
  const value = fc.oneof(
    fc.jsonValue(),
    fc.constantFrom(-1, 0, 2 ** 31, 1e308, "", "AAAA", "\u0000", [], {}, null),
    fc.uint8Array({ minLength: 33, maxLength: 33 }).map((bytes) => Buffer.from(bytes).toString("base64")),
    fc.uint8Array({ minLength: 64, maxLength: 64 }).map((bytes) => Buffer.from(bytes).toString("base64")),
  );
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...bodies),
      fc.nat(),
      value,
      async ([method, path, body], pick, changed) => {
        const text = JSON.stringify(body);
        const places = [...text.matchAll(/"(?:[^"\\]|\\.)*"(?=[,}\]])|\d+(?=[,}\]])/g)];
        const place = places[pick % places.length];
        if (!place) return;
        const rawBody =
          text.slice(0, place.index) + JSON.stringify(changed) + text.slice(place.index + place[0].length);
        const answer = await app.call(method, path, { token, headers: headers(), rawBody });
        expect(answer.status, rawBody.slice(0, 300)).toBeLessThan(500);
      },
    ),
    { numRuns: 300 },
  );
});

test("a device is removed only by a session that has just proved who it is; binding one needs the device's key alone", async () => {
  const alice = await app.join();
  const { accountId } = alice.account;
  const list = alice.account.signList([], alice.list);
  const remove = async (authenticatedSecondsAgo: number) =>
    app.call("DELETE", `/devices/${alice.device.deviceId}`, {
      token: await app.signToken(accountId, alice.sessionId, authenticatedSecondsAgo),
      body: { deviceList: list },
    });
  expect(await remove(301)).toMatchObject({ status: 403, body: { code: "reauthentication_required" } });
  const sessionId = randomUUID();
  const bound = await app.call("PUT", `/devices/${alice.device.deviceId}/session`, {
    token: await app.signToken(accountId, sessionId, 500),
    body: { proof: alice.device.proof(sessionId) },
  });
  expect(bound.status).toBe(204);
  expect((await remove(290)).status).toBe(204);
});
