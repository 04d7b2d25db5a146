import { createPool } from "@sotto/platform/db";
import { createMetrics } from "@sotto/platform/metrics";
import type { Pool } from "pg";
import { afterAll, beforeAll, expect, it } from "vitest";
import { addOutboxGauges } from "./outbox-gauges.ts";
import { createOutboxWorld, makeEvent, type OutboxWorld, quiet } from "./relay-fixture.ts";

let world: OutboxWorld;
let pool: Pool;
beforeAll(async () => {
  world = await createOutboxWorld();
  pool = createPool({ url: world.database.urlFor("relay"), max: 2, applicationName: "test", log: quiet });
});
afterAll(async () => {
  await pool?.end();
  await world?.close();
});

async function readGauges(): Promise<(name: string) => number | undefined> {
  const registry = createMetrics();
  addOutboxGauges(registry, pool, () => 0n);
  const all = await registry.getMetricsAsJSON();
  return (name) => all.find((metric) => metric.name === name)?.values[0]?.value;
}

it("tells depth, age, size and what is parked, with the rights of the relay", async () => {
  const { owner } = world;
  await world.append(owner, makeEvent(), makeEvent());
  await owner.query("update outbox.event set created_at = now() - interval '1 hour'");
  await world.append(owner, makeEvent());
  await owner.query("insert into outbox.parked (event, reason) values ('{}', 'a reason')");
  const gauge = await readGauges();
  expect(gauge("sotto_outbox_rows")).toBe(2);
  expect(gauge("sotto_outbox_oldest_age_seconds")).toBeGreaterThanOrEqual(3600);
  expect(gauge("sotto_outbox_bytes")).toBeGreaterThan(8191);
  expect(gauge("sotto_outbox_dead_rows")).toBeGreaterThanOrEqual(0);
  expect(gauge("sotto_outbox_parked")).toBe(1);
});

it("counts a hundred thousand rows and no more", async () => {
  await world.owner.query("insert into outbox.event (events) select '[]' from generate_series(1, 100100)");
  expect((await readGauges())("sotto_outbox_rows")).toBe(100_000);
});

it("tells nothing rather than an old figure when the database does not answer", async () => {
  await world.owner.query("begin; lock table outbox.event");
  const slow = createPool({
    url: world.database.urlFor("relay"),
    max: 2,
    applicationName: "test",
    statementTimeoutMs: 100,
    log: quiet,
  });
  const registry = createMetrics();
  addOutboxGauges(registry, slow, () => 0n);
  const metric = await registry.getSingleMetric("sotto_outbox_rows")?.get();
  await world.owner.query("rollback");
  await slow.end();
  expect(metric?.values[0]?.value).toBeNaN();
});
