// A real PostgreSQL 17 from npm packages, for machines with nothing but Node.
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import type net from "node:net";
import os from "node:os";
import path from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import pg from "pg";
import { findFreePort } from "./free-port.ts";
import { acquireLock, LockedError } from "./lock.ts";
import { preparePostgresBinaries } from "./postgres-binaries.ts";
import {
  type DataDirectory,
  makePassableFolder,
  openDataDirectory,
  SUPERUSER,
  serverEnvironment,
  serverIdentity,
} from "./postgres-directory.ts";
import { identify, type ProcessIdentity } from "./process-identity.ts";
import { findOrphan, stopServer } from "./stop-server.ts";

export interface PostgresOptions {
  /** Folder of the database; made when missing. One running process per folder. */
  readonly dir: string;
  /** Fast and unsafe: no fsync, and `stop` deletes the folder. For tests. */
  readonly ephemeral?: boolean;
  /** The TCP port to listen on; any free one when absent. */
  readonly port?: number;
  readonly onLog?: (line: string) => void;
}

export interface EmbeddedPostgres {
  /** Of the superuser `sotto` and the database `sotto`. */
  readonly url: string;
  readonly port: number;
  readonly pid: number;
  /** Resolves when the server has ended, asked or not. */
  readonly exited: Promise<void>;
  stop(): Promise<void>;
}

const DATABASE = "sotto";
const MAX_CONNECTIONS = 200;
const EPHEMERAL_SETTINGS = ["fsync=off", "synchronous_commit=off", "full_page_writes=off"];
/** After kill -9 of the postmaster its backends need a moment to notice, and hold the shared memory until then. */
const STILL_IN_USE = /pre-existing shared memory block|lock file "postmaster.pid" already exists/;
const IN_USE_PATIENCE_MS = 15_000;

function explain(error: unknown, dir: string): unknown {
  if (error instanceof LockedError)
    return new Error(
      `${dir} is in use by another Sotto (process ${error.owner.pid}). Stop that one, or start this one with ` +
        "another SOTTO_DATA_DIR and another PORT.",
      { cause: error },
    );
  const text = error instanceof Error ? error.message : String(error);
  if (/ENOSPC|No space left on device/.test(text))
    return new Error(
      `The disk that holds ${dir} is full. Free some space, or set SOTTO_DATA_DIR to another disk.`,
      {
        cause: error,
      },
    );
  if (/\b(EACCES|EROFS|EPERM)\b|Permission denied|Read-only file system/.test(text))
    return new Error(`No right to write to ${dir}. Set SOTTO_DATA_DIR to a folder that you own. (${text})`, {
      cause: error,
    });
  return error;
}

interface RunningServer {
  readonly child: ChildProcess;
  readonly exited: Promise<void>;
}

interface LaunchOptions extends PostgresOptions {
  readonly native: string;
  readonly directory: DataDirectory;
  readonly port: number;
}

/** Resolves when the server accepts connections; rejects with what it said when it ends before that. */
function launch({ native, directory, port, ephemeral, onLog }: LaunchOptions): Promise<RunningServer> {
  const settings = [
    `port=${port}`,
    "listen_addresses=127.0.0.1",
    "unix_socket_directories=",
    `max_connections=${MAX_CONNECTIONS}`,
    "timezone=UTC",
    "log_timezone=UTC",
    // Instead of once a minute: the outbox is as large as what passes between two visits.
    "autovacuum_naptime=10s",
    ...(ephemeral ? EPHEMERAL_SETTINGS : []),
  ];
  const args = ["-D", directory.data, ...settings.flatMap((setting) => ["-c", setting])];
  const child = spawn(path.join(native, "bin", "postgres"), args, {
    cwd: os.tmpdir(),
    env: serverEnvironment(),
    ...directory.identity,
    stdio: ["ignore", "ignore", "pipe"],
    // A process group of its own: Ctrl-C in the terminal is for the starter, who stops us in good order.
    detached: true,
  });
  // Not "close": that comes when the last backend has let go of the log, which a stuck one may never do.
  const exited = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  return new Promise((resolve, reject) => {
    let started = false;
    let said = "";
    let rest = "";
    child.stderr.on("data", (chunk: Buffer) => {
      const lines = (rest + chunk.toString()).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) {
        onLog?.(line);
        if (started) continue;
        said += `${line}\n`;
        if (!line.includes("database system is ready to accept connections")) continue;
        started = true;
        resolve({ child, exited });
      }
    });
    child.once("error", reject);
    child.once("close", (code) => reject(new Error(`PostgreSQL ended with code ${code}:\n${said}${rest}`)));
  });
}

