import { MemoryServer } from "./memory-server.ts";
import { openTestDevice, type TestDevice } from "./test-device.ts";

/** Alice, who can `say` things to Bob in `chat`. */
export async function openPair() {
  const server = new MemoryServer();
  const alice = await openTestDevice(server, { username: "alice" });
  const bob = await openTestDevice(server, { username: "bob" });
  const chat = await alice.conversations.direct("bob");
  const say = async (...texts: string[]) => {
    for (const text of texts) await (await chat.send({ text })).accepted;
  };
  return { server, alice, bob, chat, say };
}

/** Empties the mailbox of a device; the texts that its feed then holds. */
export async function textsOf(device: TestDevice): Promise<string[]> {
  await device.pump();
  return (await device.messages()).map((message) => message.text);
}
