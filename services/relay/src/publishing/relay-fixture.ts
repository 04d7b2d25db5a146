// What the tests of the relay share: a database with its outbox, relays in this process and beside it, events.
import { type ChildProcess, spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { Bus, PublishableEvent } from "@sotto/platform/bus/bus";
import { createBus } from "@sotto/platform/bus/create-bus";
import { systemIds } from "@sotto/platform/ids";
import { createLogger } from "@sotto/platform/log";
import { createMetrics, type Registry } from "@sotto/platform/metrics";
import { createTestDatabase, type TestPostgresAddress } from "@sotto/testkit/postgres";
import pg from "pg";
import { createRelay, type Relay } from "./relay.ts";
import type { RelayProcessSettings } from "./relay-process.ts";

export const PATIENT = { timeout: 20_000, interval: 50 };
export const TYPE = "chat.device-added";
export const quiet = createLogger({ service: "test", level: "silent" });

export type TestEvent = PublishableEvent & Readonly<Record<string, unknown>>;

export const makeEvent = (): TestEvent => ({
  id: systemIds.uuidv7(),
  type: TYPE,
  version: 1,
  occurredAt: "2026-01-01T00:00:00.000Z",
  key: "key",
  data: { accountId: systemIds.uuidv7(), deviceId: systemIds.uuidv7(), first: false },
});
export const makeEvents = (count: number): TestEvent[] => Array.from({ length: count }, makeEvent);
export const idsOf = (events: readonly { id: string }[]): string[] => events.map(({ id }) => id);

/** A bus that remembers what it was given. */
export function recorder() {
  const ids: string[] = [];
  return {
    ids,
    publish: async (events: readonly PublishableEvent[]) => void ids.push(...idsOf(events)),
  };
}

export type OutboxWorld = Awaited<ReturnType<typeof createOutboxWorld>>;

/** Without an address: on the server of the vitest project "pg". */
export async function createOutboxWorld(address?: TestPostgresAddress) {
  const database = await createTestDatabase(address);
  const open: pg.Client[] = [];
  const relays: Relay[] = [];
  const buses: Bus[] = [];
  const children: { child: ChildProcess; ended: Promise<unknown> }[] = [];
  const connect = async (url: string): Promise<pg.Client> => {
    const client = new pg.Client({ connectionString: url });
    // A server that a test kills; the next query tells.
    client.on("error", () => undefined);
    await client.connect();
    open.push(client);
    return client;
  };
  const owner = await connect(database.ownerUrl);
  const script = fileURLToPath(new URL("./relay-process.ts", import.meta.url));
  return {
    database,
    owner,
    connect,
    /** A row with these events. */
    append: async (client: pg.Client, ...events: unknown[]) => {
      await client.query("insert into outbox.event (events) values ($1)", [JSON.stringify(events)]);
    },
    countRows: async (client = owner): Promise<number> => {
      const { rows } = await client.query<{ count: string }>("select count(*) from outbox.event");
      return Number(rows[0]?.count);
    },
    startRelay: (
      publish: Bus["publish"],
      { databaseUrl = database.urlFor("relay"), metrics = createMetrics() }: StartOptions = {},
    ): Relay => {
      const relay = createRelay({ databaseUrl, bus: { publish }, log: quiet, metrics });
      relays.push(relay);
      relay.start();
      return relay;
    },
    startProcess: (settings: Omit<RelayProcessSettings, "databaseUrl">) => {
      const all: RelayProcessSettings = { databaseUrl: database.urlFor("relay"), ...settings };
      const child = spawn(process.execPath, [script, JSON.stringify(all)], { stdio: "ignore" });
      const ended = new Promise<unknown>((resolve) => child.once("exit", (_code, signal) => resolve(signal)));
      children.push({ child, ended });
      return { pid: child.pid ?? 0, ended };
    },
    openBus: (consumer: string, brokerUrl?: string): Bus => {
      const bus = createBus({
        databaseUrl: database.urlFor("relay"),
        brokerUrl,
        service: "test",
        log: quiet,
        metrics: createMetrics(),
        topology: { [consumer]: [TYPE] },
      });
      buses.push(bus);
      return bus;
    },
    /** Ends what a test has started. */
    reset: async () => {
      for (const { child, ended } of children.splice(0)) {
        child.kill("SIGKILL");
        await ended;
      }
      await Promise.all(relays.splice(0).map((relay) => relay.stop()));
      await Promise.all(buses.splice(0).map((bus) => bus.close()));
    },
    close: async () => {
      await Promise.all(open.map((client) => client.end()));
      await database.drop();
    },
  };
}

type StartOptions = { databaseUrl?: string; metrics?: Registry };
