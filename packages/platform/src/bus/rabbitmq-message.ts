import { EVENT_EXCHANGE } from "@sotto/contracts/events";
import type { SyncMessage } from "rabbitmq-client";
import type { DeadLetter, PublishableEvent } from "./bus.ts";
import { reasonOf } from "./handle-delivery.ts";
import type { OutgoingMessage } from "./rabbitmq-publisher.ts";
import { mainQueue } from "./rabbitmq-topology.ts";

const ATTEMPT_HEADER = "x-sotto-attempt";
const REASON_HEADER = "x-sotto-reason";
const DEAD_AT_HEADER = "x-sotto-dead-at";
const ROUTING_KEY_HEADER = "x-sotto-routing-key";
/** Written by the broker: how a message came to where it is, the last move first. */
const DEATHS_HEADER = "x-death";

/** What a delivery and a message that was fetched have in common. */
export type Received = Pick<
  SyncMessage,
  "body" | "headers" | "messageId" | "contentType" | "routingKey" | "deliveryTag"
>;

/**
 * One message for each consumer, by the name of its queue, which must be there; and one for whoever has bound a queue to
 * the exchange. A message for the exchange alone would be confirmed although a consumer's queue is gone, as soon as
 * anybody else gets it.
 */
export function toMessages(event: PublishableEvent, consumers: readonly string[]): OutgoingMessage[] {
  const common = {
    durable: true,
    messageId: event.id,
    contentType: "application/json",
    headers: { [ROUTING_KEY_HEADER]: event.type },
  };
  const body = Buffer.from(JSON.stringify(event));
  return [
    ...consumers.map((consumer) => ({
      envelope: { ...common, exchange: "", routingKey: mainQueue(consumer), mandatory: true },
      body,
    })),
    { envelope: { ...common, exchange: EVENT_EXCHANGE, routingKey: event.type, mandatory: false }, body },
  ];
}

/** 1 for the first. */
export function attemptOf({ headers }: Received): number {
  const attempt: unknown = headers?.[ATTEMPT_HEADER];
  return typeof attempt === "number" && attempt >= 1 ? attempt : 1;
}

/** The same message for another queue: to be repeated, as a dead letter, or, without `about`, as if it were new. */
export function movedMessage(
  message: Received,
  routingKey: string,
  about: { attempt?: number; reason?: string; deadAt?: Date } = {},
): OutgoingMessage {
  return {
    envelope: {
      exchange: "",
      routingKey,
      durable: true,
      mandatory: true,
      messageId: message.messageId ?? `${message.routingKey}#${message.deliveryTag}`,
      ...(message.contentType === undefined ? {} : { contentType: message.contentType }),
      headers: {
        [ROUTING_KEY_HEADER]: originalRoutingKey(message),
        ...(about.attempt === undefined ? {} : { [ATTEMPT_HEADER]: about.attempt }),
        ...(about.reason === undefined ? {} : { [REASON_HEADER]: about.reason }),
        ...(about.deadAt === undefined ? {} : { [DEAD_AT_HEADER]: about.deadAt.toISOString() }),
      },
    },
    body: message.body as unknown,
  };
}

/** What we wrote down when it died; or the broker, when it moved the message because of the delivery limit. */
export function toDeadLetter(message: Received): DeadLetter {
  const { headers, body } = message;
  const death = deathsOf(message)[0];
  return {
    id: message.messageId ?? "",
    body,
    reason: reasonOf(headers?.[REASON_HEADER] ?? death?.reason ?? "unknown"),
    attempts: headers?.[REASON_HEADER] === undefined ? deliveriesOf(message) : attemptOf(message),
    deadAt: dateOf(headers?.[DEAD_AT_HEADER] ?? death?.time),
    routingKey: originalRoutingKey(message),
  };
}

type Death = { reason?: unknown; time?: unknown; "routing-keys"?: unknown };

function deathsOf({ headers }: Received): Death[] {
  const deaths: unknown = headers?.[DEATHS_HEADER];
  return Array.isArray(deaths) ? (deaths as Death[]) : [];
}

/** The broker's count of deliveries that nobody answered; it gives up with the last of them. */
function deliveriesOf({ headers }: Received): number {
  const count: unknown = headers?.["x-delivery-count"];
  return typeof count === "number" && count > 0 ? count : 1;
}

function originalRoutingKey(message: Received): string {
  const kept: unknown = message.headers?.[ROUTING_KEY_HEADER];
  if (typeof kept === "string") return kept;
  const last: unknown = deathsOf(message).at(-1)?.["routing-keys"];
  const first: unknown = Array.isArray(last) ? last[0] : undefined;
  return typeof first === "string" ? first : message.routingKey;
}

/** Ours is text in ISO 8601; the broker's is in seconds since 1970. */
function dateOf(value: unknown): Date | undefined {
  if (typeof value !== "string" && typeof value !== "number") return undefined;
  const date = new Date(typeof value === "number" ? value * 1000 : value);
  return Number.isNaN(date.getTime()) ? undefined : date;
}
