import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { type Client, type Conversation, createClient, sqliteStore } from "@sotto/client";

export type Seen = { readonly from: string; readonly text: string };

/** One person with one device, whose store is a file. */
export interface Person {
  readonly name: string;
  /** What this side has seen, in its order. */
  readonly seen: readonly Seen[];
  readonly deviceId: string;
  talkTo(username: string): Promise<void>;
  /** Resolves when the server has the message. */
  say(text: string): Promise<void>;
  /** Closes the client, as when the app is shut; the store stays. */
  leave(): Promise<void>;
  /** Opens the store again. */
  comeBack(): Promise<void>;
  waitFor(count: number): Promise<void>;
  end(): Promise<void>;
}

const PATIENCE_MS = 60_000;

/** Registers somebody new. Names get a suffix, so that the demo can be run again. */
export async function createPerson(url: string, firstName: string): Promise<Person> {
  const name = `${firstName}_${randomBytes(4).toString("hex")}`;
  const folder = mkdtempSync(path.join(os.tmpdir(), "sotto-demo-"));
  const open = () => createClient({ url, store: sqliteStore(path.join(folder, "device.db")) });
  const seen: Seen[] = [];
  let position = 0;
  let other = "";
  let chat: Conversation | undefined;
  let client: Client = await open();
  await client.register({
    username: name,
    email: `${name}@example.org`,
    password: randomBytes(16).toString("hex"),
  });
  const account = await client.account();
  let reading = read(client);

  async function read(from: Client): Promise<void> {
    for await (const message of from.messages({ since: position })) {
      position = message.position;
      seen.push({ from: message.sender.username ?? other, text: message.text });
    }
  }

  return {
    name,
    seen,
    deviceId: account?.deviceId ?? "",
    async talkTo(username) {
      other = username;
      chat = await client.conversations.direct(username);
    },
    async say(text) {
      const sent = await chat?.send({ text });
      seen.push({ from: name, text });
      await sent?.accepted;
    },
    async leave() {
      await client.close();
      await reading;
    },
    async comeBack() {
      client = await open();
      reading = read(client);
      chat = await client.conversations.direct(other);
    },
    async waitFor(count) {
      const deadline = performance.now() + PATIENCE_MS;
      while (seen.length < count) {
        if (performance.now() > deadline)
          throw new Error(`${name} has ${seen.length} of ${count} messages after a minute.`);
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    },
    async end() {
      await client.close();
      await reading;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
