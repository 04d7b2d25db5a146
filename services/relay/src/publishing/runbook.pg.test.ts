import { readFileSync } from "node:fs";
import path from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, expect, it, vi } from "vitest";
import { createOutboxWorld, makeEvent, type OutboxWorld, PATIENT, recorder } from "./relay-fixture.ts";

const RUNBOOK = path.resolve(import.meta.dirname, "../../../../docs/runbooks/outbox.md");

let world: OutboxWorld;
beforeAll(async () => {
  world = await createOutboxWorld();
});
beforeEach(() => world.owner.query("truncate outbox.event, outbox.parked"));
afterEach(() => world.reset());
afterAll(() => world?.close());

/** The SQL of the section under this heading of the runbook. */
function sqlOf(heading: string): string[] {
  const section = readFileSync(RUNBOOK, "utf8")
    .split(/^## /m)
    .find((text) => text.startsWith(`${heading}\n`));
  return [...(section ?? "").matchAll(/^```sql\n(.*?)^```$/gms)].map((match) => match[1] ?? "");
}

const parkedEvents = async (): Promise<unknown[]> =>
  (await world.owner.query("select event from outbox.parked order by id")).rows.map(({ event }) => event);

it("puts the first row aside, so that what waits behind it is published", async () => {
  const [bad, beside, behind] = [makeEvent(), makeEvent(), makeEvent()];
  await world.append(world.owner, bad, beside);
  await world.append(world.owner, behind);
  const { ids, publish } = recorder();
  let refusals = 0;
  world.startRelay(async (events) => {
    if (events.some(({ id }) => id === bad.id)) {
      refusals++;
      throw new Error("never");
    }
    await publish(events);
  });
  await vi.waitFor(() => expect(refusals).toBeGreaterThan(1), PATIENT);
  const [putAside = ""] = sqlOf("Events wait");
  await world.owner.query(putAside);
  await vi.waitFor(() => expect(ids).toEqual([behind.id]), PATIENT);
  expect(await parkedEvents()).toEqual([bad, beside]);
});

it("shows what is parked, and puts it back", async () => {
  const event = makeEvent();
  const [show = "", putBack = ""] = sqlOf("Parked events");
  await world.owner.query("insert into outbox.parked (event, reason) values ($1, 'r'), ('{}', 'other')", [
    event,
  ]);
  const { rows } = await world.owner.query(show);
  expect(rows.map(({ reason }) => reason)).toEqual(["r", "other"]);
  expect(putBack).toContain("id = 42");
  const { ids, publish } = recorder();
  world.startRelay(publish);
  // Twice: the second time there is nothing left to put back.
  for (let time = 0; time < 2; time++) await world.owner.query(putBack.replace("42", rows[0].id));
  await vi.waitFor(() => expect(ids).toEqual([event.id]), PATIENT);
  expect(await parkedEvents()).toEqual([{}]);
});

it("names the session that holds vacuum back, and the one that holds the relay's lock", async () => {
  const [whoHolds = "", vacuum = ""] = sqlOf("The outbox grows though it is empty");
  const [whoLocks = ""] = sqlOf("No active relay");
  const forgotten = await world.connect(world.database.ownerUrl);
  await forgotten.query("set application_name = 'forgotten'");
  await forgotten.query("begin isolation level repeatable read");
  await forgotten.query("select 1");
  const named = async (sql: string) =>
    (await world.owner.query(sql)).rows.map((row) => row.application_name as string);
  expect(await named(whoHolds)).toContain("forgotten");
  await forgotten.query("rollback");
  await world.owner.query(vacuum);
  world.startRelay(recorder().publish);
  await vi.waitFor(async () => expect(await named(whoLocks)).toContain("relay"), PATIENT);
});
