import type { InboxEnvelope } from "@sotto/contracts/message-api";
import { describe, expect, it } from "vitest";
import { fromBase64, toBase64 } from "../bytes.ts";
import { putDirect } from "../rows/conversation-rows.ts";
import { SottoError } from "../sotto-error.ts";
import { memoryStore } from "../stores/memory-store.ts";
import type { MemoryServer } from "../testing/memory-server.ts";
import { mortalStore } from "../testing/mortal-store.ts";
import { openTestDevice, type TestDevice } from "../testing/test-device.ts";
import { openPair, textsOf } from "../testing/test-pair.ts";

function change(
  server: MemoryServer,
  device: TestDevice,
  index: number,
  edit: (one: InboxEnvelope) => InboxEnvelope,
) {
  const waiting = server.mailboxes.get(device.deviceId) ?? [];
  server.mailboxes.set(
    device.deviceId,
    waiting.map((envelope, at) => (at === index ? edit(envelope) : envelope)),
  );
}

function flipLastByte(base64: string): string {
  const bytes = fromBase64(base64);
  bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 1;
  return toBase64(bytes);
}

describe("receiving", () => {
  it("shows a message once, however often it is delivered", async () => {
    const { server, bob, say } = await openPair();
    await say("one", "two");
    const delivered = structuredClone(server.mailboxes.get(bob.deviceId) ?? []);
    expect(await textsOf(bob)).toEqual(["one", "two"]);
    for (const envelope of delivered) server.deliver(bob.deviceId, envelope);
    expect(await textsOf(bob)).toEqual(["one", "two"]);
    expect(server.mailboxes.get(bob.deviceId)).toEqual([]);
    expect(bob.seen.undecryptable).toEqual([]);
  });

  it("knows who wrote: account, device and the name that the server confirms", async () => {
    const { alice, bob, say } = await openPair();
    await say("hi");
    await bob.pump();
    expect(await bob.messages()).toMatchObject([
      { position: 1, sender: { accountId: alice.accountId, deviceId: alice.deviceId, username: "alice" } },
    ]);
  });

  it("puts a placeholder for what it cannot open, acknowledges it, and goes on with the rest", async () => {
    const { server, alice, bob, say } = await openPair();
    await say("one", "two", "three");
    change(server, bob, 1, (envelope) => ({ ...envelope, envelope: flipLastByte(envelope.envelope) }));
    await bob.pump();
    expect((await bob.messages()).map(({ text }) => text)).toEqual(["one", "three"]);
    expect(bob.seen.undecryptable).toMatchObject([
      { problem: "decrypt_failed", senderAccountId: alice.accountId },
    ]);
    expect(server.mailboxes.get(bob.deviceId)).toEqual([]);
    const [chat] = await bob.conversations.list();
    expect((await chat?.history())?.map(({ text, problem }) => text ?? problem)).toEqual([
      "one",
      "decrypt_failed",
      "three",
    ]);
  });

  it("heals: asks the sender again, shows the message in its old place, and the session lives on", async () => {
    const { server, alice, bob, chat, say } = await openPair();
    await say("one", "two", "three");
    change(server, bob, 1, (envelope) => ({ ...envelope, envelope: flipLastByte(envelope.envelope) }));
    await bob.pump();
    await expect.poll(() => server.mailboxes.get(alice.deviceId)?.length).toBe(1);
    await alice.pump();
    await expect.poll(() => server.mailboxes.get(bob.deviceId)?.length).toBe(1);
    expect(await textsOf(bob)).toEqual(["one", "three", "two"]);
    await say("four");
    await bob.pump();
    const [back] = await bob.conversations.list();
    expect((await back?.history())?.map(({ text }) => text)).toEqual(["one", "two", "three", "four"]);
    expect((await chat.history()).map(({ text }) => text)).toEqual(["one", "two", "three", "four"]);
    expect(await alice.messages()).toEqual([]);
  });

  it("asks for one message once, however often it comes broken", async () => {
    const { server, bob, say } = await openPair();
    await say("one");
    const [broken] = server.mailboxes.get(bob.deviceId) ?? [];
    if (broken === undefined) throw new Error("nothing was sent");
    const envelope = flipLastByte(broken.envelope);
    for (let round = 0; round < 8; round++) {
      server.mailboxes.set(bob.deviceId, [{ ...broken, envelope, envelopeId: 1000 + round }]);
      await bob.pump();
    }
    await expect.poll(() => server.accepted.length).toBe(2);
    expect(bob.seen.undecryptable).toHaveLength(1);
  });

  it("sends one message again a few times only, and only to who belongs to its conversation", async () => {
    const { server, alice, bob, chat } = await openPair();
    const sent = await chat.send({ text: "one" });
    await sent.accepted;
    const back = await bob.conversations.direct("alice");
    const mallory = await openTestDevice(server, { username: "mallory" });
    const theirs = await mallory.conversations.direct("alice");
    const body = { of: sent.messageId, toDeviceId: alice.deviceId };
    const request = { type: "resend-request", body, sentAt: "2026-01-01T00:00:00.000Z" } as const;
    for (let round = 0; round < 9; round++) {
      await (await bob.queue.enqueue(back.conversationId, request)).accepted;
      await (await mallory.queue.enqueue(theirs.conversationId, request)).accepted;
      await alice.pump();
    }
    await (await chat.send({ text: "last" })).accepted;
    const from = (device: TestDevice) =>
      server.accepted.filter(({ recipients }) =>
        recipients.some(({ accountId }) => accountId === device.accountId),
      );
    // One first time, five again, one last, and nine requests of Bob's.
    expect(from(bob)).toHaveLength(1 + 5 + 1 + 9);
    expect(from(mallory)).toHaveLength(9);
    expect(await textsOf(bob)).toEqual(["one", "last"]);
  });

  it("does not let a sender occupy the message id of another", async () => {
    const { server, alice, bob, say } = await openPair();
    const mallory = await openTestDevice(server, { username: "mallory" });
    await say("from alice");
    const [real] = server.mailboxes.get(bob.deviceId) ?? [];
    if (real === undefined) throw new Error("nothing was sent");
    const forged = {
      ...real,
      senderAccountId: mallory.accountId,
      senderDeviceId: mallory.deviceId,
      envelopeId: 999,
    };
    server.mailboxes.set(bob.deviceId, [forged, real]);
    expect(await textsOf(bob)).toEqual(["from alice"]);
    expect((await bob.messages())[0]?.sender.accountId).toBe(alice.accountId);
  });

  it("lets nobody speak in a direct conversation of two others", async () => {
    const { server, bob, chat, say } = await openPair();
    await say("one");
    await bob.pump();
    const mallory = await openTestDevice(server, { username: "mallory" });
    const { conversationId } = chat;
    await mallory.context.transact(async (tx) =>
      putDirect(tx, mallory.accountId, bob.accountId, conversationId),
    );
    const [forged] = await mallory.conversations.list();
    await (await forged?.send({ text: "me too" }))?.accepted;
    expect(await textsOf(bob)).toEqual(["one"]);
    expect(bob.seen.undecryptable).toMatchObject([{ problem: "not_a_member", conversationId }]);
  });

  it("believes nobody's word about a name", async () => {
    const { server, alice, bob } = await openPair();
    const mallory = await openTestDevice(server, { username: "mallory" });
    const chat = await mallory.conversations.direct("bob");
    const sentAt = "2026-01-01T00:00:00.000Z";
    const claim = { type: "text", body: { text: "I am Alice" }, sentAt, senderName: "alice" } as const;
    await (await mallory.queue.enqueue(chat.conversationId, claim)).accepted;
    await bob.pump();
    const [message] = await bob.messages();
    expect(message?.sender).toEqual({
      accountId: mallory.accountId,
      deviceId: mallory.deviceId,
      username: undefined,
    });
    expect((await bob.conversations.direct("alice")).members.map(({ accountId }) => accountId)).toContain(
      alice.accountId,
    );
  });

  it("believes no device that the signed list does not name, and asks for the list once a frame", async () => {
    const { server, bob, say } = await openPair();
    await say("one");
    await bob.pump();
    let asked = 0;
    server.before = ({ name }) => {
      if (name === "accountDevices") asked += 1;
    };
    await say("two", "three");
    for (const index of [0, 1]) {
      change(server, bob, index, (envelope) => ({
        ...envelope,
        senderDeviceId: "0198c0de-0000-7000-8000-000000000000",
      }));
    }
    expect(await textsOf(bob)).toEqual(["one"]);
    expect(bob.seen.undecryptable).toMatchObject([
      { problem: "unknown_device" },
      { problem: "unknown_device" },
    ]);
    expect(asked).toBe(1);
  });

  it("refuses a content that is not the one the envelope is for", async () => {
    const { server, bob, say } = await openPair();
    await say("one", "two");
    const [first] = server.mailboxes.get(bob.deviceId) ?? [];
    change(server, bob, 1, (envelope) => ({ ...envelope, content: first?.content ?? "" }));
    expect(await textsOf(bob)).toEqual(["one"]);
    expect(bob.seen.undecryptable).toMatchObject([{ problem: "bad_content" }]);
  });

  it("waits with a frame while the sender's list cannot be had, and loses nothing", async () => {
    const { server, bob, say } = await openPair();
    await say("one");
    let refusals = 3;
    server.before = ({ name, deviceId }) => {
      if (name !== "accountDevices" || deviceId !== bob.deviceId || refusals === 0) return;
      refusals -= 1;
      throw new SottoError("network", "no network");
    };
    expect(await textsOf(bob)).toEqual(["one"]);
    expect(refusals).toBe(0);
  });
});

