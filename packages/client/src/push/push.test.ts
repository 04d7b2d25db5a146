import { createTransactor } from "@sotto/e2ee/store";
import { describe, expect, it } from "vitest";
import type { Request } from "../api/http.ts";
import { putOwnAccount } from "../rows/account-rows.ts";
import { memoryStore } from "../stores/memory-store.ts";
import { createPush } from "./push.ts";

const deviceId = "0190a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b";

async function pushOf({ isSignedIn = true } = {}) {
  const store = await memoryStore().open();
  const { transact } = createTransactor(store);
  if (isSignedIn)
    await transact(async (tx) => putOwnAccount(tx, { accountId: "account", username: "alice", deviceId }));
  const asked: Request<unknown>[] = [];
  const request = async <T>(what: Request<T>): Promise<T> => {
    asked.push(what as Request<unknown>);
    return { applicationServerKey: "key" } as T;
  };
  return { push: createPush({ request, store }), asked };
}

describe("push", () => {
  it("is for this device, and tells the server of a browser's subscription what it needs and nothing else", async () => {
    const { push, asked } = await pushOf();
    expect(await push.key()).toBe("key");
    const keys = { p256dh: "p", auth: "a" };
    await push.subscribe({ endpoint: "https://push.example/1", keys, ...{ expirationTime: null } });
    await push.unsubscribe();
    const path = `/api/notifications/push-subscriptions/${deviceId}`;
    expect(asked.slice(1)).toEqual([
      { method: "PUT", path, body: { endpoint: "https://push.example/1", keys } },
      { method: "DELETE", path },
    ]);
  });

  it("is for nobody before somebody is signed in", async () => {
    const { push } = await pushOf({ isSignedIn: false });
    await expect(push.subscribe({})).rejects.toMatchObject({ code: "not_signed_in" });
    await expect(push.unsubscribe()).rejects.toMatchObject({ code: "not_signed_in" });
  });
});
