import { EventEmitter } from "node:events";
import type { Channel, Connection } from "rabbitmq-client";
import { expect, it, onTestFinished, vi } from "vitest";
import { createConfirmedPublisher, type OutgoingMessage } from "./rabbitmq-publisher.ts";

/** A channel whose confirmations the test gives. */
class ManualChannel extends EventEmitter {
  readonly confirmations: (() => void)[] = [];
  confirmSelect = async (): Promise<void> => undefined;
  basicPublish = (): Promise<void> => new Promise((resolve) => this.confirmations.push(resolve));
  close = async (): Promise<void> => void this.emit("close");
}

function setUp() {
  const channels: ManualChannel[] = [];
  const acquire = async () => {
    const channel = new ManualChannel();
    channels.push(channel);
    return channel as unknown as Channel;
  };
  const connection = Object.assign(new EventEmitter(), { ready: true, acquire });
  const publisher = createConfirmedPublisher(connection as unknown as Connection, async () => undefined);
  return { channels, publisher, connection };
}

const messages = (count: number): OutgoingMessage[] =>
  Array.from({ length: count }, (_, index) => ({ envelope: { messageId: String(index) }, body: index }));

/** Lets everything run that waits for nothing but its turn. */
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

it("has at most 500 messages on their way, and resolves with the last confirmation", async () => {
  const { channels, publisher } = setUp();
  let resolved = false;
  const publishing = publisher.publish(messages(501)).then(() => {
    resolved = true;
  });
  await turn();
  expect(channels[0]?.confirmations).toHaveLength(500);
  channels[0]?.confirmations[0]?.();
  await turn();
  expect(channels[0]?.confirmations).toHaveLength(501);
  for (const confirm of channels[0]?.confirmations.slice(0, 500) ?? []) confirm();
  await turn();
  expect(resolved).toBe(false);
  channels[0]?.confirmations[500]?.();
  await publishing;
});

it("waits for no confirmation of a channel that was closed, and opens another one", async () => {
  const { channels, publisher } = setUp();
  const publishing = publisher.publish(messages(1));
  const rejected = expect(publishing).rejects.toThrow("the channel to RabbitMQ was closed");
  await turn();
  channels[0]?.emit("close");
  await rejected;
  const again = publisher.publish(messages(1));
  await turn();
  channels[1]?.confirmations[0]?.();
  await again;
  expect(channels).toHaveLength(2);
});

it("rejects when a mandatory message came back, although it was confirmed", async () => {
  const { channels, publisher } = setUp();
  const publishing = publisher.publish(messages(2));
  const rejected = expect(publishing).rejects.toThrow("1 messages reached no queue");
  await turn();
  channels[0]?.emit("basic.return", { messageId: "1" });
  for (const confirm of channels[0]?.confirmations ?? []) confirm();
  await rejected;
});

it("opens one channel for those who publish at the same time", async () => {
  const { channels, publisher } = setUp();
  const all = [publisher.publish(messages(1)), publisher.publish(messages(1))];
  await turn();
  expect(channels).toHaveLength(1);
  for (const confirm of channels[0]?.confirmations ?? []) confirm();
  await Promise.all(all);
});

it("waits for no confirmation while the broker takes no messages, and refuses at once until it does", async () => {
  const { channels, publisher, connection } = setUp();
  const publishing = publisher.publish(messages(1));
  const rejected = expect(publishing).rejects.toThrow("RabbitMQ takes no messages: low on memory");
  await turn();
  connection.ready = false;
  connection.emit("connection.blocked", "low on memory");
  await rejected;
  await expect(publisher.publish(messages(1))).rejects.toThrow("takes no messages");
  await expect(publisher.open()).rejects.toThrow("takes no messages");
  connection.ready = true;
  const again = publisher.publish(messages(1));
  await turn();
  channels[1]?.confirmations[0]?.();
  await again;
  expect(connection.listenerCount("connection.blocked")).toBe(1);
});

it("waits for no channel either that is opened when the broker stops to read", async () => {
  const { publisher, connection } = setUp();
  connection.acquire = () => new Promise(() => undefined);
  const rejected = expect(publisher.publish(messages(1))).rejects.toThrow("low on disk");
  connection.emit("connection.blocked", "low on disk");
  await rejected;
});

it("gives up 10 s after the last confirmation, whatever time all of them take", async () => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  onTestFinished(() => void vi.useRealTimers());
  const { channels, publisher } = setUp();
  const publishing = publisher.publish(messages(2));
  const rejected = expect(publishing).rejects.toThrow("confirmed nothing for 10 s");
  await turn();
  vi.advanceTimersByTime(9_000);
  channels[0]?.confirmations[0]?.();
  await turn();
  vi.advanceTimersByTime(9_000);
  await turn();
  expect(channels).toHaveLength(1);
  expect(await Promise.race([publishing.catch(() => "given up"), turn().then(() => "waiting")])).toBe(
    "waiting",
  );
  vi.advanceTimersByTime(2_000);
  await rejected;
});