describe("a receiver that dies around any of its commits", () => {
  it.each([true, false])("shows every message once (commit written: %s)", async (isWritten) => {
    let deaths = 0;
    while (await receiveAndDie({ atCommit: deaths + 1, isWritten })) deaths += 1;
    expect(deaths).toBeGreaterThan(3);
  });

  it("acknowledges nothing whose commit did not happen", async () => {
    const { server, alice, say } = await openPair();
    const disk = await memoryStore().open();
    const first = await openTestDevice(server, { username: "carol", store: mortalStore(disk) });
    const chat = await alice.conversations.direct("carol");
    await (await chat.send({ text: "one" })).accepted;
    await say("unrelated");
    await first.close();
    const store = mortalStore(disk, { atCommit: 2, isWritten: false });
    const dying = await openTestDevice(server, { store });
    void dying.pump().catch(() => undefined);
    await expect.poll(() => store.hasDied).toBe(true);
    await dying.close();
    expect(server.acknowledged).toEqual([]);
    expect(await textsOf(await openTestDevice(server, { store: mortalStore(disk) }))).toEqual(["one"]);
  });
});

async function receiveAndDie(death: { atCommit: number; isWritten: boolean }): Promise<boolean> {
  const { server, alice } = await openPair();
  const disk = await memoryStore().open();
  await (await openTestDevice(server, { username: "carol", store: mortalStore(disk) })).close();
  const chat = await alice.conversations.direct("carol");
  const texts = ["1", "2", "3"];
  const store = mortalStore(disk, death);
  const dying = await openTestDevice(server, { store });
  for (const text of texts) {
    await (await chat.send({ text })).accepted;
    const pumped = dying.pump().catch(() => undefined);
    await Promise.race([pumped, died(store)]);
  }
  await dying.close();
  const reborn = await openTestDevice(server, { store: mortalStore(disk) });
  expect(await textsOf(reborn)).toEqual(texts);
  expect(reborn.seen.undecryptable).toEqual([]);
  return store.hasDied;
}

async function died(store: { readonly hasDied: boolean }): Promise<void> {
  const deadline = performance.now() + 10_000;
  while (!store.hasDied && performance.now() < deadline)
    await new Promise((resolve) => setImmediate(resolve));
}
