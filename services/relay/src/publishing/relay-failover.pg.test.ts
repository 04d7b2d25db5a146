import { randomBytes } from "node:crypto";
import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { createMetrics, type Registry } from "@sotto/platform/metrics";
import { startTcpProxy } from "@sotto/testkit/tcp-proxy";
import { afterAll, afterEach, beforeAll, expect, it, vi } from "vitest";
import { migrate } from "../../../../db/migrate.ts";
import { type EmbeddedPostgres, startPostgres } from "../../../../scripts/embedded/postgres.ts";
import { createOutboxWorld, makeEvent, type OutboxWorld, PATIENT, recorder } from "./relay-fixture.ts";

let world: OutboxWorld;
let server: EmbeddedPostgres;
const dir = mkdtempSync(path.join(os.tmpdir(), "sotto-relay-"));

beforeAll(async () => {
  chmodSync(dir, 0o711);
  server = await startPostgres({ dir });
  const password = () => randomBytes(18).toString("base64url");
  const rolePasswords = { user: password(), chat: password(), notification: password(), relay: password() };
  await migrate({ databaseUrl: server.url, rolePasswords });
  world = await createOutboxWorld({ templateUrl: server.url, rolePasswords });
}, 120_000);
/** What a test that fails leaves waiting, and a relay that is stopped would wait for. */
const atEnd: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of atEnd.splice(0)) await end();
  await world.reset();
});
afterAll(async () => {
  await world?.close();
  await server?.stop();
  rmSync(dir, { recursive: true, force: true });
});

const activeOf = async (metrics: Registry): Promise<number> =>
  (await metrics.getSingleMetric("sotto_relay_active")?.get())?.values[0]?.value ?? Number.NaN;

const empty = () => world.owner.query("truncate outbox.event");

it("hands over when the network swallows what the active relay says and hears, also while it publishes", async () => {
  const proxy = await startTcpProxy(server.port);
  const url = new URL(world.database.urlFor("relay"));
  url.port = String(proxy.port);
  const [first, second] = [createMetrics(), createMetrics()];
  const { promise: confirmed, resolve: confirm } = Promise.withResolvers<void>();
  const { promise: asked, resolve: ask } = Promise.withResolvers<void>();
  atEnd.push(confirm, proxy.close, empty);
  const event = makeEvent();
  await world.append(world.owner, event);
  world.startRelay(
    () => {
      ask();
      return confirmed;
    },
    { databaseUrl: url.href, metrics: first },
  );
  await asked;
  const { ids, publish } = recorder();
  world.startRelay(publish, { metrics: second });
  proxy.swallow();
  await vi.waitFor(async () => expect(await world.countRows()).toBe(0), PATIENT);
  expect(ids).toEqual([event.id]);
  // The first one has noticed by itself, with its batch still on the way.
  await vi.waitFor(async () => expect(await activeOf(first)).toBe(0), PATIENT);
  expect(await activeOf(second)).toBe(1);
});

it("hears of an active relay that waits for the broker for longer than silence is allowed", async () => {
  const { promise: confirmed, resolve: confirm } = Promise.withResolvers<void>();
  atEnd.push(confirm, empty);
  const event = makeEvent();
  await world.append(world.owner, event);
  const published: unknown[] = [];
  world.startRelay(async (events) => {
    published.push(events);
    await confirmed;
  });
  await vi.waitFor(() => expect(published).toHaveLength(1), PATIENT);
  const { rows } = await world.owner.query<{ pid: number }>(
    "select pid from pg_locks where locktype = 'advisory' and granted",
  );
  const silence = `select from pg_stat_activity where pid = $1 and state_change > $2::timestamptz`;
  const { rows: now } = await world.owner.query("select clock_timestamp() + interval '3500 ms' as later");
  await vi.waitFor(async () => {
    const { rowCount } = await world.owner.query(silence, [rows[0]?.pid, now[0]?.later]);
    expect(rowCount).toBe(1);
  }, PATIENT);
  confirm();
  await vi.waitFor(async () => expect(await world.countRows()).toBe(0), PATIENT);
  expect(published).toHaveLength(1);
});

it("goes on when the database was killed and is back, and loses nothing", async () => {
  const [one, other] = [recorder(), recorder()];
  world.startRelay(one.publish);
  world.startRelay(other.publish);
  const before = makeEvent();
  await world.append(world.owner, before);
  await vi.waitFor(() => expect([...one.ids, ...other.ids]).toEqual([before.id]), PATIENT);
  const { port } = server;
  process.kill(server.pid, "SIGKILL");
  await server.exited;
  server = await startPostgres({ dir, port });
  const owner = await world.connect(world.database.ownerUrl);
  const after = makeEvent();
  await world.append(owner, after);
  await vi.waitFor(async () => expect(await world.countRows(owner)).toBe(0), PATIENT);
  expect(new Set([...one.ids, ...other.ids])).toEqual(new Set([before.id, after.id]));
});
