import type { InboxEnvelope } from "@sotto/contracts/message-api";
import { composeMessage, type Resident } from "@sotto/testkit/population";
import type { Socket } from "socket.io-client";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ask, type ChatNode, type ChatWorld, connect, startChatWorld, until } from "../chat-node-fixture.ts";

/** A sweep so rare that nothing in these tests can come from it. */
const NO_SWEEP = { SWEEP_INTERVAL_MS: "60000" };

let world: ChatWorld;

beforeAll(async () => {
  world = await startChatWorld();
});
afterAll(() => world.close());

async function listen(node: ChatNode, resident: Resident) {
  const socket = await world.socket(node, resident);
  const inbox: string[] = [];
  const closed: string[] = [];
  socket.on("inbox:envelopes", ({ envelopes }: { envelopes: InboxEnvelope[] }) => {
    inbox.push(...envelopes.map(({ messageId }) => messageId));
    socket.emit("inbox:ack", { envelopeIds: envelopes.map(({ envelopeId }) => envelopeId) });
  });
  socket.on("session:closed", ({ reason }: { reason: string }) => closed.push(reason));
  await connect(socket);
  return { socket, inbox, closed };
}

async function pair() {
  const [alice, bob] = (await world.people(2)) as [Resident, Resident];
  return { alice, bob, conversationId: await world.talk(alice, bob) };
}

async function sendOne(socket: Socket, conversationId: string, from: Resident, to: Resident) {
  const message = composeMessage(conversationId, from, to);
  expect(await ask(socket, "message:send", message)).toMatchObject({ ok: true });
  return message.messageId;
}

/** Another database of the same server: notifications do not cross from one to the other. */
function elsewhere(): string {
  const url = new URL(world.database.urlFor("chat"));
  url.pathname = "/postgres";
  return url.href;
}

describe("when every notification between the nodes is lost", () => {
  let one: ChatNode;
  let deaf: ChatNode;
  beforeAll(async () => {
    one = await world.startNode({ NODE_NAME: "hearing", SWEEP_INTERVAL_MS: "500" });
    deaf = await world.startNode({
      NODE_NAME: "deaf",
      SWEEP_INTERVAL_MS: "500",
      ADAPTER_DATABASE_URL: elsewhere(),
    });
  });

  test("every message still arrives, once and in order, found by the sweep", async () => {
    const { alice, bob, conversationId } = await pair();
    const a = await listen(one, alice);
    const b = await listen(deaf, bob);
    const sent: string[] = [];
    for (let round = 0; round < 4; round += 1) {
      for (let index = 0; index < 25; index += 1) {
        sent.push(await sendOne(a.socket, conversationId, alice, bob));
      }
      await until("all of the round", () => b.inbox.length === sent.length);
    }
    expect(b.inbox).toEqual(sent);
    const back = await sendOne(b.socket, conversationId, bob, alice);
    await until("the answer", () => a.inbox.length === 1);
    expect(a.inbox).toEqual([back]);
  });

  test("a second connection of a device still closes the first, wherever it is", async () => {
    const { alice } = await pair();
    const first = await listen(deaf, alice);
    const second = await listen(one, alice);
    await until("the first closed", () => first.closed.length > 0);
    expect(first.closed).toEqual(["superseded"]);
    const third = await listen(deaf, alice);
    await until("the second closed", () => second.closed.length > 0);
    expect([second.closed, third.closed]).toEqual([["superseded"], []]);
  });

  test("a revoked session's and a removed device's sockets close within 5 seconds", async () => {
    const { alice, bob } = await pair();
    const a = await listen(deaf, alice);
    const b = await listen(deaf, bob);
    const begun = performance.now();
    await world.owner.query("update chat.device set session_id = null where device_id = $1", [
      alice.deviceId,
    ]);
    await world.owner.query("delete from chat.device where device_id = $1", [bob.deviceId]);
    await until("both closed", () => a.closed.length + b.closed.length === 2, 5000);
    expect(performance.now() - begun).toBeLessThan(5000);
    expect([a.closed, b.closed]).toEqual([["session_revoked"], ["device_removed"]]);
  });

  test("with the sweep as it is by default, a revoked session's socket closes within 5 seconds", async () => {
    const usual = await world.startNode({ NODE_NAME: "usual", ADAPTER_DATABASE_URL: elsewhere() });
    const { alice } = await pair();
    const a = await listen(usual, alice);
    const begun = performance.now();
    await world.owner.query("update chat.device set session_id = null where device_id = $1", [
      alice.deviceId,
    ]);
    await until("closed", () => a.closed.length === 1, 6000);
    expect(performance.now() - begun).toBeLessThan(5000);
  });
});

describe("when the connection that hears the other nodes is lost", () => {
  let one: ChatNode;
  let two: ChatNode;
  beforeAll(async () => {
    one = await world.startNode({ NODE_NAME: "speaker", ...NO_SWEEP });
    two = await world.startNode({ NODE_NAME: "listener", ...NO_SWEEP });
  });

  /** Ends the LISTEN connections of both nodes; waits until new ones listen. */
  async function cut() {
    const listening = async () =>
      (
        await world.owner.query<{ pid: number }>(
          `select pid from pg_stat_activity
           where datname = current_database() and application_name in ('speaker adapter', 'listener adapter')
             and (query ilike 'listen%' or query = 'select 1')`,
        )
      ).rows.map(({ pid }) => pid);
    await until("both nodes listening", async () => (await listening()).length === 2);
    const before = await listening();
    await world.owner.query("select pg_terminate_backend(pid) from unnest($1::int[]) pid", [before]);
    const isHealed = async () => {
      const now = await listening();
      return now.length === 2 && now.every((pid) => !before.includes(pid));
    };
    return { isHealed, healed: () => until("both listening again", isHealed) };
  }

  test("what was sent meanwhile arrives as soon as it is back, without a sweep", async () => {
    const { alice, bob, conversationId } = await pair();
    const a = await listen(one, alice);
    const b = await listen(two, bob);
    const sent = [await sendOne(a.socket, conversationId, alice, bob)];
    await until("the first", () => b.inbox.length === 1);
    const { healed, isHealed } = await cut();
    for (let index = 0; index < 5; index += 1) {
      sent.push(await sendOne(a.socket, conversationId, alice, bob));
    }
    // The adapter waits a second at least; had it come back already, the last hint would have told of all the others.
    expect(await isHealed()).toBe(false);
    await healed();
    await until("the rest", () => b.inbox.length === sent.length);
    expect(b.inbox).toEqual(sent);
  });

  test("again and again, hints work again each time", { timeout: 60_000 }, async () => {
    const { alice, bob, conversationId } = await pair();
    const a = await listen(one, alice);
    const b = await listen(two, bob);
    const sent: string[] = [];
    // More often than the adapter's pool has places.
    for (let round = 0; round < 6; round += 1) {
      const { healed } = await cut();
      await healed();
      sent.push(await sendOne(a.socket, conversationId, alice, bob));
      await until(`delivery ${round}`, () => b.inbox.length === sent.length);
    }
    expect(b.inbox).toEqual(sent);
  });
});
