import type { Channel, Connection, Envelope } from "rabbitmq-client";
import { pause } from "./backoff.ts";

export type OutgoingMessage = { envelope: Envelope & { messageId: string }; body: unknown };

export interface ConfirmedPublisher {
  /** Connects and declares, if that has not happened on the present connection. */
  open(): Promise<void>;
  /** Declares everything once more. */
  renew(): Promise<void>;
  /**
   * Sends in order, and resolves when the broker has confirmed every message. Rejects when one was refused, or was
   * mandatory and reached no queue, or when the connection was lost: some may have been taken then.
   */
  publish(messages: readonly OutgoingMessage[]): Promise<void>;
  close(): Promise<void>;
}

type OpenChannel = {
  channel: Channel;
  /**
   * Rejects when the channel closes, or the broker stops to read: what was written then may never be confirmed nor
   * refused, or only when the alarm is over.
   */
  interrupted: Promise<never>;
  /** Ids of mandatory messages that came back. */
  returned: Set<string>;
};

/**
 * Before a queue that is gone is made again. A consumer that runs is told of it, and does so itself; but the broker forgets
 * to tell it when there is a new one already (RabbitMQ 3.10).
 */
const MISSING_PAUSE_MS = 1000;
/** Messages on their way without a confirmation. More of them make no more throughput, only more repetitions. */
const WINDOW = 500;
/**
 * No confirmation for so long, and nothing is waited for any more: a queue without a majority of its nodes gives none, nor
 * does one to a channel that knew another of its name (RabbitMQ 3.10).
 */
const CONFIRMATION_PATIENCE_MS = 10_000;

/**
 * A channel in confirm mode that comes back by itself. `prepare` runs on every new channel, before it is used.
 * While the broker takes no messages (memory or disk alarm) everything is rejected at once.
 */
export function createConfirmedPublisher(
  connection: Connection,
  prepare: (channel: Channel) => Promise<void>,
): ConfirmedPublisher {
  let current: Promise<OpenChannel> | undefined;

  const forget = (channel: Promise<OpenChannel>): void => {
    if (current === channel) current = undefined;
  };
  /** One at a time, shared by all who wait for it. */
  const open = (pauseMs = 0): Promise<OpenChannel> => {
    if (!connection.ready)
      return Promise.reject(new Error("RabbitMQ is not connected, or takes no messages"));
    if (current !== undefined) return current;
    const opening = pauseMs === 0 ? openChannel(connection, prepare) : openLater(pauseMs);
    current = opening;
    opening.then(
      ({ channel }) => channel.once("close", () => forget(opening)),
      () => forget(opening),
    );
    return opening;
  };
  const openLater = async (pauseMs: number): Promise<OpenChannel> => {
    await pause(pauseMs);
    return openChannel(connection, prepare);
  };
  /** Closing may take as long as a dead connection takes to be noticed, or an alarm lasts. */
  const discard = (opened: Promise<OpenChannel>, { channel }: OpenChannel): void => {
    forget(opened);
    void channel.close();
  };

  return {
    open: async () => {
      await open();
    },
    renew: async () => {
      const opened = open();
      discard(opened, await opened);
      await open(MISSING_PAUSE_MS);
    },
    publish: async (messages) => {
      if (messages.length === 0) return;
      const opened = open();
      const channel = await opened;
      try {
        await Promise.race([sendAll(channel, messages), channel.interrupted]);
        await rejectReturned(channel, messages);
      } catch (error) {
        // The next attempt declares everything anew, on a new channel.
        discard(opened, channel);
        if (error instanceof MissingQueueError) open(MISSING_PAUSE_MS).catch(() => undefined);
        throw error;
      }
    },
    close: async () => {
      await (await current?.catch(() => undefined))?.channel.close();
    },
  };
}

async function openChannel(
  connection: Connection,
  prepare: (channel: Channel) => Promise<void>,
): Promise<OpenChannel> {
  const { promise: interrupted, reject } = Promise.withResolvers<never>();
  // Nobody may be waiting when it happens.
  interrupted.catch(() => undefined);
  const onBlocked = (reason: string): void => reject(new Error(`RabbitMQ takes no messages: ${reason}`));
  connection.on("connection.blocked", onBlocked);
  const opening = prepareChannel(connection, prepare);
  try {
    const channel = await Promise.race([opening, interrupted]);
    channel.once("close", () => {
      connection.off("connection.blocked", onBlocked);
      reject(new Error("the channel to RabbitMQ was closed"));
    });
    const returned = new Set<string>();
    channel.on("basic.return", (message) => returned.add(message.messageId ?? ""));
    return { channel, interrupted, returned };
  } catch (error) {
    connection.off("connection.blocked", onBlocked);
    // It may come about later, when nobody needs it any more.
    opening.then(
      (channel) => channel.close(),
      () => undefined,
    );
    throw error;
  }
}

async function prepareChannel(
  connection: Connection,
  prepare: (channel: Channel) => Promise<void>,
): Promise<Channel> {
  const channel = await connection.acquire();
  try {
    await prepare(channel);
    await channel.confirmSelect();
    return channel;
  } catch (error) {
    await channel.close();
    throw error;
  }
}

async function sendAll({ channel }: OpenChannel, messages: readonly OutgoingMessage[]): Promise<void> {
  const sending: Promise<void>[] = [];
  let unconfirmed = 0;
  let roomMade = Promise.withResolvers<void>();
  const { promise: silent, reject } = Promise.withResolvers<never>();
  silent.catch(() => undefined);
  const timer = setTimeout(
    () => reject(new Error("RabbitMQ confirmed nothing for 10 s")),
    CONFIRMATION_PATIENCE_MS,
  );
  const settle = (): void => {
    unconfirmed--;
    timer.refresh();
    roomMade.resolve();
  };
  try {
    for (const { envelope, body } of messages) {
      const sent = channel.basicPublish(envelope, body);
      sent.then(settle, settle);
      sending.push(sent);
      unconfirmed++;
      while (unconfirmed >= WINDOW) {
        roomMade = Promise.withResolvers();
        await Promise.race([roomMade.promise, silent]);
      }
    }
    await Promise.race([Promise.all(sending), silent]);
  } finally {
    clearTimeout(timer);
  }
}

class MissingQueueError extends Error {}

/** The broker returns a message before it confirms it; the client reports the return one turn later. */
async function rejectReturned(
  { returned }: OpenChannel,
  messages: readonly OutgoingMessage[],
): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
  const lost = messages.filter(({ envelope }) => returned.delete(envelope.messageId));
  const [first] = lost;
  if (first !== undefined)
    throw new MissingQueueError(
      `${lost.length} messages reached no queue, the first for ${first.envelope.routingKey}`,
    );
}
