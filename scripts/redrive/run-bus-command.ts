import path from "node:path";
import { fileURLToPath } from "node:url";
import type { BusAdmin } from "@sotto/platform/bus/bus-admin";
import { UsageError } from "../admin/arguments.ts";
import { type Ask, askAtTerminal } from "./confirm.ts";
import { findBus, openBus } from "./open-bus.ts";

const root = path.dirname(path.dirname(path.dirname(fileURLToPath(import.meta.url))));

export type BusCommand<C> = {
  readonly help: string;
  read(argv: readonly string[]): C | "help";
  run(command: C, deps: { admin: BusAdmin; ask: Ask }): Promise<string>;
};

/** The whole of a command that works on the bus: reads the command line, prints, sets the exit code. */
export async function runBusCommand<C>({ help, read, run }: BusCommand<C>): Promise<void> {
  try {
    const command = read(process.argv.slice(2));
    const text = command === "help" ? help : await withBus((deps) => run(command, deps));
    process.stdout.write(`${text}\n`);
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = error instanceof UsageError ? 2 : 1;
  }
}

async function withBus<R>(work: (deps: { admin: BusAdmin; ask: Ask }) => Promise<R>): Promise<R> {
  const admin = openBus(findBus({ env: process.env, root }));
  try {
    return await work({ admin, ask: askAtTerminal(process.stdin, process.stderr) });
  } finally {
    await admin.close();
  }
}
