import { randomUUID } from "node:crypto";
import type { WirePrekeyBundle } from "@sotto/contracts/device-api";
import { afterAll, beforeAll, expect, test } from "vitest";
import { CLAIMS_ALLOWED, type DeviceApp, type Joined, startDeviceApp } from "./device-app-fixture.ts";
import { createDevice, createRegistration } from "./device-fixture.ts";

let app: DeviceApp;
beforeAll(async () => {
  app = await startDeviceApp();
});
afterAll(() => app.close());

function claim(
  claimer: Joined,
  accountId: string,
  deviceIds: readonly string[],
  header = claimer.device.deviceId,
) {
  return app.call("POST", `/accounts/${accountId}/prekeys`, {
    token: claimer.token,
    headers: { "sotto-device": header },
    body: { deviceIds },
  });
}

const claimOf = (claimer: Joined, target: Joined) =>
  claim(claimer, target.account.accountId, [target.device.deviceId]);
const bundlesOf = (answer: { body: Record<string, unknown> }) => answer.body.bundles as WirePrekeyBundle[];
const stock = async (person: Joined) =>
  (await app.call("GET", `/devices/${person.device.deviceId}/prekeys`, { token: person.token })).body;

test("a claim takes one key of each kind, in the order of ids, and hands out what was uploaded", async () => {
  const [alice, bob] = [await app.join(), await app.join(2)];
  const { request } = bob;
  for (const i of [0, 1]) {
    expect(await claimOf(alice, bob)).toMatchObject({
      status: 200,
      body: {
        bundles: [
          {
            deviceId: bob.device.deviceId,
            registrationId: request.registrationId,
            identityKey: request.identityKey,
            signedPrekey: request.signedPrekey,
            oneTimePrekey: request.oneTimePrekeys[i],
            kemPrekey: request.oneTimeKemPrekeys[i],
            kemIsLastResort: false,
          },
        ],
      },
    });
  }
  expect(await stock(bob)).toEqual({ ec: 0, kem: 0, lastResortUsed: 0 });
});

test("without one-time keys the bundle holds the last-resort key alone, and each such use is counted", async () => {
  const [alice, bob] = [await app.join(), await app.join(0)];
  for (const used of [1, 2]) {
    const [bundle] = bundlesOf(await claimOf(alice, bob));
    expect(bundle).toMatchObject({ kemPrekey: bob.request.lastResortKemPrekey, kemIsLastResort: true });
    expect(bundle).not.toHaveProperty("oneTimePrekey");
    expect(await stock(bob)).toEqual({ ec: 0, kem: 0, lastResortUsed: used });
  }
});

test("twenty claimers of five keys at once get each key once, and the others the last-resort key", async () => {
  const bob = await app.join(5);
  const claimers = await Promise.all(Array.from({ length: 20 }, () => app.join(0)));
  const answers = await Promise.all(claimers.map((claimer) => claimOf(claimer, bob)));
  const bundles = answers.flatMap(bundlesOf);
  expect(bundles).toHaveLength(20);
  const ec = bundles.flatMap(({ oneTimePrekey }) => oneTimePrekey?.keyId ?? []);
  const kem = bundles.flatMap(({ kemPrekey, kemIsLastResort }) => (kemIsLastResort ? [] : kemPrekey.keyId));
  expect(ec.sort()).toEqual([101, 102, 103, 104, 105]);
  expect(kem.sort()).toEqual([101, 102, 103, 104, 105]);
  expect(await stock(bob)).toEqual({ ec: 0, kem: 0, lastResortUsed: 15 });
});

test("claims and uploads at once neither fail nor hand a key out twice", async () => {
  const bob = await app.join(5);
  const claimers = await Promise.all(Array.from({ length: 12 }, () => app.join(0)));
  const uploads = [1, 2, 3, 4].map((n) => ({
    oneTimePrekeys: [0, 1, 2, 3].map((i) => bob.device.plainKey(1000 * n + i)),
    lastResortKemPrekey: bob.device.kemKey(1000 * n),
  }));
  const path = `/devices/${bob.device.deviceId}/prekeys`;
  const [answers, uploaded] = await Promise.all([
    Promise.all(claimers.map((claimer) => claimOf(claimer, bob))),
    Promise.all(uploads.map((body) => app.call("PUT", path, { token: bob.token, body }))),
  ]);
  expect(answers.map(({ status }) => status)).toEqual(Array(12).fill(200));
  for (const { status } of uploaded) expect([204, 409]).toContain(status);
  const ids = answers.flatMap(bundlesOf).flatMap(({ oneTimePrekey }) => oneTimePrekey?.keyId ?? []);
  expect(new Set(ids).size).toBe(ids.length);
});

test("one claim serves several devices of an account, and leaves out ids that are not its own", async () => {
  const [alice, bob, carol] = [await app.join(), await app.join(1), await app.join(1)];
  const second = createDevice();
  const list = bob.account.signList([bob.device, second], bob.list);
  const body = createRegistration(bob.account, second, list, 1);
  expect(await app.call("POST", "/devices", { token: bob.token, body })).toMatchObject({ status: 201 });
  const wanted = [second.deviceId, bob.device.deviceId, carol.device.deviceId, randomUUID()];
  const bundles = bundlesOf(await claim(alice, bob.account.accountId, wanted));
  expect(bundles.map(({ deviceId }) => deviceId).sort()).toEqual(
    [second.deviceId, bob.device.deviceId].sort(),
  );
  expect(await stock(carol)).toMatchObject({ ec: 1, kem: 1 });
});

