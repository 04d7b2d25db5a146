import { decodeDeviceList, deviceListHash, signDeviceList } from "@sotto/e2ee/device-list";
import { describe, expect, it } from "vitest";
import { fromBase64, toBase64 } from "../bytes.ts";
import { listQueuedSends } from "../rows/queue-rows.ts";
import { SottoError } from "../sotto-error.ts";
import { memoryStore } from "../stores/memory-store.ts";
import { MemoryServer } from "../testing/memory-server.ts";
import { mortalStore } from "../testing/mortal-store.ts";
import { openTestDevice, type TestDevice } from "../testing/test-device.ts";

async function pair() {
  const server = new MemoryServer();
  const alice = await openTestDevice(server, { username: "alice" });
  const bob = await openTestDevice(server, { username: "bob" });
  return { server, alice, bob, chat: await alice.conversations.direct("bob") };
}

async function textsOf(device: TestDevice): Promise<string[]> {
  await device.pump();
  return (await device.messages()).map((message) => message.text);
}

describe("sending", () => {
  it("is durable when send() resolves, before the server knows anything", async () => {
    const { server, alice, chat } = await pair();
    server.before = () => {
      throw new SottoError("network", "no network");
    };
    const sent = await chat.send({ text: "later" });
    const queued = await listQueuedSends(alice.context.store);
    expect(queued.map((send) => send.messageId)).toEqual([sent.messageId]);
    expect(await chat.history()).toMatchObject([
      { messageId: sent.messageId, text: "later", state: "queued" },
    ]);
    await alice.close();
    await expect(sent.accepted).rejects.toMatchObject({ code: "closed" });
  });

  it("keeps the order of a conversation, whatever fails in between", async () => {
    const { server, bob, chat } = await pair();
    let calls = 0;
    server.before = ({ name }) => {
      calls += 1;
      if (name === "sendMessage" && calls % 3 !== 0) throw new SottoError("unavailable", "try later");
    };
    const texts = Array.from({ length: 12 }, (_, index) => `${index}`);
    const sent = await Promise.all(texts.map((text) => chat.send({ text })));
    await Promise.all(sent.map(({ accepted }) => accepted));
    server.before = () => {};
    expect(await textsOf(bob)).toEqual(texts);
  });

  it("repeats the same bytes when an answer was lost, and is stored once", async () => {
    const { server, bob, chat } = await pair();
    let lost = 0;
    server.after = ({ name }) => {
      if (name !== "sendMessage" || lost === 4) return;
      lost += 1;
      throw new SottoError("network", "the answer is lost");
    };
    // The server refuses another body under the same id with `idempotency_conflict`, which would reject here.
    await (await chat.send({ text: "once" })).accepted;
    expect(lost).toBe(4);
    expect(server.accepted).toHaveLength(1);
    expect(await textsOf(bob)).toEqual(["once"]);
  });

  it("rests while it is halted, lets nobody wait, and goes on in order afterwards", async () => {
    const { server, alice, bob, chat } = await pair();
    server.before = ({ name }) => {
      if (name === "sendMessage") throw new SottoError("network", "no network");
    };
    const early = await chat.send({ text: "one" });
    alice.queue.halt(new SottoError("signed_out", "no session"));
    await expect(early.accepted).rejects.toMatchObject({ code: "signed_out" });
    const late = await chat.send({ text: "two" });
    await expect(late.accepted).rejects.toMatchObject({ code: "signed_out" });
    server.before = () => {};
    // The server would take it now, and is not asked.
    alice.queue.wake();
    await new Promise((resolve) => setImmediate(resolve));
    expect(server.accepted).toEqual([]);
    expect((await chat.history()).map(({ state }) => state)).toEqual(["queued", "queued"]);
    alice.queue.resume();
    await (await chat.send({ text: "three" })).accepted;
    expect(await textsOf(bob)).toEqual(["one", "two", "three"]);
    expect((await chat.history()).map(({ state }) => state)).toEqual(["accepted", "accepted", "accepted"]);
  });

  it("reaches an account whose known devices were all replaced by another", async () => {
    const { server, bob, chat } = await pair();
    const laptop = await openTestDevice(server, { linkedBy: bob });
    server.accounts.get(bob.accountId)?.devices.delete(bob.deviceId);
    await dropFromList(server, laptop, bob.deviceId);
    await (await chat.send({ text: "still there?" })).accepted;
    expect(await textsOf(laptop)).toEqual(["still there?"]);
  });

  it("shows a refusal, and goes on with the next message", async () => {
    const { server, alice, bob, chat } = await pair();
    let isFirst = true;
    server.before = ({ name }) => {
      if (name !== "sendMessage" || !isFirst) return;
      isFirst = false;
      throw new SottoError("forbidden", "not you");
    };
    const [refused, next] = [await chat.send({ text: "one" }), await chat.send({ text: "two" })];
    await expect(refused.accepted).rejects.toMatchObject({ code: "forbidden" });
    await next.accepted;
    expect(await chat.history()).toMatchObject([
      { text: "one", state: "refused", problem: "forbidden" },
      { text: "two", state: "accepted" },
    ]);
    expect(alice.seen.refused).toMatchObject([{ messageId: refused.messageId }]);
    expect(await textsOf(bob)).toEqual(["two"]);
  });

  it("reaches every device of both sides, one that was linked a moment ago too", async () => {
    const { server, alice, bob, chat } = await pair();
    await (await chat.send({ text: "first" })).accepted;
    const laptop = await openTestDevice(server, { linkedBy: bob });
    const phone = await openTestDevice(server, { linkedBy: alice });
    const sent = await chat.send({ text: "second" });
    await sent.accepted;
    expect(await textsOf(bob)).toEqual(["first", "second"]);
    expect(await textsOf(laptop)).toEqual(["second"]);
    await phone.pump();
    expect(await phone.messages()).toMatchObject([
      {
        text: "second",
        messageId: sent.messageId,
        sender: { accountId: alice.accountId, username: "alice" },
      },
    ]);
    const [mirrored] = await phone.conversations.list();
    expect(mirrored?.conversationId).toBe(chat.conversationId);
    expect(mirrored?.members.map(({ accountId }) => accountId).sort()).toEqual(
      [alice.accountId, bob.accountId].sort(),
    );
  });

  it("never sends to a device that is on no signed list, whatever the server asks for", async () => {
    const { server, bob, chat } = await pair();
    const [real] = server.accounts.get(bob.accountId)?.devices.values() ?? [];
    if (real === undefined) throw new Error("bob has no device");
    const ghost = "0198c0de-0000-7000-8000-000000000000";
    server.accounts.get(bob.accountId)?.devices.set(ghost, { ...real, deviceId: ghost });
    await expect((await chat.send({ text: "secret" })).accepted).rejects.toMatchObject({
      code: "device_mismatch",
    });
    expect(server.accepted).toEqual([]);
  });

  it("refuses a member that the server smuggles in", async () => {
    const { server, chat } = await pair();
    const mallory = await openTestDevice(server, { username: "mallory" });
    server.before = ({ name }) => {
      if (name !== "sendMessage") return;
      const missing = [{ deviceId: mallory.deviceId, registrationId: 1 }];
      const details = [{ accountId: mallory.accountId, missing, extra: [], stale: [] }];
      throw new SottoError("device_mismatch", "one more", { details });
    };
    await expect((await chat.send({ text: "hi" })).accepted).rejects.toMatchObject({
      code: "membership_changed",
    });
  });

  it("refuses prekeys that the listed identity key has not signed", async () => {
    const { server, bob, chat } = await pair();
    const [device] = server.accounts.get(bob.accountId)?.devices.values() ?? [];
    if (device === undefined) throw new Error("bob has no device");
    const mallory = await openTestDevice(server, { username: "mallory" });
    const [stranger] = server.accounts.get(mallory.accountId)?.devices.values() ?? [];
    Object.assign(device, { signedPrekey: stranger?.signedPrekey });
    await expect((await chat.send({ text: "hi" })).accepted).rejects.toMatchObject({
      code: "prekeys_invalid",
    });
  });

  it("refuses a text that fits no message, and does not queue it", async () => {
    const { alice, chat } = await pair();
    await expect(chat.send({ text: "x".repeat(65_600) })).rejects.toMatchObject({
      code: "payload_too_large",
    });
    expect(await listQueuedSends(alice.context.store)).toEqual([]);
    await (await chat.send({ text: "\u0001".repeat(10_000) })).accepted;
  });
});

