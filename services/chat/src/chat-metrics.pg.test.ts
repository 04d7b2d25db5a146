import { composeMessage, type Resident } from "@sotto/testkit/population";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ask, type ChatNode, type ChatWorld, connect, startChatWorld, until } from "./chat-node-fixture.ts";
import { putMail } from "./delivery/mailbox-fixture.ts";

let world: ChatWorld;
beforeAll(async () => {
  world = await startChatWorld();
});
afterAll(() => world.close());

/** Samples of our own metrics, by name and labels as they are written. */
async function scrape(node: ChatNode): Promise<Map<string, number>> {
  const text = await (await fetch(`${node.url}/metrics`)).text();
  const lines = text.split("\n").filter((line) => line.startsWith("sotto_chat_"));
  return new Map(
    lines.map((line) => [
      line.slice(0, line.lastIndexOf(" ")),
      Number(line.slice(line.lastIndexOf(" ") + 1)),
    ]),
  );
}

/** Connects, and acknowledges everything. */
async function listen(node: ChatNode, resident: Resident): Promise<() => number> {
  const socket = await world.socket(node, resident);
  let acknowledged = 0;
  socket.on("inbox:envelopes", async ({ envelopes }: { envelopes: { envelopeId: number }[] }) => {
    const envelopeIds = envelopes.map(({ envelopeId }) => envelopeId);
    const answer = await ask(socket, "inbox:ack", { envelopeIds });
    if (answer.ok) acknowledged += answer.value.deleted;
  });
  const drained = new Promise((resolve) => socket.once("inbox:drained", resolve));
  await connect(socket);
  await drained;
  return () => acknowledged;
}

test("a scrape tells what a node has done, and names nobody", async () => {
  const here = await world.startNode({ MAILBOX_ENVELOPES: "2" });
  const there = await world.startNode({ MAILBOX_ENVELOPES: "2" });
  const [ann, ben, cai, dan] = (await world.people(4)) as [Resident, Resident, Resident, Resident];
  const withBen = await world.talk(ann, ben);
  const withCai = await world.talk(ann, cai);
  const withDan = await world.talk(ann, dan);
  await putMail(world.owner, { from: ann, to: dan, conversationId: withDan, count: 5, ageSeconds: 1 });
  const benHas = await listen(here, ben);
  const caiHas = await listen(there, cai);
  const sender = await connect(await world.socket(here, ann));

  const toBen = composeMessage(withBen, ann, ben);
  expect((await ask(sender, "message:send", toBen)).ok).toBe(true);
  expect((await ask(sender, "message:send", composeMessage(withCai, ann, cai))).ok).toBe(true);
  expect((await ask(sender, "message:send", { ...toBen, content: "AAAA" })).ok).toBe(false);
  expect((await ask(sender, "message:send", composeMessage(withBen, ann, cai))).ok).toBe(false);
  await until("both have acknowledged", () => benHas() === 1 && caiHas() === 1);
  // Ben's mailbox has been read since the sender connected: from now on memory keeps the order.
  expect((await ask(sender, "message:send", composeMessage(withBen, ann, ben))).ok).toBe(true);
  await until("the second is acknowledged", () => benHas() === 2);
  await until("dan's mailbox has overflowed", async () => {
    const counts = await Promise.all([here, there].map(scrape));
    return counts.some((count) => count.get("sotto_chat_gaps_opened_total") === 1);
  });
  await until("a sweep has ended", async () => {
    return ((await scrape(here)).get("sotto_chat_sweep_seconds_count") ?? 0) > 0;
  });

  const samples = await scrape(here);
  const value = (name: string) => samples.get(name);
  expect(value("sotto_chat_connections")).toBe(2);
  expect(value("sotto_chat_messages_accepted_total")).toBe(3);
  expect(value('sotto_chat_messages_refused_total{code="idempotency_conflict"}')).toBe(1);
  expect(value('sotto_chat_messages_refused_total{code="device_mismatch"}')).toBe(1);
  expect(value("sotto_chat_commit_batch_messages_sum")).toBe(5);
  expect(value("sotto_chat_commit_batch_messages_count")).toBe(value("sotto_chat_commit_seconds_count"));
  expect(value("sotto_chat_commit_queue_messages")).toBe(0);
  expect(value('sotto_chat_deliveries_total{way="read"}')).toBe(1);
  expect(value('sotto_chat_deliveries_total{way="memory"}')).toBe(1);
  expect(value("sotto_chat_acknowledgements_total")).toBe(2);
  expect(value('sotto_chat_hints_total{kind="mail"}')).toBeGreaterThan(0);
  expect(value("sotto_chat_mailbox_read_seconds_count")).toBeGreaterThan(0);
  expect((await scrape(there)).get('sotto_chat_deliveries_total{way="read"}')).toBe(1);

  const ids = [ann, ben, cai, dan].flatMap(({ accountId, deviceId, sessionId }) => [
    accountId,
    deviceId,
    sessionId,
  ]);
  const everything = await (await fetch(`${here.url}/metrics`)).text();
  for (const id of [...ids, withBen, withCai, withDan, toBen.messageId]) expect(everything).not.toContain(id);
  const labels = [...everything.matchAll(/^sotto_chat_\w+\{([^}]*)\}/gm)].flatMap(([, list]) =>
    [...(list ?? "").matchAll(/(\w+)=/g)].map(([, name]) => name),
  );
  expect([...new Set(labels)].sort()).toEqual(["code", "kind", "le", "way"]);
});

test("a message that finds the queue full is counted as refused", async () => {
  const node = await world.startNode({ COMMIT_WAITING: "1", COMMIT_LANES: "1" });
  const [ann, ben] = (await world.people(2)) as [Resident, Resident];
  const conversationId = await world.talk(ann, ben);
  const sender = await connect(await world.socket(node, ann));
  const answers = await Promise.all(
    Array.from({ length: 5 }, () => ask(sender, "message:send", composeMessage(conversationId, ann, ben))),
  );
  const refused = answers.filter(({ ok }) => !ok).length;
  expect(refused).toBeGreaterThan(0);
  const samples = await scrape(node);
  expect(samples.get('sotto_chat_messages_refused_total{code="overloaded"}')).toBe(refused);
  expect(samples.get("sotto_chat_messages_accepted_total")).toBe(5 - refused);
});
