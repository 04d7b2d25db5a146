import type { PublishableEvent } from "@sotto/platform/bus/bus";
import { z } from "zod";
import type { ParkedEvent } from "./outbox-queries.ts";

/** What the bus needs; the rest of an event is none of the relay's business. */
const head = z.looseObject({
  id: z.uuid(),
  /** A routing key of RabbitMQ: 255 bytes at most, or the batch would be refused for ever. */
  type: z.string().regex(/^[\x21-\x7e]{1,200}$/),
  key: z.string().min(1).max(200),
});

/** Separates what can be published from what would be refused for ever and so stop everything behind it. */
export function splitEvents(events: readonly unknown[]): {
  publishable: PublishableEvent[];
  malformed: ParkedEvent[];
} {
  const publishable: PublishableEvent[] = [];
  const malformed: ParkedEvent[] = [];
  for (const event of events) {
    const parsed = head.safeParse(event);
    if (parsed.success) publishable.push(event as PublishableEvent);
    else
      malformed.push({
        event,
        reason: parsed.error.issues.map(({ path, message }) => `${path.join(".")}: ${message}`).join("; "),
      });
  }
  return { publishable, malformed };
}
