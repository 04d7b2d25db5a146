import type { DeadLetter } from "@sotto/platform/bus/bus";
import type { BusAdmin } from "@sotto/platform/bus/bus-admin";
import { topology } from "@sotto/platform/bus/topology";
import type { Clock } from "@sotto/platform/clock";
import { formatTable } from "../admin/tables.ts";
import type { Redrive } from "./arguments.ts";
import { type Ask, confirm } from "./confirm.ts";

type Deps = { readonly admin: BusAdmin; readonly clock: Clock; readonly ask: Ask };

/** Carries the command out; answers what to print. @throws Error for the operator. */
export async function redriveDeadLetters(
  { consumer, limit, id, list, yes }: Redrive,
  { admin, clock, ask }: Deps,
): Promise<string> {
  const known = Object.keys(topology);
  if (!known.includes(consumer))
    throw new Error(`There is no consumer "${consumer}". Known: ${known.join(", ")}.`);
  const waiting = (await admin.listQueues())
    .filter((queue) => queue.consumer === consumer && queue.holds === "dead letters")
    .reduce((sum, queue) => sum + queue.waiting, 0);
  if (list) {
    const letters = await admin.listDeadLetters(consumer, id === undefined ? limit : Math.max(waiting, 1));
    const wanted = id === undefined ? letters : letters.filter((letter) => letter.id === id);
    return describeLetters(wanted, waiting, clock.now());
  }
  if (waiting === 0) return `No event waits in the dead letters of ${consumer}.`;
  const what =
    id === undefined ? `${Math.min(limit, waiting)} of ${waiting}` : `the one of event ${id}, of ${waiting}`;
  await confirm(`Dead letters of ${consumer} to be moved back: ${what}.`, yes, ask);
  const moved = await admin.redrive(consumer, { limit, id });
  if (moved === 0 && id !== undefined)
    throw new Error(`No dead letter of ${consumer} is that of event ${id}.`);
  return `Moved back to ${consumer}: ${moved}.`;
}

/** What `--list` prints. */
export function describeLetters(letters: readonly DeadLetter[], waiting: number, now: Date): string {
  const rows = letters.map(({ id, routingKey, reason, attempts, deadAt }) => [
    id,
    routingKey,
    deadAt === undefined ? "-" : describeAge(now.getTime() - deadAt.getTime()),
    String(attempts),
    reason,
  ]);
  const total = `${letters.length} of ${waiting} shown.`;
  return rows.length === 0
    ? total
    : `${formatTable(["event", "type", "age", "tries", "reason"], rows)}\n${total}`;
}

const UNITS = [
  ["d", 86_400_000],
  ["h", 3_600_000],
  ["min", 60_000],
  ["s", 1000],
] as const;

/** In the largest unit that fits. A clock that goes wrong makes no age below zero. */
function describeAge(ms: number): string {
  const [unit, size] = UNITS.find(([, size]) => ms >= size) ?? ["s", 1000];
  return `${Math.max(0, Math.floor(ms / size))} ${unit}`;
}
