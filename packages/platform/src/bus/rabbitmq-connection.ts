import { Connection } from "rabbitmq-client";
import { ConfigError } from "../config.ts";
import type { Logger } from "../log.ts";

export type RabbitmqAddress = {
  /** `amqps://`: the certificate of the broker and the host name in it are verified. */
  brokerUrl: string;
  /** Certificates in PEM of the authorities that may have signed the broker's; absent, those of Node. */
  brokerCa?: string | undefined;
};

const SETTINGS = {
  heartbeat: 10,
  connectionTimeout: 5000,
  acquireTimeout: 5000,
  // Pauses between attempts to connect, of which there is no last one: random between the first and a limit that
  // doubles up to the second.
  retryLow: 200,
  retryHigh: 5000,
  noDelay: true,
} as const;

/** Connects in the background, and again after every loss. */
export function connectRabbitmq(
  { brokerUrl, brokerCa }: RabbitmqAddress,
  { name, log }: { name: string; log: Logger },
): Connection {
  if (brokerCa !== undefined && !brokerUrl.startsWith("amqps:"))
    throw new ConfigError(["MESSAGE_BROKER_CA is set, but MESSAGE_BROKER_URL is not amqps://"]);
  const tls = brokerCa === undefined ? {} : { tls: { ca: brokerCa } };
  const connection = new Connection({ ...SETTINGS, ...tls, url: brokerUrl, connectionName: name });
  connection.on("error", (error) => log.warn({ err: error }, "the connection to RabbitMQ failed"));
  connection.on("connection", () => log.info("connected to RabbitMQ"));
  connection.on("connection.blocked", (reason) => log.warn({ reason }, "RabbitMQ takes no messages"));
  connection.on("connection.unblocked", () => log.info("RabbitMQ takes messages again"));
  return connection;
}

/** Waits for `work`; calls `giveUp` when it takes too long or fails. */
export async function withinMs(ms: number, work: Promise<void>, giveUp: () => void): Promise<void> {
  const { promise: late, reject } = Promise.withResolvers<void>();
  const timer = setTimeout(() => reject(new Error(`not done within ${ms} ms`)), ms);
  await Promise.race([work, late]).catch(giveUp);
  clearTimeout(timer);
}
