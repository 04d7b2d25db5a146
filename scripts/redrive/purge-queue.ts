import type { BusAdmin } from "@sotto/platform/bus/bus-admin";
import { formatTable } from "../admin/tables.ts";
import type { Purge } from "./arguments.ts";
import { type Ask, confirm } from "./confirm.ts";

/** Carries the command out; answers what to print. @throws Error for the operator. */
export async function purgeQueue(
  { queue, yes }: Purge,
  { admin, ask }: { readonly admin: BusAdmin; readonly ask: Ask },
): Promise<string> {
  const queues = await admin.listQueues();
  const found = queues.find(({ name }) => name === queue);
  if (found === undefined) {
    const rows = queues.map(({ name, consumer, holds, waiting }) => [name, consumer, holds, String(waiting)]);
    const known = formatTable(["queue", "consumer", "holds", "waiting"], rows);
    throw new Error(`There is no queue "${queue}". Known:\n${known}`);
  }
  const { consumer, holds, waiting } = found;
  if (waiting === 0) return `Nothing waits in ${queue}.`;
  await confirm(`To be removed for good: ${waiting} ${holds} of ${consumer}, in ${queue}.`, yes, ask);
  return `Removed from ${queue}: ${await admin.purge(queue)}.`;
}
