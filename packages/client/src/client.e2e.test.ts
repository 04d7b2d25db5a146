import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Stack, startStack } from "@sotto/testkit/stack";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Client, createClient, type Message, memoryStore, sqliteStore } from "./index.ts";

const password = "correct horse battery staple";
const here = (file: string) => fileURLToPath(new URL(file, import.meta.url));
let stack: Stack;
let folder = "";
let names = 0;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "sotto-client-"));
  stack = await startStack();
});
afterAll(async () => {
  await stack?.stop();
  stack?.remove();
  rmSync(folder, { recursive: true });
});

function newName(): string {
  names += 1;
  return `person_${names}`;
}

async function person(options: { path?: string; url?: string } = {}) {
  const username = newName();
  const store = options.path === undefined ? memoryStore() : sqliteStore(options.path);
  const client = await createClient({ url: options.url ?? stack.url, store });
  await client.register({ username, email: `${username}@example.org`, password });
  return { client, username };
}

async function take(client: Client, count: number, since = 0): Promise<Message[]> {
  const taken: Message[] = [];
  for await (const message of client.messages({ since })) {
    taken.push(message);
    if (taken.length === count) break;
  }
  return taken;
}

describe("two people", () => {
  it("chat both ways, see each other's names, and share a safety number", async () => {
    const [alice, bob] = [await person(), await person()];
    const chat = await alice.client.conversations.direct(bob.username.toUpperCase());
    const sent = await chat.send({ text: "hi" });
    const [received] = await take(bob.client, 1);
    expect(received).toMatchObject({
      text: "hi",
      messageId: sent.messageId,
      sender: { username: alice.username },
      ...(await sent.accepted),
    });
    const back = await bob.client.conversations.direct(alice.username);
    expect(back.conversationId).toBe(chat.conversationId);
    await back.send({ text: "hello" });
    expect((await take(alice.client, 1)).map(({ text }) => text)).toEqual(["hello"]);
    expect(await chat.safetyNumber()).toBe(await back.safetyNumber());
    await expect.poll(() => bob.client.status).toBe("live");
    const typing = new Promise((resolve) => bob.client.on("typing", resolve));
    chat.typing(true);
    expect(await typing).toMatchObject({ conversationId: chat.conversationId, active: true });
    await Promise.all([alice.client.close(), bob.client.close()]);
  });

  it("find what was written while they were away, in order", async () => {
    const path = join(folder, "away.db");
    const [alice, bob] = [await person(), await person({ path })];
    const chat = await alice.client.conversations.direct(bob.username);
    await (await chat.send({ text: "0" })).accepted;
    expect(await take(bob.client, 1)).toHaveLength(1);
    await bob.client.close();
    for (let number = 1; number <= 60; number++) await chat.send({ text: `${number}` });
    const again = await createClient({ url: stack.url, store: sqliteStore(path) });
    const texts = (await take(again, 61)).map(({ text }) => text);
    expect(texts).toEqual(Array.from({ length: 61 }, (_, number) => `${number}`));
    await Promise.all([alice.client.close(), again.close()]);
  });
});

