import { randomBytes } from "node:crypto";
import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import type { InboxEnvelope } from "@sotto/contracts/message-api";
import { composeMessage, introduce, populate, type Resident } from "@sotto/testkit/population";
import { createTestDatabase, type TestDatabase } from "@sotto/testkit/postgres";
import pg from "pg";
import type { Socket } from "socket.io-client";
import { afterAll, beforeAll, expect, test } from "vitest";
import { migrate } from "../../../db/migrate.ts";
import { type EmbeddedPostgres, startPostgres } from "../../../scripts/embedded/postgres.ts";
import { ask, type ChatNode, type ChatWorld, connect, startChatWorld, until } from "./chat-node-fixture.ts";

let world: ChatWorld;
let server: EmbeddedPostgres;
let database: TestDatabase;
const dir = mkdtempSync(path.join(os.tmpdir(), "sotto-outage-"));
const crashes: unknown[] = [];
const recordCrash = (error: unknown) => crashes.push(error);

beforeAll(async () => {
  // The node runs in this process: what would end it in production is seen here.
  process.on("uncaughtException", recordCrash);
  process.on("unhandledRejection", recordCrash);
  chmodSync(dir, 0o711);
  server = await startPostgres({ dir });
  const password = () => randomBytes(18).toString("base64url");
  const rolePasswords = { user: password(), chat: password(), notification: password(), relay: password() };
  await migrate({ databaseUrl: server.url, rolePasswords });
  database = await createTestDatabase({ templateUrl: server.url, rolePasswords });
  world = await startChatWorld();
}, 180_000);
afterAll(async () => {
  await world?.close();
  await server?.stop();
  rmSync(dir, { recursive: true, force: true });
  process.off("uncaughtException", recordCrash);
  process.off("unhandledRejection", recordCrash);
}, 60_000);

async function meet(): Promise<{ alice: Resident; bob: Resident; conversationId: string }> {
  const owner = new pg.Client({ connectionString: database.ownerUrl });
  await owner.connect();
  const [alice, bob] = (await populate(owner, 2)) as [Resident, Resident];
  const [conversationId] = (await introduce(owner, [[alice, bob]])) as [string];
  await owner.end();
  return { alice, bob, conversationId };
}

async function kill(): Promise<void> {
  process.kill(server.pid, "SIGKILL");
  await server.exited;
}

const isReady = async (node: ChatNode) => (await fetch(`${node.url}/health/ready`)).status === 200;

/** Sends a message as a client does, again and again until it is accepted; answers the errors on the way. */
async function sendUntilAccepted(socket: Socket, message: unknown): Promise<string[]> {
  const errors: string[] = [];
  await until(
    "accepted",
    async () => {
      const answer = await ask(socket, "message:send", message);
      if (!answer.ok) errors.push(answer.error.code);
      return answer.ok;
    },
    60_000,
  );
  return errors;
}

test("a node lives through kill -9 of its database: sends answer unavailable, health is red then green, nothing accepted is lost", {
  timeout: 120_000,
}, async () => {
  const { alice, bob, conversationId } = await meet();
  const node = await world.startNode({ DATABASE_URL: database.urlFor("chat"), SWEEP_INTERVAL_MS: "500" });
  const inbox: string[] = [];
  const b = await world.socket(node, bob);
  b.on("inbox:envelopes", ({ envelopes }: { envelopes: InboxEnvelope[] }) => {
    inbox.push(...envelopes.map(({ messageId }) => messageId));
    b.emit("inbox:ack", { envelopeIds: envelopes.map(({ envelopeId }) => envelopeId) });
  });
  await connect(b);
  const a = await connect(await world.socket(node, alice));
  await until("green", () => isReady(node), 30_000);
  const sent: string[] = [];
  const send = async () => {
    const message = composeMessage(conversationId, alice, bob);
    sent.push(message.messageId);
    return await sendUntilAccepted(a, message);
  };
  for (let outage = 0; outage < 2; outage += 1) {
    for (let index = 0; index < 20; index += 1) expect(await send()).toEqual([]);
    // In flight while the database dies: each is either stored or not, and its sender asks again.
    const inFlight = Array.from({ length: 10 }, () => composeMessage(conversationId, alice, bob));
    sent.push(...inFlight.map(({ messageId }) => messageId));
    const answers = inFlight.map((message) => ask(a, "message:send", message));
    await kill();
    const early = await Promise.all(answers);
    expect(early.every((answer) => answer.ok || answer.error.code === "unavailable")).toBe(true);
    const refused = await ask(a, "message:send", composeMessage(conversationId, alice, bob));
    expect(refused).toMatchObject({ ok: false, error: { code: "unavailable", retryAfterSeconds: 2 } });
    expect(await ask(a, "inbox:ack", { envelopeIds: [1] })).toMatchObject({ error: { code: "unavailable" } });
    await until("red", async () => !(await isReady(node)), 30_000);
    expect((await fetch(`${node.url}/health/live`)).status).toBe(200);
    server = await startPostgres({ dir, port: server.port });
    const errors: string[] = [];
    for (const message of inFlight) errors.push(...(await sendUntilAccepted(a, message)));
    expect(new Set(errors)).toEqual(new Set(errors.length > 0 ? ["unavailable"] : []));
    await send();
    await until("green", () => isReady(node), 60_000);
  }
  const expected = new Set(sent);
  await until("everything delivered", () => new Set(inbox).size >= expected.size, 30_000);
  expect(new Set(inbox)).toEqual(expected);
  expect([...new Set(inbox)]).toEqual(sent);
  expect([a.connected, b.connected]).toEqual([true, true]);
  expect(crashes).toEqual([]);
});
