import { type DomainEvent, type EventType, parseEvent } from "@sotto/contracts/events";
import type { Logger } from "../log.ts";
import { type ConsumeOptions, PoisonEventError } from "./bus.ts";
import type { BusMetrics } from "./bus-metrics.ts";

export type Outcome =
  | { kind: "handled" }
  | { kind: "retried"; delaySeconds: number; reason: string }
  | { kind: "dead"; reason: string };

export type DeliveryContext = {
  log: Logger;
  metrics: BusMetrics;
  retryDelaysSeconds: readonly number[];
};

/** Longest reason that is stored beside a dead letter, in characters. */
const REASON_LENGTH = 500;

/**
 * Runs the handler on one delivery and decides what becomes of it. Never throws: a body that is no event, a type
 * that nobody asked for, and a handler that fails are all outcomes.
 */
export async function handleDelivery<T extends EventType>(
  context: DeliveryContext,
  options: ConsumeOptions<T>,
  delivery: { body: unknown; attempt: number },
): Promise<Outcome> {
  const outcome = await attemptDelivery(context, options, delivery);
  context.metrics.consumed.inc({ consumer: options.consumer, outcome: outcome.kind });
  return outcome;
}

async function attemptDelivery<T extends EventType>(
  { log, retryDelaysSeconds }: DeliveryContext,
  options: ConsumeOptions<T>,
  { body, attempt }: { body: unknown; attempt: number },
): Promise<Outcome> {
  const about = { consumer: options.consumer, attempt, eventId: idOf(body) };
  try {
    await options.handle(parseWanted(options, body), { attempt });
    return { kind: "handled" };
  } catch (error) {
    const reason = reasonOf(error);
    const delaySeconds = retryDelaysSeconds[attempt - 1];
    if (error instanceof PoisonEventError || delaySeconds === undefined) {
      log.error({ ...about, err: error }, "an event was dead-lettered");
      return { kind: "dead", reason };
    }
    log.warn({ ...about, err: error, delaySeconds }, "an event could not be handled and comes again");
    return { kind: "retried", delaySeconds, reason };
  }
}

function parseWanted<T extends EventType>(options: ConsumeOptions<T>, body: unknown): DomainEvent<T> {
  const event = parse(body);
  if (!(options.types as readonly EventType[]).includes(event.type))
    throw new PoisonEventError(`events of type ${event.type} are not for this consumer`);
  return event as DomainEvent<T>;
}

function parse(body: unknown): DomainEvent {
  try {
    return parseEvent(body);
  } catch (error) {
    throw new PoisonEventError(`this is no event: ${reasonOf(error)}`, { cause: error });
  }
}

/** One line, bounded. */
export function reasonOf(error: unknown): string {
  const text = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  return text.replaceAll(/\s+/g, " ").slice(0, REASON_LENGTH);
}

function idOf(body: unknown): string | undefined {
  const id = (body as { id?: unknown } | null | undefined)?.id;
  return typeof id === "string" ? id : undefined;
}