/** A device of an account removes another from the signed list. */
async function dropFromList(server: MemoryServer, device: TestDevice, dropped: string): Promise<void> {
  const lists = server.accounts.get(device.accountId)?.lists ?? [];
  const bytes = fromBase64(lists.at(-1)?.bytes ?? "");
  const list = decodeDeviceList(bytes);
  const devices = list.devices.filter(({ deviceId }) => deviceId !== dropped);
  const next = { ...list, version: list.version + 1, devices, previousHash: deviceListHash(bytes) };
  const signed = await device.context.transact((tx) => signDeviceList(tx, next));
  lists.push({ bytes: toBase64(signed.bytes), signature: toBase64(signed.signature) });
}

describe("a disk that is full for a moment", () => {
  it("refuses no message, whichever write it fails", async () => {
    for (let atCommit = 1; atCommit <= 3; atCommit++) {
      const server = new MemoryServer();
      const bob = await openTestDevice(server, { username: "bob" });
      const disk = await memoryStore().open();
      let countdown = 0;
      const commit: typeof disk.commit = async (writes) => {
        countdown -= 1;
        if (countdown === 0) throw new Error("the disk is full");
        await disk.commit(writes);
      };
      const alice = await openTestDevice(server, { username: "alice", store: { ...disk, commit } });
      const chat = await alice.conversations.direct("bob");
      await (await chat.send({ text: "1" })).accepted;
      const sent = await chat.send({ text: "2" });
      // The next commits are the preparation and the settlement of this message.
      countdown = atCommit;
      await sent.accepted;
      countdown = 0;
      expect(alice.seen.refused).toEqual([]);
      expect(await textsOf(bob)).toEqual(["1", "2"]);
    }
  });
});

