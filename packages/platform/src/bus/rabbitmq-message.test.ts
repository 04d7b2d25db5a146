import { expect, test } from "vitest";
import { attemptOf, movedMessage, type Received, toDeadLetter, toMessages } from "./rabbitmq-message.ts";

const EVENT = { id: "event-1", type: "chat.device-added", key: "k" };

/** What a consumer gets of a message that was sent. */
function received({ envelope, body }: ReturnType<typeof toMessages>[number]): Received {
  const { messageId, headers, contentType, routingKey } = envelope;
  const plain: unknown = Buffer.isBuffer(body) ? JSON.parse(body.toString()) : body;
  return { messageId, headers, contentType, routingKey, deliveryTag: 1, body: plain } as Received;
}

test("each consumer gets a message that must arrive, and the exchange one that may", () => {
  const [first, second, open] = toMessages(EVENT, ["one", "two"]).map(({ envelope }) => envelope);
  expect(first).toMatchObject({ exchange: "", routingKey: "sotto.one", mandatory: true, durable: true });
  expect(second).toMatchObject({ exchange: "", routingKey: "sotto.two", mandatory: true, durable: true });
  expect(open).toMatchObject({ exchange: "sotto.events", routingKey: "chat.device-added", mandatory: false });
});

test("a dead letter says why, when, after how many attempts, and under which routing key it was published", () => {
  const [sent] = toMessages(EVENT, ["one"]);
  if (sent === undefined) throw new Error("nothing was sent");
  const again = movedMessage(received(sent), "sotto.one.retry.750ms", { attempt: 2, reason: "Error: no" });
  expect(attemptOf(received(again))).toBe(2);
  const deadAt = new Date("2026-01-02T03:04:05.678Z");
  const dead = movedMessage(received(again), "sotto.one.dead", { attempt: 2, reason: "Error: no", deadAt });
  expect(toDeadLetter(received(dead))).toEqual({
    ...{ id: "event-1", body: EVENT, reason: "Error: no", attempts: 2, deadAt, routingKey: EVENT.type },
  });
});

test("a message that is moved back has neither attempts nor reason, and keeps its id and routing key", () => {
  const [sent] = toMessages(EVENT, ["one"]);
  if (sent === undefined) throw new Error("nothing was sent");
  const about = { attempt: 9, reason: "Error: no", deadAt: new Date("2026-01-02T03:04:05.678Z") };
  const back = movedMessage(received(movedMessage(received(sent), "sotto.one.dead", about)), "sotto.one");
  expect(back.envelope).toEqual({ ...sent.envelope, headers: sent.envelope.headers });
  expect(back.body).toEqual(EVENT);
});

test("a message of somebody else that the broker gave up is described as well as can be", () => {
  const headers = {
    "x-delivery-count": 21,
    "x-death": [{ reason: "delivery_limit", time: 1_767_323_045, "routing-keys": ["some.key"] }],
  };
  const foreign = { headers, routingKey: "sotto.one.dead", deliveryTag: 1, body: "text" } as Received;
  expect(toDeadLetter(foreign)).toEqual({
    ...{ id: "", body: "text", reason: "delivery_limit", attempts: 21, routingKey: "some.key" },
    deadAt: new Date("2026-01-02T03:04:05.000Z"),
  });
  expect(toDeadLetter({ routingKey: "q", deliveryTag: 1, body: null } as Received)).toMatchObject({
    ...{ reason: "unknown", attempts: 1, deadAt: undefined, routingKey: "q" },
  });
});
