import { composeMessage, type Resident } from "@sotto/testkit/population";
import { strFromU8, unzipSync } from "fflate";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type ChatNode, type ChatWorld, limitTo, startChatWorld } from "../chat-node-fixture.ts";
import { putMail } from "../delivery/mailbox-fixture.ts";
import { openSocket, sendBySocket } from "../messages/message-world-fixture.ts";
import { callAs } from "../people/people-fixture.ts";

let world: ChatWorld;
let node: ChatNode;

beforeAll(async () => {
  world = await startChatWorld();
  node = await world.startNode();
});
afterAll(() => world.close());

async function exportOf({ accountId, sessionId }: Resident, at = node, authenticatedSecondsAgo = 0) {
  const token = await world.tokens.sign(accountId, sessionId, { authenticatedSecondsAgo });
  return fetch(`${at.url}/api/chat/export`, { headers: { Authorization: `Bearer ${token}` } });
}

async function unzip(response: Response): Promise<Record<string, unknown>> {
  const files = unzipSync(new Uint8Array(await response.arrayBuffer()));
  return Object.fromEntries(
    Object.entries(files).map(([name, bytes]) => {
      const text = strFromU8(bytes);
      return [name, name.endsWith(".json") ? JSON.parse(text) : text];
    }),
  );
}

test("the export holds what the service knows of the account and of nobody else, page after page", async () => {
  const [ann, ben, cleo] = (await world.people(3)) as [Resident, Resident, Resident];
  const conversationId = await world.talk(ann, ben);
  await world.talk(ben, cleo);
  await callAs(world, node, ann, ["PUT", `/contacts/${ben.accountId}`]);
  await callAs(world, node, ann, ["PUT", `/blocks/${cleo.accountId}`]);
  await callAs(world, node, ann, ["PATCH", "/settings/privacy", { presence: "contacts" }]);
  const ids = await putMail(world.owner, {
    ...{ from: ben, to: ann, conversationId, count: 1203, ageSeconds: 1, contentBytes: 60 },
  });
  const response = await exportOf(ann);
  expect(response.status).toBe(200);
  expect(response.headers.get("content-type")).toBe("application/zip");
  expect(response.headers.get("cache-control")).toBe("no-store");
  const files = await unzip(response);
  expect(Object.keys(files).sort()).toEqual(
    [
      "README.txt",
      "blocks.json",
      "contacts.json",
      "conversations.json",
      "devices.json",
      "messages.json",
      "privacy.json",
    ].sort(),
  );
  expect(files["devices.json"]).toMatchObject([{ deviceId: ann.deviceId }]);
  expect(files["conversations.json"]).toMatchObject([{ conversationId }]);
  expect(files["contacts.json"]).toMatchObject([{ accountId: ben.accountId, state: "outgoing" }]);
  expect(files["blocks.json"]).toMatchObject([{ accountId: cleo.accountId }]);
  expect(files["privacy.json"]).toMatchObject({ presence: "contacts" });
  const messages = files["messages.json"] as { messageId: string }[];
  expect(messages.map(({ messageId }) => messageId)).toEqual(ids);
  expect(messages[0]).toEqual({
    ...{ messageId: ids[0], conversationId, senderAccountId: ben.accountId, deviceId: ann.deviceId },
    ...{ acceptedAt: expect.any(String), contentBytes: 60, envelopeBytes: 20 },
  });
});

test("of an account without anything is empty, not broken", async () => {
  const [ann] = (await world.people(1)) as [Resident];
  expect(await unzip(await exportOf(ann))).toMatchObject({
    "conversations.json": [],
    "contacts.json": [],
    "messages.json": [],
  });
});

test("does not tell of requests that are hidden, nor of the mail that was withheld", async () => {
  const [ann, ben] = (await world.people(2)) as [Resident, Resident];
  const conversationId = await world.talk(ann, ben);
  await callAs(world, node, ben, ["PUT", `/blocks/${ann.accountId}`]);
  await callAs(world, node, ann, ["PUT", `/contacts/${ben.accountId}`]);
  await sendBySocket(await openSocket(world, node, ann), composeMessage(conversationId, ann, ben));
  await callAs(world, node, ben, ["DELETE", `/blocks/${ann.accountId}`]);
  expect(await unzip(await exportOf(ben))).toMatchObject({ "contacts.json": [], "messages.json": [] });
});

test("needs a session that has just proved who it is, and is given three times, then once an hour", async () => {
  const [ann] = (await world.people(1)) as [Resident];
  const limited = await world.startNode(limitTo({ "export.account": { burst: 3, perMinute: 1 / 60 } }));
  const stale = await exportOf(ann, limited, 301);
  expect([stale.status, (await stale.json()).code]).toEqual([403, "reauthentication_required"]);
  const answers = await Promise.all(Array.from({ length: 5 }, () => exportOf(ann, limited)));
  expect(answers.map(({ status }) => status).sort()).toEqual([200, 200, 200, 429, 429]);
  await Promise.all(answers.map((answer) => answer.arrayBuffer()));
});
