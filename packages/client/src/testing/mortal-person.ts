// A person in a process of their own that kills itself with SIGKILL at the n-th call into SQLite. Sends numbered texts
// to `peer`, if there is one, and says each that is queued; then says what it received, until `expect` messages.
import { writeSync } from "node:fs";
import { DatabaseSync, StatementSync } from "node:sqlite";
import { createClient, sqliteStore } from "../index.ts";

type Orders = {
  readonly url: string;
  readonly path: string;
  readonly username: string;
  readonly password: string;
  readonly peer?: string;
  readonly from: number;
  readonly count: number;
  /** 0: never. */
  readonly dieAtCall: number;
  readonly expect: number;
};

const orders = JSON.parse(process.argv[2] ?? "{}") as Orders;
let calls = 0;

function say(line: string): void {
  writeSync(1, `${line}\n`);
}

function countDown(): void {
  calls += 1;
  if (calls === orders.dieAtCall) process.kill(process.pid, "SIGKILL");
}

function dieInside(prototype: object, name: string): void {
  const original = Reflect.get(prototype, name) as (...args: unknown[]) => unknown;
  Reflect.set(prototype, name, function wrapped(this: unknown, ...args: unknown[]) {
    countDown();
    const result = Reflect.apply(original, this, args);
    countDown();
    return result;
  });
}

const client = await createClient({ url: orders.url, store: sqliteStore(orders.path) });
if ((await client.account()) === undefined) {
  const { username, password } = orders;
  await client.register({ username, email: `${username}@example.org`, password });
}
say("open");
dieInside(DatabaseSync.prototype, "exec");
dieInside(StatementSync.prototype, "run");

if (orders.peer !== undefined) {
  const chat = await client.conversations.direct(orders.peer);
  const waiting: Promise<unknown>[] = [];
  for (let number = orders.from; number < orders.from + orders.count; number++) {
    const sent = await chat.send({ text: `${number}` });
    say(`queued ${number}`);
    waiting.push(sent.accepted);
  }
  await Promise.all(waiting);
  while ((await chat.history()).some(({ state }) => state === "queued")) {
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
let seen = 0;
if (orders.expect > 0) {
  for await (const message of client.messages({ since: 0 })) {
    seen += 1;
    say(`seen ${message.text}`);
    if (seen >= orders.expect) break;
  }
}
await client.close();
say("done");
