// What the commands for the queues promise, over either transport, with the real topology and the real programs.
import { execFile } from "node:child_process";
import path from "node:path";
import { type Bus, PoisonEventError } from "@sotto/platform/bus/bus";
import { createBus } from "@sotto/platform/bus/create-bus";
import { topology } from "@sotto/platform/bus/topology";
import { systemIds } from "@sotto/platform/ids";
import { createLogger } from "@sotto/platform/log";
import { createMetrics } from "@sotto/platform/metrics";
import { expect, vi } from "vitest";
import { type BrokerAddress, PATIENT, publishForSure } from "./bus-harness.ts";

const ROOT = path.resolve(import.meta.dirname, "../../..");

type Ended = { code: number; out: string; err: string };

/** Runs a command without a terminal, as a script would. */
function run(script: string, args: readonly string[], env: Record<string, string>): Promise<Ended> {
  const file = path.join(ROOT, "scripts", `${script}.ts`);
  const options = { cwd: ROOT, env: { PATH: process.env.PATH, ...env } };
  return new Promise((resolve) => {
    execFile(process.execPath, [file, ...args], options, (error, out, err) =>
      resolve({ code: typeof error?.code === "number" ? error.code : 0, out, err }),
    );
  });
}

function connect(address: BrokerAddress): Bus {
  const log = createLogger({ service: "test", level: "silent" });
  return createBus({ ...address, service: "test", log, metrics: createMetrics() });
}

/** Three events that the notification service could not handle. @returns their ids, oldest first. */
async function makeDeadLetters({ publisher, consumer }: CommandBus): Promise<string[]> {
  const relay = connect(publisher);
  const refusing = connect(consumer);
  const ids: string[] = [];
  refusing.consume({
    ...{ consumer: "notification", types: topology.notification, concurrency: 1 },
    handle: async ({ id }) => {
      ids.push(id);
      throw new PoisonEventError("the printer is on fire");
    },
  });
  const events = Array.from({ length: 3 }, () => ({
    ...{ id: systemIds.uuidv7(), type: "user.account-deleted", version: 1, key: "account" },
    ...{ occurredAt: "2026-01-01T00:00:00.000Z", data: { accountId: systemIds.uuidv7() } },
  }));
  for (const event of events) await publishForSure(relay, [event]);
  await vi.waitFor(() => expect(ids).toHaveLength(3), PATIENT);
  await Promise.all([relay.close(), refusing.close()]);
  return ids;
}

export type CommandBus = {
  /** As the relay and the notification service reach the bus. */
  readonly publisher: BrokerAddress;
  readonly consumer: BrokerAddress;
  /** That tells the commands where it is. */
  readonly env: Record<string, string>;
  /** The queue of the notification service. */
  readonly queue: string;
};

/** Lists, moves and purges. */
export async function checkCommands(bus: CommandBus): Promise<void> {
  const ids = await makeDeadLetters(bus);
  const listed = async () => (await run("redrive", ["notification", "--list"], bus.env)).out;
  await vi.waitFor(async () => expect(await listed()).toContain("3 of 3 shown."), PATIENT);
  const lines = await listed();
  for (const id of ids)
    expect(lines).toMatch(
      new RegExp(`${id} +user.account-deleted +\\d+ s +1 +PoisonEventError: the printer`),
    );
  const moved = await run("redrive", ["notification", "--limit", "2", "--yes"], bus.env);
  expect(moved).toMatchObject({ code: 0, out: "Moved back to notification: 2.\n" });
  const purged = await run("purge-queue", [bus.queue, "--yes"], bus.env);
  expect(purged).toMatchObject({ code: 0, out: `Removed from ${bus.queue}: 2.\n` });
}

/** One dead letter is left by `checkCommands`. */
export async function checkRefusals({ env, queue }: CommandBus): Promise<void> {
  const [unasked, foreign, unknown, alone] = await Promise.all([
    run("redrive", ["notification"], env),
    run("redrive", ["notification", "--id", "of no event", "--yes"], env),
    run("purge-queue", ["no-such-queue", "--yes"], env),
    run("purge-queue", [`${queue}.dead`], env),
  ]);
  expect(unasked).toMatchObject({ code: 1, out: "", err: expect.stringContaining("1 of 1") });
  expect(unasked?.err).toContain("There is no terminal to ask at: say --yes.");
  expect(foreign).toMatchObject({ code: 1, err: expect.stringContaining("is that of event of no event") });
  expect(unknown).toMatchObject({
    code: 1,
    err: expect.stringMatching(`\n${queue} +notification +events +0\n`),
  });
  expect(alone).toMatchObject({ code: 1, err: expect.stringContaining("1 dead letters of notification") });
}