describe("a store", () => {
  it("goes on after close: signed in, with keys, history and what was queued without a network", async () => {
    const path = join(folder, "continues.db");
    const [alice, bob] = [await person({ path }), await person()];
    const chat = await alice.client.conversations.direct(bob.username);
    await (await chat.send({ text: "one" })).accepted;
    await alice.client.close();
    const offline = await createClient({ url: "http://127.0.0.1:9", store: sqliteStore(path) });
    const [known] = await offline.conversations.list();
    const queued = await known?.send({ text: "two" });
    await offline.close();
    await expect(queued?.accepted).rejects.toMatchObject({ code: "closed" });
    const online = await createClient({ url: stack.url, store: sqliteStore(path) });
    expect((await take(bob.client, 2)).map(({ text }) => text)).toEqual(["one", "two"]);
    const again = await online.conversations.direct(bob.username);
    await expect
      .poll(async () => (await again.history()).map(({ text, state }) => [text, state]))
      .toEqual([
        ["one", "accepted"],
        ["two", "accepted"],
      ]);
    await Promise.all([online.close(), bob.client.close()]);
  });

  it("keeps its keys through sign-out and sign-in, and refuses other accounts", async () => {
    const [alice, bob] = [await person(), await person()];
    const chat = await alice.client.conversations.direct(bob.username);
    await (await chat.send({ text: "before" })).accepted;
    await bob.client.signOut();
    expect(bob.client.status).toBe("signed-out");
    await (await chat.send({ text: "meanwhile" })).accepted;
    await expect(bob.client.signIn({ username: alice.username, password })).rejects.toMatchObject({
      code: "store_other_account",
    });
    await expect(
      bob.client.signIn({ username: bob.username, password: "a wrong password" }),
    ).rejects.toMatchObject({
      code: "invalid_credentials",
    });
    await bob.client.signIn({ username: bob.username, password });
    expect((await take(bob.client, 2)).map(({ text }) => text)).toEqual(["before", "meanwhile"]);
    await Promise.all([alice.client.close(), bob.client.close()]);
  });

  it("that is empty cannot take over an account whose keys are elsewhere", async () => {
    const alice = await person();
    const stranger = await createClient({ url: stack.url, store: memoryStore() });
    await expect(stranger.signIn({ username: alice.username, password })).rejects.toMatchObject({
      code: "device_not_linked",
    });
    expect(await stranger.account()).toBeUndefined();
    await expect(
      alice.client.register({ username: newName(), email: "a@b.org", password }),
    ).rejects.toMatchObject({
      code: "already_signed_in",
    });
    await expect(alice.client.conversations.direct("nobody_at_all")).rejects.toMatchObject({
      code: "unknown_user",
    });
    await Promise.all([alice.client.close(), stranger.close()]);
  });
});

describe("without a socket", () => {
  it("messages go and come by REST", async () => {
    const proxy = await startRestOnlyProxy();
    const [alice, bob] = [await person({ url: proxy.url }), await person()];
    const back = await bob.client.conversations.direct(alice.username);
    const chat = await alice.client.conversations.direct(bob.username);
    await (await chat.send({ text: "by REST" })).accepted;
    expect((await take(bob.client, 1)).map(({ text }) => text)).toEqual(["by REST"]);
    await back.send({ text: "and back" });
    expect((await take(alice.client, 1)).map(({ text }) => text)).toEqual(["and back"]);
    expect(alice.client.status).not.toBe("live");
    await Promise.all([alice.client.close(), bob.client.close()]);
    proxy.server.close();
  });
});

