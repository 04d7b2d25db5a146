import { parseArgs } from "node:util";
import { topology } from "@sotto/platform/bus/topology";
import { z } from "zod";
import { UsageError } from "../admin/arguments.ts";

export type Redrive = {
  readonly consumer: string;
  readonly limit: number;
  /** Of the event. */
  readonly id: string | undefined;
  /** Only show them. */
  readonly list: boolean;
  readonly yes: boolean;
};

export type Purge = { readonly queue: string; readonly yes: boolean };

const MOST = 1_000_000;
const FEW = 50;
const limits = z.coerce.number().int().min(1).max(MOST);

export const REDRIVE_HELP = `Moves dead letters back to the queue of their consumer, where they are tried anew.

  npm run redrive -- <consumer> [--list] [--limit <n>] [--id <event>] [--yes]

  <consumer>     ${Object.keys(topology).join(" or ")}
  --list         only show them (${FEW} unless --limit says otherwise)
  --limit <n>    how many, about the oldest first
  --id <event>   the one of this event
  --yes          do not ask

The bus is that of MESSAGE_BROKER_URL (MESSAGE_BROKER_CA), of DATABASE_URL, or of the data folder of "npm start" (SOTTO_DATA_DIR).
Exit code: 0 done, 1 refused or failed, 2 the command line is wrong.`;

export const PURGE_HELP = `Removes for good what waits in a queue.

  npm run purge-queue -- <queue> [--yes]

  --yes          do not ask

An unknown queue is answered with the known ones. The bus is found as by "npm run redrive".
Exit code: 0 done, 1 refused or failed, 2 the command line is wrong.`;

/** @throws UsageError. */
export function readRedrive(argv: readonly string[]): Redrive | "help" {
  const { values, positionals } = parse(argv, {
    ...{ list: { type: "boolean" }, yes: { type: "boolean" }, help: { type: "boolean", short: "h" } },
    ...{ limit: { type: "string" }, id: { type: "string" } },
  });
  if (values.help) return "help";
  const { list = false, yes = false, id } = values;
  const limit = limits.safeParse(values.limit ?? (list ? FEW : MOST));
  if (!limit.success) throw new UsageError(`--limit must be a number from 1 to ${MOST}.`);
  return { consumer: readOnly("consumer", positionals), limit: limit.data, id, list, yes };
}

/** @throws UsageError. */
export function readPurge(argv: readonly string[]): Purge | "help" {
  const { values, positionals } = parse(argv, {
    ...{ yes: { type: "boolean" }, help: { type: "boolean", short: "h" } },
  });
  if (values.help) return "help";
  return { queue: readOnly("queue", positionals), yes: values.yes ?? false };
}

function parse<O extends NonNullable<Parameters<typeof parseArgs>[0]>["options"]>(
  argv: readonly string[],
  options: O,
) {
  try {
    return parseArgs({ args: [...argv], allowPositionals: true, options });
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}

function readOnly(what: string, positionals: readonly string[]): string {
  const [only, ...others] = positionals;
  if (only === undefined || others.length > 0) throw new UsageError(`One ${what} is needed. See --help.`);
  return only;
}