describe("a sender that dies around any of its commits", () => {
  it.each([true, false])("loses nothing and doubles nothing (commit written: %s)", async (isWritten) => {
    let deaths = 0;
    while (await liveAndDie({ atCommit: deaths + 1, isWritten })) deaths += 1;
    expect(deaths).toBeGreaterThan(6);
  });
});

/** Whether the sender died before it was through. */
async function liveAndDie(death: { atCommit: number; isWritten: boolean }): Promise<boolean> {
  const server = new MemoryServer();
  const disk = await memoryStore().open();
  const bob = await openTestDevice(server, { username: "bob" });
  const first = await openTestDevice(server, { username: "alice", store: mortalStore(disk) });
  await first.conversations.direct("bob");
  await first.close();
  const store = mortalStore(disk, death);
  const queued = await sendUntilDeath(await openTestDevice(server, { store }));
  const reborn = await openTestDevice(server, { store: mortalStore(disk) });
  reborn.queue.wake();
  const chat = await reborn.conversations.direct("bob");
  await (await chat.send({ text: "4" })).accepted;
  const texts = await textsOf(bob);
  // What send() promised arrives; what it did not may. All of it once, and in order.
  expect(texts).toEqual([...new Set(texts)].sort());
  expect(texts).toEqual(expect.arrayContaining([...queued, "4"]));
  expect((await chat.history()).map(({ text, state }) => [text, state])).toEqual(
    texts.map((text) => [text, "accepted"]),
  );
  await reborn.close();
  return store.hasDied;
}

/** Texts whose send() resolved. */
async function sendUntilDeath(device: TestDevice): Promise<string[]> {
  const queued: string[] = [];
  try {
    const chat = await device.conversations.direct("bob");
    for (const text of ["1", "2", "3"]) {
      const { accepted } = await chat.send({ text });
      queued.push(text);
      await Promise.race([accepted, new Promise((resolve) => setImmediate(resolve))]);
      await Promise.race([accepted, diedOf(device)]);
    }
  } catch (error) {
    if (!String(error).includes("dies here") && !String(error).includes("is dead")) throw error;
  }
  await device.queue.close();
  return queued;
}

async function diedOf({ seen }: TestDevice): Promise<void> {
  const deadline = performance.now() + 10_000;
  while (
    performance.now() < deadline &&
    !seen.trouble.some(({ error }) => String(error).includes("dies here"))
  ) {
    await new Promise((resolve) => setImmediate(resolve));
  }
}