/** Hands REST on to the stack and has never heard of sockets. */
async function startRestOnlyProxy(): Promise<{ url: string; server: Server }> {
  const server = createServer(async (request, response) => {
    if (request.url?.includes("socket.io")) return void response.writeHead(503).end();
    const chunks: Uint8Array[] = [];
    for await (const chunk of request) chunks.push(chunk as Uint8Array);
    const { host: _host, connection: _connection, ...headers } = request.headers;
    const answer = await fetch(new URL(request.url ?? "/", stack.url), {
      method: request.method ?? "GET",
      headers: headers as Record<string, string>,
      ...(chunks.length > 0 ? { body: Buffer.concat(chunks) } : {}),
    });
    response.writeHead(answer.status, { "content-type": answer.headers.get("content-type") ?? "text/plain" });
    response.end(await answer.text());
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  return { url: `http://127.0.0.1:${address.port}`, server };
}

describe("a client killed inside any of its writes", () => {
  it("loses nothing that was queued, and nothing that was delivered, and shows nothing twice", async () => {
    const [alice, bob] = [newName(), newName()];
    const common = { url: stack.url, password, from: 0, count: 0, dieAtCall: 0, expect: 0 };
    const sender = { ...common, path: join(folder, "mortal-alice.db"), username: alice };
    const receiver = { ...common, path: join(folder, "mortal-bob.db"), username: bob };
    await run(receiver);
    await run(sender);
    const queued: string[] = [];
    const deaths = { sender: 0, receiver: 0 };
    for (let round = 0; round < 6; round++) {
      // The numbers are prime to each other, so that the deaths wander through the steps of a send and of a receipt.
      const sent = await run({
        ...sender,
        peer: bob,
        from: round * 10,
        count: 4,
        dieAtCall: 15 + ((round * 53) % 160),
      });
      queued.push(...sent.lines.filter((line) => line.startsWith("queued ")).map((line) => line.slice(7)));
      const received = await run({ ...receiver, dieAtCall: 5 + ((round * 29) % 61), expect: queued.length });
      deaths.sender += Number(sent.hasDied);
      deaths.receiver += Number(received.hasDied);
    }
    await run({ ...sender, peer: bob, from: 1000, count: 1 });
    const client = await createClient({ url: stack.url, store: sqliteStore(receiver.path) });
    const texts: string[] = [];
    for await (const { text } of client.messages({ since: 0 })) {
      texts.push(text);
      if (text === "1000") break;
    }
    const [chat] = await client.conversations.list();
    const shown = (await chat?.history())?.map(({ text, problem }) => text ?? problem);
    await client.close();
    expect(texts.filter((text) => queued.includes(text))).toEqual(queued);
    expect(texts).toEqual([...new Set(texts)].sort((a, b) => Number(a) - Number(b)));
    expect(shown).toEqual(texts);
    // Or else nothing was tried: each side has died in the middle, and in between something was sent.
    expect(deaths.sender).toBeGreaterThan(2);
    expect(deaths.receiver).toBeGreaterThan(1);
    expect(queued.length).toBeGreaterThan(5);
  }, 300_000);
});

/** A receiver whose messages are still in the sender's queue would wait for ever; counted from when it is open. */
const PATIENCE_MS = 5_000;

/** `hasDied`: by its own hand, at the call it was told. */
function run(orders: object): Promise<{ lines: string[]; hasDied: boolean }> {
  const args = [
    "--disable-warning=ExperimentalWarning",
    here("./testing/mortal-person.ts"),
    JSON.stringify(orders),
  ];
  const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
  let output = "";
  let isStopped = false;
  let timer: ReturnType<typeof setTimeout> | undefined;
  child.stdout.on("data", (chunk: Buffer) => {
    output += chunk.toString();
    timer ??= setTimeout(() => {
      isStopped = child.kill("SIGKILL");
    }, PATIENCE_MS);
  });
  return new Promise((resolve) =>
    child.once("close", (_code, signal) => {
      clearTimeout(timer);
      resolve({ lines: output.split("\n"), hasDied: signal === "SIGKILL" && !isStopped });
    }),
  );
}

describe("the example of the README", () => {
  it("works word for word", async () => {
    const readme = readFileSync(here("../README.md"), "utf8");
    const example = /```ts\n(import \{ createClient[\s\S]*?)```/.exec(readme)?.[1] ?? "";
    expect(example).toContain('url: "http://localhost:8080"');
    const bob = await createClient({ url: stack.url, store: memoryStore() });
    await bob.register({ username: "bob", email: "bob@example.org", password });
    const script = here("./testing/readme-example.ts");
    writeFileSync(script, example.replace("http://localhost:8080", stack.url));
    try {
      const child = spawn(process.execPath, [script], { cwd: folder, stdio: ["ignore", "pipe", "inherit"] });
      let output = "";
      child.stdout.on("data", (chunk: Buffer) => {
        output += chunk.toString();
      });
      const ended = new Promise((resolve) => child.once("close", resolve));
      const [message] = await take(bob, 1);
      expect(message?.text).toBe("hi");
      await (await bob.conversations.direct("alice")).send({ text: "hello alice" });
      expect(await ended).toBe(0);
      expect(output).toContain("bob: hello alice");
    } finally {
      rmSync(script, { force: true });
      await bob.close();
    }
  });
});
