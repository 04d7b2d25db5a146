import type { DomainEvent, EventType, NewEventData } from "@sotto/contracts/events";
import { sql, type Transaction } from "kysely";
import type { Clock } from "./clock.ts";
import type { Ids } from "./ids.ts";

/** What happened, before it gets an id and a time. Events of one `key` stay in order. */
export type NewEvent<T extends EventType = EventType> = {
  [K in T]: { type: K; key: string; data: NewEventData<K> };
}[T];

/** Completes events: id, version, time. */
export function completeEvents(deps: { clock: Clock; ids: Ids }, events: readonly NewEvent[]): DomainEvent[] {
  const occurredAt = deps.clock.now().toISOString();
  return events.map((event) => ({ id: deps.ids.uuidv7(), version: 1, occurredAt, ...event }) as DomainEvent);
}

/** Appends events to the outbox in the caller's transaction: one row, however many events. */
export async function appendEvents<DB>(
  tx: Transaction<DB>,
  deps: { clock: Clock; ids: Ids },
  events: readonly NewEvent[],
): Promise<void> {
  if (events.length === 0) return;
  const complete = JSON.stringify(completeEvents(deps, events));
  await sql`insert into outbox.event (events) values (${complete}::jsonb)`.execute(tx);
}
