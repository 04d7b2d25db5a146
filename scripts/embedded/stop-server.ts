// Ends a PostgreSQL server, our child or one that an earlier starter left behind.
import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { commandLine, identify, isRunning, type ProcessIdentity } from "./process-identity.ts";

/**
 * Fast shutdown, which writes a checkpoint; then immediate, which makes the next start recover; then kill.
 * Each with its patience in ms.
 */
const STEPS = [
  ["SIGINT", 20_000],
  ["SIGQUIT", 5_000],
  ["SIGKILL", 5_000],
] as const;
const POLL_MS = 20;

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

/** Resolves when the server has ended. `immediately`: without a checkpoint, for data that nobody needs. */
export async function stopServer(server: ProcessIdentity, { immediately = false } = {}): Promise<void> {
  for (const [name, patienceMs] of immediately ? STEPS.slice(1) : STEPS) {
    if (!isRunning(server)) return;
    signal(server.pid, name);
    const deadline = performance.now() + patienceMs;
    while (isRunning(server) && performance.now() < deadline) await delay(POLL_MS);
  }
  if (isRunning(server))
    throw new Error(`the PostgreSQL server ${server.pid} does not end, not even by SIGKILL`);
}

/** The server that still runs on a data directory after its starter was killed, if there is one. */
export function findOrphan(data: string): ProcessIdentity | undefined {
  const file = path.join(data, "postmaster.pid");
  if (!existsSync(file)) return undefined;
  const pid = Number(readFileSync(file, "utf8").split("\n")[0]);
  const server = identify(pid);
  if (server === undefined) return undefined;
  // The pid may belong to anything by now, to a server on another folder even.
  if (process.platform === "win32") return server;
  const command = commandLine(pid);
  return command?.program === "postgres" && command.line.includes(`-D ${data} `) ? server : undefined;
}
