import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, expect, test } from "vitest";
import { CHANGES_ALLOWED, type DeviceApp, startDeviceApp } from "./device-app-fixture.ts";
import { createDevice, createRegistration } from "./device-fixture.ts";

let app: DeviceApp;
beforeAll(async () => {
  app = await startDeviceApp();
});
afterAll(() => app.close());

const limited = { status: 429, body: { code: "rate_limited", retryAfterSeconds: expect.any(Number) } };

/** Repeats a request until it is refused for being one too many; answers how many were not. */
async function countAllowed(request: () => Promise<{ status: number }>): Promise<number> {
  for (let allowed = 0; allowed <= CHANGES_ALLOWED; allowed += 1)
    if ((await request()).status === 429) return allowed;
  return Number.POSITIVE_INFINITY;
}

test("an account adds a limited number of devices in an hour; a repeat costs nothing, another account has its own", async () => {
  const alice = await app.join();
  const again = () => app.call("POST", "/devices", { token: alice.token, body: alice.request });
  for (let repeat = 0; repeat <= CHANGES_ALLOWED; repeat += 1) expect((await again()).status).toBe(201);
  const device = createDevice();
  // Of no use, for it does not follow the list before.
  const list = alice.account.signList([device]);
  const body = createRegistration(alice.account, device, list, 1);
  const register = () => app.call("POST", "/devices", { token: alice.token, body });
  expect(await countAllowed(register)).toBe(CHANGES_ALLOWED - 1);
  expect(await register()).toMatchObject(limited);
  await app.join();
});

test("an account removes a limited number of devices; whoever has no account key uses nothing up", async () => {
  const alice = await app.join();
  const stranger = await app.join();
  const remove = (deviceList: unknown) =>
    app.call("DELETE", `/devices/${alice.device.deviceId}`, { token: alice.token, body: { deviceList } });
  const forged = stranger.account.signList([], stranger.list);
  for (let attempt = 0; attempt <= CHANGES_ALLOWED; attempt += 1)
    expect((await remove(forged)).status).not.toBe(429);
  const without = alice.account.signList([], alice.list);
  expect(await countAllowed(() => remove(without))).toBe(CHANGES_ALLOWED);
  expect(await remove(without)).toMatchObject(limited);
});

test("a device is bound to a limited number of sessions; a repeat costs nothing", async () => {
  const alice = await app.join();
  const bind = async (sessionId: string) =>
    app.call("PUT", `/devices/${alice.device.deviceId}/session`, {
      token: await app.signToken(alice.account.accountId, sessionId),
      body: { proof: alice.device.proof(sessionId) },
    });
  for (let repeat = 0; repeat <= CHANGES_ALLOWED; repeat += 1)
    expect((await bind(alice.sessionId)).status).toBe(204);
  expect(await countAllowed(() => bind(randomUUID()))).toBe(CHANGES_ALLOWED);
  expect(await bind(randomUUID())).toMatchObject(limited);
});
