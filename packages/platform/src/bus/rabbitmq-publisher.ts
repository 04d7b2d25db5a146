import type { Channel, Connection, Envelope } from "rabbitmq-client";

export type OutgoingMessage = { envelope: Envelope & { messageId: string }; body: unknown };

export interface ConfirmedPublisher {
  /** Connects and declares, if that has not happened on the present connection. */
  open(): Promise<void>;
  /**
   * Sends in order, and resolves when the broker has confirmed every message. Rejects when one was refused, or was
   * mandatory and reached no queue, or when the connection was lost: some may have been taken then.
   */
  publish(messages: readonly OutgoingMessage[]): Promise<void>;
  close(): Promise<void>;
}

type OpenChannel = {
  channel: Channel;
  /** Rejects when the channel closes: what was written then may never be confirmed nor refused. */
  closed: Promise<never>;
  /** Ids of mandatory messages that came back. */
  returned: Set<string>;
};

/** Messages on their way without a confirmation. More of them make no more throughput, only more repetitions. */
const WINDOW = 500;

/** A channel in confirm mode that comes back by itself. `prepare` runs on every new channel, before it is used. */
export function createConfirmedPublisher(
  connection: Connection,
  prepare: (channel: Channel) => Promise<void>,
): ConfirmedPublisher {
  let current: Promise<OpenChannel> | undefined;

  const forget = (channel: Promise<OpenChannel>): void => {
    if (current === channel) current = undefined;
  };
  /** One at a time, shared by all who wait for it. */
  const open = (): Promise<OpenChannel> => {
    if (current !== undefined) return current;
    const opening = openChannel(connection, prepare);
    current = opening;
    opening.then(
      ({ channel }) => channel.once("close", () => forget(opening)),
      () => forget(opening),
    );
    return opening;
  };

  return {
    open: async () => {
      await open();
    },
    publish: async (messages) => {
      if (messages.length === 0) return;
      const opened = open();
      const channel = await opened;
      try {
        await Promise.race([sendAll(channel, messages), channel.closed]);
        await rejectReturned(channel, messages);
      } catch (error) {
        // A queue may be missing: the next attempt declares everything anew, on a new channel. Closing may take as
        // long as a dead connection takes to be noticed.
        forget(opened);
        void channel.channel.close();
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
  const channel = await connection.acquire();
  const returned = new Set<string>();
  channel.on("basic.return", (message) => returned.add(message.messageId ?? ""));
  const { promise: closed, reject } = Promise.withResolvers<never>();
  // Nobody may be waiting when it happens.
  closed.catch(() => undefined);
  channel.once("close", () => reject(new Error("the channel to RabbitMQ was closed")));
  try {
    await prepare(channel);
    await channel.confirmSelect();
  } catch (error) {
    await channel.close();
    throw error;
  }
  return { channel, closed, returned };
}

async function sendAll({ channel }: OpenChannel, messages: readonly OutgoingMessage[]): Promise<void> {
  const sending: Promise<void>[] = [];
  let unconfirmed = 0;
  let roomMade = Promise.withResolvers<void>();
  const settle = (): void => {
    unconfirmed--;
    roomMade.resolve();
  };
  for (const { envelope, body } of messages) {
    const sent = channel.basicPublish(envelope, body);
    sent.then(settle, settle);
    sending.push(sent);
    unconfirmed++;
    while (unconfirmed >= WINDOW) {
      roomMade = Promise.withResolvers();
      await roomMade.promise;
    }
  }
  await Promise.all(sending);
}

/** The broker returns a message before it confirms it; the client reports the return one turn later. */
async function rejectReturned(
  { returned }: OpenChannel,
  messages: readonly OutgoingMessage[],
): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
  const lost = messages.filter(({ envelope }) => returned.delete(envelope.messageId));
  const [first] = lost;
  if (first !== undefined)
    throw new Error(`${lost.length} messages reached no queue, the first for ${first.envelope.routingKey}`);
}
