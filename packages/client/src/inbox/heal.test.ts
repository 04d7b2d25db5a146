import type { DeviceStore } from "@sotto/e2ee/store";
import { describe, expect, it } from "vitest";
import { fromBase64, toBase64 } from "../bytes.ts";
import { SottoError } from "../sotto-error.ts";
import { memoryStore } from "../stores/memory-store.ts";
import { MemoryServer } from "../testing/memory-server.ts";
import { type MortalStore, mortalStore } from "../testing/mortal-store.ts";
import { openTestDevice, type TestDevice } from "../testing/test-device.ts";

/** Alice and Bob have talked; what Bob's mailbox then holds of "two" is damaged. Their disks outlive them. */
async function damaged() {
  const server = new MemoryServer();
  const disks = { alice: await memoryStore().open(), bob: await memoryStore().open() };
  const open = (name: "alice" | "bob", store: DeviceStore = mortalStore(disks[name])) =>
    openTestDevice(server, { username: name, store });
  const [alice, bob] = [await open("alice"), await open("bob")];
  const chat = await alice.conversations.direct("bob");
  await (await chat.send({ text: "one" })).accepted;
  await bob.pump();
  const back = await bob.conversations.direct("alice");
  await (await back.send({ text: "hello" })).accepted;
  await alice.pump();
  const sent = await chat.send({ text: "two" });
  await expect.poll(() => server.mailboxes.get(bob.deviceId)?.length).toBe(1);
  damage(server, bob);
  return { server, disks, open, alice, bob, chat, sent };
}

function damage(server: MemoryServer, { deviceId }: TestDevice): void {
  const waiting = server.mailboxes.get(deviceId) ?? [];
  server.mailboxes.set(
    deviceId,
    waiting.map((one) => {
      const bytes = fromBase64(one.envelope);
      bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 1;
      return { ...one, envelope: toBase64(bytes) };
    }),
  );
}

/** Both read and send until Bob has it all. */
async function expectHealed(alice: TestDevice, bob: TestDevice): Promise<void> {
  for (const device of [alice, bob]) device.queue.wake();
  const texts = async () => {
    await Promise.all([alice.pump(), bob.pump()]);
    return (await bob.messages()).map(({ text }) => text);
  };
  await expect.poll(texts, { timeout: 5000 }).toEqual(["one", "two"]);
}

async function pumpUntilDeath(device: TestDevice, store: MortalStore, isDone: () => boolean): Promise<void> {
  const pumped = device.pump().catch(() => undefined);
  const deadline = performance.now() + 10_000;
  while (!store.hasDied && !isDone() && performance.now() < deadline) {
    await new Promise((resolve) => setImmediate(resolve));
  }
  await device.close();
  await pumped;
}

describe("healing", () => {
  it.each([true, false])(
    "is asked for though the asker dies around any commit (written: %s)",
    async (isWritten) => {
      let hasDied = true;
      for (let atCommit = 1; hasDied; atCommit++) {
        const { server, disks, open, alice, bob } = await damaged();
        await bob.close();
        const store = mortalStore(disks.bob, { atCommit, isWritten });
        const isAsked = () => (server.mailboxes.get(alice.deviceId) ?? []).length > 0;
        await pumpUntilDeath(await open("bob", store), store, isAsked);
        hasDied = store.hasDied;
        await expectHealed(alice, await open("bob"));
      }
    },
  );

  it.each([true, false])(
    "is answered though the sender dies around any commit (written: %s)",
    async (isWritten) => {
      let hasDied = true;
      for (let atCommit = 1; hasDied; atCommit++) {
        const { server, disks, open, alice, bob, sent } = await damaged();
        await sent.accepted;
        await bob.pump();
        await expect.poll(() => server.mailboxes.get(alice.deviceId)?.length).toBe(1);
        await alice.close();
        const store = mortalStore(disks.alice, { atCommit, isWritten });
        const isAnswered = () => (server.mailboxes.get(bob.deviceId) ?? []).length > 0;
        await pumpUntilDeath(await open("alice", store), store, isAnswered);
        hasDied = store.hasDied;
        await expectHealed(await open("alice"), bob);
      }
    },
  );

  it("is answered also by a sender that never heard that its message was accepted", async () => {
    const { server, alice, bob, chat } = await damaged();
    await expectHealed(alice, bob);
    let isAnswerLost = true;
    server.after = ({ name, deviceId }) => {
      if (name !== "sendMessage" || deviceId !== alice.deviceId || !isAnswerLost) return;
      throw new SottoError("network", "the answer is lost");
    };
    const sent = await chat.send({ text: "three" });
    const inMailbox = () => (server.mailboxes.get(bob.deviceId) ?? []).map(({ messageId }) => messageId);
    await expect.poll(inMailbox).toContain(sent.messageId);
    damage(server, bob);
    await bob.pump();
    await expect.poll(() => server.mailboxes.get(alice.deviceId)?.length).toBe(1);
    await alice.pump();
    expect((await chat.history()).at(-1)).toMatchObject({ text: "three", state: "queued" });
    isAnswerLost = false;
    await sent.accepted;
    await expect
      .poll(async () => {
        await Promise.all([alice.pump(), bob.pump()]);
        return (await bob.messages()).map(({ text }) => text);
      })
      .toEqual(["one", "two", "three"]);
  });
});
