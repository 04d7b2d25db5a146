import { describe, expect, it } from "vitest";
import { SottoError } from "../sotto-error.ts";
import { MemoryServer } from "../testing/memory-server.ts";
import { hastyClock, openTestDevice } from "../testing/test-device.ts";
import { tendKeys } from "./key-upkeep.ts";

const DAY_MS = 86_400_000;

async function setUp() {
  const server = new MemoryServer();
  let now = hastyClock.now();
  const clock = { ...hastyClock, now: () => now };
  const alice = await openTestDevice(server, { username: "alice", clock });
  const keys = () => {
    const device = server.accounts.get(alice.accountId)?.devices.get(alice.deviceId);
    if (device === undefined) throw new Error("no device");
    return device;
  };
  const pass = (ms: number) => {
    now += ms;
  };
  return { server, alice, keys, pass };
}

describe("the upkeep of keys", () => {
  it("refills what runs low with keys that were never published", async () => {
    const { alice, keys } = await setUp();
    const before = keys().oneTimePrekeys.map(({ keyId }) => keyId);
    await tendKeys(alice.context);
    expect(keys().oneTimePrekeys).toHaveLength(100);
    expect(keys().oneTimeKemPrekeys).toHaveLength(100);
    const after = keys().oneTimePrekeys.map(({ keyId }) => keyId);
    expect(after.filter((keyId) => before.includes(keyId))).toEqual([]);
    await tendKeys(alice.context);
    expect(keys().oneTimePrekeys.map(({ keyId }) => keyId)).toEqual(after);
  });

  it("never uploads the same one-time keys again after an answer was lost", async () => {
    const { server, alice, keys } = await setUp();
    server.after = ({ name }) => {
      if (name === "uploadPrekeys") throw new SottoError("network", "the answer is lost");
    };
    await expect(tendKeys(alice.context)).rejects.toMatchObject({ code: "network" });
    const published = keys().oneTimePrekeys.map(({ keyId }) => keyId);
    server.after = () => {};
    keys().oneTimePrekeys.splice(5);
    await tendKeys(alice.context);
    const again = keys().oneTimePrekeys.map(({ keyId }) => keyId);
    expect(again.filter((keyId) => published.includes(keyId))).toEqual([]);
  });

  it("rotates the signed keys after two days, and not before", async () => {
    const { alice, keys, pass } = await setUp();
    const { keyId } = keys().signedPrekey;
    pass(1.9 * DAY_MS);
    await tendKeys(alice.context);
    expect(keys().signedPrekey.keyId).toBe(keyId);
    pass(0.2 * DAY_MS);
    await tendKeys(alice.context);
    expect(keys().signedPrekey.keyId).not.toBe(keyId);
  });

  it("rotates when the server holds other keys than this device", async () => {
    const { server, alice, keys } = await setUp();
    const { keyId } = keys().signedPrekey;
    server.before = ({ name }) => {
      if (name === "checkPrekeys") throw new SottoError("key_digest_mismatch", "other keys");
    };
    await tendKeys(alice.context);
    expect(keys().signedPrekey.keyId).not.toBe(keyId);
  });

  it("lets a message go out although the keys had grown too old while the device was away", async () => {
    const { server, alice, pass } = await setUp();
    const bob = await openTestDevice(server, { username: "bob" });
    pass(20 * DAY_MS);
    const chat = await alice.conversations.direct("bob");
    await (await chat.send({ text: "back again" })).accepted;
    await bob.pump();
    expect(await bob.messages()).toMatchObject([{ text: "back again" }]);
  });
});
