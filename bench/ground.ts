// What every scenario stands on: a durable PostgreSQL of this run, migrated databases, and a maker of access tokens.
import { randomBytes } from "node:crypto";
import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { startTokenMaker, type TokenMaker } from "@sotto/testkit/access-tokens";
import pg from "pg";
import { migrate } from "../db/migrate.ts";
import { ROLES, type RolePasswords, type ServiceRole } from "../db/roles.ts";
import { startPostgres } from "../scripts/embedded/postgres.ts";
import type { Cleanup } from "./cleanup.ts";
import { cpuMsOfFamily } from "./process-usage.ts";

export interface BenchDatabase {
  /** As the superuser. */
  readonly owner: pg.Pool;
  readonly ownerUrl: string;
  urlFor(role: ServiceRole): string;
  drop(): Promise<void>;
}

export interface Ground {
  readonly cleanup: Cleanup;
  readonly tokens: TokenMaker;
  /** Migrated and empty. */
  createDatabase(): Promise<BenchDatabase>;
  /** Processor time of all of PostgreSQL, in milliseconds. */
  postgresCpuMs(): number;
}

interface Server {
  readonly url: string;
  readonly pid: number;
  readonly passwords: RolePasswords;
}

/** Counting statements costs time itself: only where they are asked for. */
async function startServer(cleanup: Cleanup, dir: string, countStatements: boolean) {
  const server = await startPostgres({ dir });
  const stop = cleanup.add(server.stop);
  if (!countStatements) return server;
  await runAsOwner(server.url, "alter system set shared_preload_libraries = 'pg_stat_statements'");
  await stop();
  const counting = await startPostgres({ dir });
  cleanup.add(counting.stop);
  await runAsOwner(counting.url, "create extension pg_stat_statements");
  return counting;
}

async function runAsOwner(url: string, sql: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(sql);
  } finally {
    await client.end();
  }
}

function withDatabase(url: string, name: string): string {
  const changed = new URL(url);
  changed.pathname = `/${name}`;
  return changed.href;
}

async function createDatabase(cleanup: Cleanup, { url, passwords }: Server): Promise<BenchDatabase> {
  const name = `bench_${randomBytes(4).toString("hex")}`;
  const admin = withDatabase(url, "postgres");
  await runAsOwner(admin, `create database ${name} template ${new URL(url).pathname.slice(1)}`);
  const ownerUrl = withDatabase(url, name);
  const owner = new pg.Pool({ connectionString: ownerUrl, max: 4 });
  // The server may be stopped before an idle connection is closed.
  owner.on("error", () => undefined);
  return {
    owner,
    ownerUrl,
    urlFor(role) {
      const changed = new URL(ownerUrl);
      changed.username = ROLES[role];
      changed.password = passwords[role];
      return changed.href;
    },
    drop: cleanup.add(async () => {
      await owner.end();
      await runAsOwner(admin, `drop database if exists ${name} with (force)`);
    }),
  };
}

/** Starts PostgreSQL with the settings of `npm start`, durable, on a folder that is removed at the end. */
export async function startGround(cleanup: Cleanup, countStatements: boolean): Promise<Ground> {
  const dir = mkdtempSync(path.join(os.tmpdir(), "sotto-bench-"));
  cleanup.add(() => rmSync(dir, { recursive: true, force: true }));
  // Passable for the user that PostgreSQL runs as when root measures.
  chmodSync(dir, 0o711);
  const { url, pid } = await startServer(cleanup, path.join(dir, "postgres"), countStatements);
  const newPassword = (): string => randomBytes(18).toString("base64url");
  const passwords = {
    user: newPassword(),
    chat: newPassword(),
    notification: newPassword(),
    relay: newPassword(),
  };
  await migrate({ databaseUrl: url, rolePasswords: passwords });
  const tokens = await startTokenMaker();
  cleanup.add(() => tokens.close());
  return {
    cleanup,
    tokens,
    createDatabase: () => createDatabase(cleanup, { url, pid, passwords }),
    postgresCpuMs: () => cpuMsOfFamily(pid),
  };
}