test("a device named twice in a claim gives one bundle", async () => {
  const [alice, bob] = [await app.join(), await app.join(2)];
  const { deviceId } = bob.device;
  expect(bundlesOf(await claim(alice, bob.account.accountId, [deviceId, deviceId]))).toHaveLength(1);
  expect(await stock(bob)).toMatchObject({ ec: 1, kem: 1 });
});

test("a device that runs low is told, and one that does not is left in peace", async () => {
  const [alice, low, rich] = [await app.join(), await app.join(10), await app.join(12)];
  await claimOf(alice, low);
  await claimOf(alice, rich);
  expect(app.lowDevices).toContainEqual({
    deviceId: low.device.deviceId,
    stock: { ec: 9, kem: 9, lastResortUsed: 0 },
  });
  expect(app.lowDevices.map(({ deviceId }) => deviceId)).not.toContain(rich.device.deviceId);
});

test("a device claims from another at most six times, then is refused with the time to wait, and takes nothing", async () => {
  const [alice, bob, carol] = [await app.join(), await app.join(10), await app.join(1)];
  const answers = await Promise.all(Array.from({ length: CLAIMS_ALLOWED + 3 }, () => claimOf(alice, bob)));
  expect(answers.filter(({ status }) => status === 200)).toHaveLength(CLAIMS_ALLOWED);
  const refused = answers.filter(({ status }) => status === 429);
  expect(refused).toHaveLength(3);
  expect(refused[0]?.body.code).toBe("rate_limited");
  expect(Number(refused[0]?.headers.get("Retry-After"))).toBeGreaterThan(0);
  expect(await stock(bob)).toMatchObject({ ec: 10 - CLAIMS_ALLOWED });
  // The limit is per pair: neither another target nor another claimer is affected.
  expect(await claimOf(alice, carol)).toMatchObject({ status: 200 });
  expect(await claimOf(carol, bob)).toMatchObject({ status: 200 });
});

test("ids that no device has take no room in the limiter's store", async () => {
  const [alice, bob] = [await app.join(), await app.join()];
  const unknown = Array.from({ length: 6 }, () => randomUUID());
  await claim(alice, bob.account.accountId, unknown);
  const rows = await app.context.db.selectFrom("rate_limit").select("key").execute();
  expect(rows.filter(({ key }) => key.includes(alice.device.deviceId))).toEqual([]);
});

test("when the limiter's store is down no key is handed out", async () => {
  const [alice, bob] = [await app.join(), await app.join(1)];
  const down = { ...app.context.limits, take: () => Promise.reject(new Error("the store is down")) };
  const { claimPrekeys } = await import("./claim-prekeys.ts");
  const claimer = {
    deviceId: alice.device.deviceId,
    accountId: alice.account.accountId,
    registrationId: alice.device.registrationId,
    identityKey: Buffer.from(alice.device.identityKey, "base64"),
  };
  const attempt = claimPrekeys({ ...app.context, limits: down }, claimer, bob.account.accountId, [
    bob.device.deviceId,
  ]);
  await expect(attempt).rejects.toThrow("the store is down");
  expect(await stock(bob)).toMatchObject({ ec: 1, kem: 1 });
});

test("an unknown account, an account without keys and devices of others all look alike", async () => {
  const [alice, bob] = [await app.join(), await app.join()];
  const keyless = await app.signIn();
  const answers = [
    await claim(alice, randomUUID(), [bob.device.deviceId]),
    await claim(alice, keyless.account.accountId, [bob.device.deviceId]),
    await claim(alice, bob.account.accountId, [randomUUID()]),
    await app.call("GET", `/accounts/${randomUUID()}/devices`, { token: alice.token }),
    await app.call("GET", `/accounts/${keyless.account.accountId}/devices`, { token: alice.token }),
  ];
  for (const { status, body } of answers) {
    expect({ status, code: body.code, detail: body.detail }).toEqual({
      status: 404,
      code: "not_found",
      detail: answers[0]?.body.detail,
    });
  }
});

test("only a proven device claims", async () => {
  const [alice, bob] = [await app.join(), await app.join(1)];
  const stale = { ...alice, ...(await app.signIn(alice.account)) };
  const target = [bob.account.accountId, [bob.device.deviceId]] as const;
  expect(await claim(stale, ...target)).toMatchObject({ status: 401, body: { code: "device_unproven" } });
  expect(await claim(alice, ...target, bob.device.deviceId)).toMatchObject({ status: 404 });
  expect(await claim(alice, ...target, randomUUID())).toMatchObject({ status: 404 });
  for (const header of ["", "x", "__proto__", alice.device.deviceId.toUpperCase()]) {
    expect(await claim(alice, ...target, header)).toMatchObject({
      status: 400,
      body: { code: "bad_request", issues: [{ path: "sotto-device" }] },
    });
  }
  expect(await stock(bob)).toMatchObject({ ec: 1, kem: 1 });
});
