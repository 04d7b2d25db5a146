// PostgreSQL for tests: one server per test run, and per test file a clone of a migrated template database.
import { randomBytes } from "node:crypto";
import { chmodSync, mkdtempSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { Client } from "pg";
import { inject } from "vitest";
import { migrate } from "../../../db/migrate.ts";
import { ROLES, type RolePasswords, type ServiceRole } from "../../../db/roles.ts";
import { startPostgres } from "../../../scripts/embedded/postgres.ts";

/** What a test process must know of the server that another process started; plain data. */
export interface TestPostgresAddress {
  /** Of the superuser, with the migrated template database. */
  readonly templateUrl: string;
  readonly rolePasswords: RolePasswords;
}

export interface TestPostgres {
  readonly address: TestPostgresAddress;
  stop(): Promise<void>;
}

export interface TestDatabase {
  /** Of the superuser. */
  readonly ownerUrl: string;
  /** Of a service's own role, with its rights and no others. */
  urlFor(role: ServiceRole): string;
  drop(): Promise<void>;
}

declare module "vitest" {
  interface ProvidedContext {
    testPostgres: TestPostgresAddress;
  }
}

function withDatabase(url: string, name: string): string {
  const changed = new URL(url);
  changed.pathname = `/${name}`;
  return changed.href;
}

const LEAVING_PATIENCE_MS = 2000;

async function runAsOwner(url: string, sql: string): Promise<void> {
  // Connected to "postgres": a template can be cloned only while nobody is connected to it.
  const client = new Client({ connectionString: withDatabase(url, "postgres") });
  await client.connect();
  try {
    await client.query(sql);
  } finally {
    await client.end();
  }
}

/**
 * A pool that has ended is a moment ahead of its connections: one that is cut off in between tells an error that nobody
 * listens to any more. Waits until all have left, but not for those that stay.
 */
async function waitUntilLeft(url: string, database: string): Promise<void> {
  const client = new Client({ connectionString: withDatabase(url, "postgres") });
  await client.connect();
  try {
    const deadline = performance.now() + LEAVING_PATIENCE_MS;
    while (performance.now() < deadline) {
      const { rowCount } = await client.query("select from pg_stat_activity where datname = $1", [database]);
      if (rowCount === 0) return;
      await delay(20);
    }
  } finally {
    await client.end();
  }
}

/** Starts a server that forgets everything when it stops, with a migrated template database. About 2 s. */
export async function startTestPostgres(): Promise<TestPostgres> {
  const dir = mkdtempSync(path.join(os.tmpdir(), "sotto-test-postgres-"));
  // Passable for the user that the server runs as when root runs the tests.
  chmodSync(dir, 0o711);
  const server = await startPostgres({ dir, ephemeral: true });
  const newPassword = (): string => randomBytes(18).toString("base64url");
  const rolePasswords = {
    user: newPassword(),
    chat: newPassword(),
    notification: newPassword(),
    relay: newPassword(),
  };
  try {
    await migrate({ databaseUrl: server.url, rolePasswords });
  } catch (error) {
    await server.stop();
    throw error;
  }
  return { address: { templateUrl: server.url, rolePasswords }, stop: server.stop };
}

/**
 * A fresh, migrated database (about 50 ms). Without an address: a clone on the server of the vitest project "pg".
 * Call `drop` when done, after closing your own connections (others are cut).
 */
export async function createTestDatabase(address?: TestPostgresAddress): Promise<TestDatabase> {
  const { templateUrl, rolePasswords } = address ?? inject("testPostgres");
  const template = new URL(templateUrl).pathname.slice(1);
  const name = `test_${randomBytes(6).toString("hex")}`;
  await runAsOwner(templateUrl, `create database ${name} template ${template}`);
  const ownerUrl = withDatabase(templateUrl, name);
  return {
    ownerUrl,
    urlFor: (role) => {
      const url = new URL(ownerUrl);
      url.username = ROLES[role];
      url.password = rolePasswords[role];
      return url.href;
    },
    async drop() {
      await waitUntilLeft(templateUrl, name);
      await runAsOwner(templateUrl, `drop database if exists ${name} with (force)`);
    },
  };
}
