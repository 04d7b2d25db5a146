// Brings a database to the newest schema: roles, numbered SQL files, the bus schema.
//   DATABASE_URL=postgres://owner… USER_DATABASE_PASSWORD=… CHAT_DATABASE_PASSWORD=…
//   NOTIFICATION_DATABASE_PASSWORD=… RELAY_DATABASE_PASSWORD=… node db/migrate.ts
// Each variable also as NAME_FILE, the path of a file that holds the value.
import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { Client } from "pg";
import { ensureBusSchema } from "./bus-schema.ts";
import { ensureRoles, type ROLES, type RolePasswords } from "./roles.ts";

export interface MigrateOptions {
  /** Of the owner: may create roles and schemas. */
  readonly databaseUrl: string;
  readonly rolePasswords: RolePasswords;
  /** Folder of the NNNN_name.sql files. */
  readonly migrationsFolder?: string;
}

export interface MigrateResult {
  /** File names applied by this run, in order. */
  readonly applied: readonly string[];
}

interface Migration {
  readonly version: number;
  readonly file: string;
  readonly sql: string;
  readonly sha256: string;
}

interface AppliedMigration {
  readonly version: number;
  readonly name: string;
  readonly sha256: string;
}

/** Any constant does; "sotto" as bytes. One migration at a time per database. */
const ADVISORY_LOCK = "495874306159";
const FOLDER = fileURLToPath(new URL("./migrations", import.meta.url));

function readMigrations(folder: string): Migration[] {
  const files = readdirSync(folder)
    .filter((file) => file.endsWith(".sql"))
    .sort();
  const migrations = files.map((file) => {
    const version = Number(/^(\d{4})_[a-z0-9_]+\.sql$/.exec(file)?.[1]);
    if (Number.isNaN(version)) throw new Error(`${file} is not named like 0001_what_it_does.sql`);
    // A checkout on Windows may turn line ends; that is no change of the migration.
    const sql = readFileSync(path.join(folder, file), "utf8").replaceAll("\r\n", "\n");
    return { version, file, sql, sha256: createHash("sha256").update(sql).digest("hex") };
  });
  for (const [index, migration] of migrations.entries())
    if (migrations[index - 1]?.version === migration.version)
      throw new Error(`two migrations have the number of ${migration.file}`);
  return migrations;
}

/** Throws when the history of the database and the files contradict each other; returns what is to do. */
function pendingMigrations(files: readonly Migration[], applied: readonly AppliedMigration[]): Migration[] {
  const byVersion = new Map(files.map((file) => [file.version, file]));
  for (const done of applied) {
    const file = byVersion.get(done.version);
    if (file === undefined)
      throw new Error(
        `the database has migration ${done.name}, which this version of Sotto does not know. ` +
          "It was migrated by a newer version: run that one, or restore a backup.",
      );
    if (file.sha256 !== done.sha256)
      throw new Error(
        `${file.file} was changed after it was applied. Put it back, and write a new migration.`,
      );
  }
  const newest = Math.max(0, ...applied.map((done) => done.version));
  const doneVersions = new Set(applied.map((done) => done.version));
  const pending = files.filter((file) => !doneVersions.has(file.version));
  const late = pending.find((file) => file.version < newest);
  if (late !== undefined)
    throw new Error(`${late.file} comes before a migration that is applied already. Give it a later number.`);
  return pending;
}

async function readApplied(client: Client): Promise<AppliedMigration[]> {
  await client.query(`
    create table if not exists public.schema_migration (
      version integer primary key,
      name text not null,
      sha256 text not null,
      applied_at timestamptz not null default now()
    )`);
  const { rows } = await client.query<AppliedMigration>(
    "select version, name, sha256 from public.schema_migration order by version",
  );
  return rows;
}

async function apply(client: Client, { version, file, sql, sha256 }: Migration): Promise<void> {
  await client.query("begin");
  try {
    await client.query(sql);
    // A migration may have set the search path or a role for itself.
    await client.query("reset role; reset search_path");
    await client.query("insert into public.schema_migration (version, name, sha256) values ($1, $2, $3)", [
      version,
      file,
      sha256,
    ]);
    await client.query("commit");
  } catch (error) {
    await client.query("rollback");
    throw new Error(`${file} failed: ${error instanceof Error ? error.message : String(error)}`, {
      cause: error,
    });
  }
}

/**
 * Applies what is missing. Safe to call from several processes at once: all but one wait, then find nothing to do.
 * Throws when a file was changed after it was applied, when the database is newer than the files, or when a
 * migration fails (which leaves the database as it was before that file).
 */
export async function migrate(options: MigrateOptions): Promise<MigrateResult> {
  const files = readMigrations(options.migrationsFolder ?? FOLDER);
  const client = new Client({ connectionString: options.databaseUrl, application_name: "sotto-migrate" });
  // A server that goes away between two queries: the next query tells. Without a listener it ends the process.
  client.on("error", () => undefined);
  await client.connect();
  try {
    // Held by the session: PostgreSQL lets it go when this process dies.
    await client.query("select pg_advisory_lock($1)", [ADVISORY_LOCK]);
    await ensureRoles(client, options.rolePasswords);
    const pending = pendingMigrations(files, await readApplied(client));
    for (const migration of pending) await apply(client, migration);
    await ensureBusSchema(client);
    return { applied: pending.map((migration) => migration.file) };
  } finally {
    await client.end();
  }
}

function readSetting(env: NodeJS.ProcessEnv, name: string): string {
  const file = env[`${name}_FILE`];
  const value = file === undefined ? env[name] : readFileSync(file, "utf8").trim();
  if (!value) throw new Error(`${name} (or ${name}_FILE) is not set`);
  return value;
}

function rolePasswordsFrom(env: NodeJS.ProcessEnv): RolePasswords {
  const passwordOf = (service: keyof typeof ROLES): string =>
    readSetting(env, `${service.toUpperCase()}_DATABASE_PASSWORD`);
  return {
    user: passwordOf("user"),
    chat: passwordOf("chat"),
    notification: passwordOf("notification"),
    relay: passwordOf("relay"),
  };
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  const { applied } = await migrate({
    databaseUrl: readSetting(process.env, "DATABASE_URL"),
    rolePasswords: rolePasswordsFrom(process.env),
  });
  console.log(applied.length === 0 ? "The schema is up to date." : `Applied ${applied.join(", ")}.`);
}