async function launchWhenFree(options: LaunchOptions): Promise<RunningServer> {
  const deadline = performance.now() + IN_USE_PATIENCE_MS;
  for (;;) {
    try {
      return await launch(options);
    } catch (error) {
      if (!STILL_IN_USE.test(String(error)) || performance.now() > deadline) throw error;
      await delay(100);
    }
  }
}

interface Guard {
  dismiss(): void;
}

/** Watches over the server from a process of its own (see watchdog.ts), which is replaced when it is killed. */
function guardServer({ pid, startedAt }: ProcessIdentity, folders: readonly string[]): Guard {
  let dismissed = false;
  let current: ChildProcess | undefined;
  const script = fileURLToPath(new URL("./watchdog.ts", import.meta.url));
  const start = (): void => {
    const child = spawn(process.execPath, [script, String(pid), startedAt, ...folders], {
      stdio: ["pipe", "ignore", "inherit"],
      detached: true,
    });
    child.unref();
    (child.stdin as net.Socket | null)?.unref();
    child.once("exit", () => {
      if (!dismissed) setTimeout(start, 500).unref();
    });
    current = child;
  };
  start();
  return {
    dismiss: () => {
      dismissed = true;
      current?.kill("SIGKILL");
    },
  };
}

async function ensureDatabase(url: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  // A server that goes away between two queries: the next query tells.
  client.on("error", () => undefined);
  await client.connect();
  try {
    const { rowCount } = await client.query("select from pg_database where datname = $1", [DATABASE]);
    if (rowCount === 0) await client.query(`create database ${DATABASE}`);
  } finally {
    await client.end();
  }
}

async function startLocked(options: PostgresOptions, dir: string): Promise<EmbeddedPostgres> {
  const ephemeral = options.ephemeral ?? false;
  const native = preparePostgresBinaries(serverIdentity().uid !== undefined);
  const directory = await openDataDirectory(dir, native, ephemeral);
  const orphan = findOrphan(directory.data);
  if (orphan !== undefined) {
    options.onLog?.(`stopping the PostgreSQL server ${orphan.pid} that an earlier start left behind`);
    await stopServer(orphan);
  }
  const port = options.port ?? (await findFreePort());
  const server = await launchWhenFree({ ...options, native, directory, port });
  const identity = identify(server.child.pid ?? 0);
  if (identity === undefined) throw new Error("PostgreSQL ended right after its start");
  const guard = guardServer(identity, ephemeral ? [path.dirname(directory.data), dir] : []);
  const stop = async (): Promise<void> => {
    await stopServer(identity, { immediately: ephemeral });
    await server.exited;
    guard.dismiss();
    if (ephemeral) directory.remove();
  };
  try {
    const urlOf = (database: string): string =>
      `postgres://${SUPERUSER}:${directory.password}@127.0.0.1:${port}/${database}`;
    await ensureDatabase(urlOf("postgres"));
    return { url: urlOf(DATABASE), port, pid: identity.pid, exited: server.exited, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/**
 * Starts PostgreSQL on the folder `dir`, making the database at the first start and ending a server that an
 * earlier, killed starter left behind. The server ends when `stop` is called, and also when this process dies.
 * Throws an Error with a message for the person at the keyboard: folder in use, disk full, no right to write.
 */
export async function startPostgres(options: PostgresOptions): Promise<EmbeddedPostgres> {
  const dir = path.resolve(options.dir);
  try {
    makePassableFolder(dir);
    const lock = acquireLock(path.join(dir, "lock"));
    try {
      const server = await startLocked(options, dir);
      const release = (): void => {
        if (existsSync(dir)) lock.release();
      };
      server.exited.then(release, release);
      return server;
    } catch (error) {
      lock.release();
      throw error;
    }
  } catch (error) {
    throw explain(error, dir);
  }
}
