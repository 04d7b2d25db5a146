import { afterAll, beforeAll, expect, test } from "vitest";
import { type DeviceApp, startDeviceApp } from "./device-app-fixture.ts";

let app: DeviceApp;
beforeAll(async () => {
  app = await startDeviceApp();
});
afterAll(() => app.close());

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
