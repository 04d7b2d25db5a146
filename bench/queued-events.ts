// What has reached the consumer's queue, counted at the transport itself.
import { mainQueue } from "@sotto/platform/bus/rabbitmq-topology";
import { Connection } from "rabbitmq-client";
import type { BenchDatabase } from "./ground.ts";

export type EventCounter = (ids: readonly string[]) => Promise<{ missing: number; doubled: number }>;

/** The consumer of the events that the benchmark makes. */
const CONSUMER = "chat";
/** A queue that has given nothing for so long is empty. */
const QUIET_MS = 2000;

/** Over PostgreSQL the id of the event is that of the job: there cannot be two of one. */
export async function countJobs({ owner }: BenchDatabase, ids: readonly string[]) {
  const { rows } = await owner.query<{ found: number }>(
    "select count(*)::int as found from bus.job where name = $1 and id = any($2::uuid[])",
    [CONSUMER, ids],
  );
  return { missing: ids.length - (rows[0]?.found ?? 0), doubled: 0 };
}

/** Takes everything out of the queue and counts it. */
export async function countQueued(brokerUrl: string, ids: readonly string[]) {
  const connection = new Connection(brokerUrl);
  const seen = new Map<string, number>();
  let lastMs = performance.now();
  const consumer = connection.createConsumer(
    { queue: mainQueue(CONSUMER), queueOptions: { passive: true }, noAck: true },
    ({ messageId }) => {
      seen.set(messageId ?? "", (seen.get(messageId ?? "") ?? 0) + 1);
      lastMs = performance.now();
    },
  );
  await new Promise<void>((resolve) => {
    const timer = setInterval(() => {
      if (performance.now() - lastMs < QUIET_MS) return;
      clearInterval(timer);
      resolve();
    }, 100);
  });
  await consumer.close();
  await connection.close();
  const missing = ids.filter((id) => !seen.has(id)).length;
  return { missing, doubled: [...seen.values()].filter((times) => times > 1).length };
}
