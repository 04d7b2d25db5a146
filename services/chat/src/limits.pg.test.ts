import { composeMessage, type Resident } from "@sotto/testkit/population";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ask, type ChatNode, type ChatWorld, connect, limitTo, startChatWorld } from "./chat-node-fixture.ts";
import { parseChatConfig } from "./config.ts";
import { chatLimits, nodeLimits } from "./limits.ts";
import {
  addDevice,
  compose,
  openSocket,
  sendByRequest,
  sendBySocket,
} from "./messages/message-world-fixture.ts";
import { callAs } from "./people/people-fixture.ts";

let world: ChatWorld;

beforeAll(async () => {
  world = await startChatWorld();
});
afterAll(() => world.close());

async function acquainted() {
  const [ann, ben] = (await world.people(2)) as [Resident, Resident];
  return { ann, ben, conversationId: await world.talk(ann, ben) };
}

test("messages of an account in a conversation have one limit, by socket and request, on every device and connection", async () => {
  const node = await world.startNode(limitTo({ "message.conversation": { burst: 4, perMinute: 1 } }));
  const { ann, ben, conversationId } = await acquainted();
  const second = await addDevice(world.owner, ann);
  const message = (from: Resident) => compose(conversationId, [ann, ben], [ben, from === ann ? second : ann]);
  let socket = await openSocket(world, node, ann);
  const answers = [
    await sendBySocket(socket, message(ann)),
    await sendByRequest(world, node, ann, message(ann)),
  ];
  socket.disconnect();
  socket = await openSocket(world, node, ann);
  answers.push(await sendBySocket(socket, message(ann)));
  const other = await openSocket(world, node, second);
  answers.push(await sendBySocket(other, message(second)));
  expect(answers.every((answer) => "accepted" in answer)).toBe(true);
  const refusal = { refused: { code: "rate_limited", retryAfterSeconds: expect.any(Number) } };
  expect(await sendBySocket(socket, message(ann))).toMatchObject(refusal);
  expect(await sendBySocket(other, message(second))).toMatchObject(refusal);
  expect(await sendByRequest(world, node, ann, message(ann))).toMatchObject(refusal);
  // The other one's answers, and other conversations, are not affected.
  const [cleo] = (await world.people(1)) as [Resident];
  const withCleo = await world.talk(ann, cleo);
  expect(await sendBySocket(socket, compose(withCleo, [ann, cleo], [cleo, second]))).toHaveProperty(
    "accepted",
  );
  const answering = await openSocket(world, node, ben);
  expect(await sendBySocket(answering, compose(conversationId, [ann, ben], [ann, second]))).toHaveProperty(
    "accepted",
  );
});

test("messages of an account to anybody have one limit, by socket and request; connecting again gives no new one", async () => {
  const node = await world.startNode(limitTo({ "message.account": { burst: 3, perMinute: 1 } }));
  const { ann, ben, conversationId } = await acquainted();
  const send = async () =>
    sendBySocket(await openSocket(world, node, ann), composeMessage(conversationId, ann, ben));
  expect([await send(), await send()].every((answer) => "accepted" in answer)).toBe(true);
  expect(await sendByRequest(world, node, ann, composeMessage(conversationId, ann, ben))).toHaveProperty(
    "accepted",
  );
  const refusal = { refused: { code: "rate_limited" } };
  expect(await send()).toMatchObject(refusal);
  expect(await sendByRequest(world, node, ann, composeMessage(conversationId, ann, ben))).toMatchObject(
    refusal,
  );
});

test("frames and typing of a device have limits that outlive its connections", async () => {
  const node = await world.startNode(
    limitTo({ "typing.device": { burst: 2, perMinute: 1 }, "frame.device": { burst: 5, perMinute: 1 } }),
  );
  const { ann, conversationId } = await acquainted();
  const codes: string[] = [];
  for (let index = 0; index < 6; index += 1) {
    const socket = await openSocket(world, node, ann);
    const answer = await ask(socket, "typing:set", { conversationId, active: true });
    codes.push(answer.ok ? "ok" : (answer.error.detail ?? ""));
    socket.disconnect();
  }
  expect(codes).toEqual(["ok", "ok", ...Array(3).fill("Too much typing."), "Too many frames."]);
});

test("handshakes of an account have a limit, which others do not feel", async () => {
  const node = await world.startNode(limitTo({ "connection.account": { burst: 2, perMinute: 1 } }));
  const { ann, ben } = await acquainted();
  for (let index = 0; index < 2; index += 1) (await openSocket(world, node, ann)).disconnect();
  await expect(connect(await world.socket(node, ann))).rejects.toMatchObject({
    data: { code: "rate_limited", retryAfterSeconds: 60 },
  });
  (await openSocket(world, node, ben)).disconnect();
});

test("requests of an account have a limit on every route, on all nodes together, which others do not feel", async () => {
  const rules = limitTo({ "request.account": { burst: 12, perMinute: 0.01 } });
  const nodes = [await world.startNode(rules), await world.startNode(rules)] as [ChatNode, ChatNode];
  const { ann, ben, conversationId } = await acquainted();
  const requests: [string, string, unknown?][] = [
    ["GET", "/conversations"],
    ["GET", "/contacts"],
    ["GET", "/blocks"],
    ["GET", "/settings/privacy"],
    ["GET", "/devices"],
    ["GET", `/accounts/${ben.accountId}/devices`],
    ["GET", "/inbox"],
    ["POST", "/messages", composeMessage(conversationId, ann, ben)],
  ];
  let allowed = 0;
  for (let round = 0; round < 5; round += 1) {
    for (const [index, request] of requests.entries()) {
      const { status } = await callAs(world, nodes[index % 2 === 0 ? 0 : 1], ann, request);
      if (status !== 429) allowed += 1;
    }
  }
  // Each node counts a batch by itself before it asks.
  expect(allowed).toBeGreaterThanOrEqual(8);
  expect(allowed).toBeLessThanOrEqual(16);
  for (const request of requests)
    expect((await callAs(world, nodes[0], ann, request)).status, request[1]).toBe(429);
  expect((await callAs(world, nodes[0], ben, ["GET", "/devices"])).status).toBe(200);
});

test("every limit can be set, by its name", () => {
  const env = {
    PORT: "0",
    DATABASE_URL: "postgres://localhost/x",
    JWKS_URL: "http://localhost/x",
    PUBLIC_URL: "http://localhost",
  };
  for (const name of [...Object.keys(chatLimits), ...Object.keys(nodeLimits)]) {
    const { RATE_LIMITS } = parseChatConfig({
      ...env,
      RATE_LIMITS: JSON.stringify({ [name]: { burst: 7 } }),
    });
    expect(RATE_LIMITS, name).toMatchObject({ [name]: { burst: 7 } });
  }
});
