// The schema `bus` of pg-boss, the message bus of installations without RabbitMQ. The owner makes and upgrades
// it; services use it with `migrate: false` and have no right to change it.
import type { Client } from "pg";
import { getConstructionPlans, getMigrationPlans } from "pg-boss";
import bossPackage from "pg-boss/package.json" with { type: "json" };
import { ROLES } from "./roles.ts";

const SCHEMA = "bus";
const WANTED_VERSION = bossPackage.pgboss.schema;

async function installedVersion(client: Client): Promise<number | undefined> {
  const { rows } = await client.query<{ present: boolean }>(
    `select to_regclass('${SCHEMA}.version') is not null as present`,
  );
  if (!rows[0]?.present) return undefined;
  const { rows: versions } = await client.query<{ version: number }>(`select version from ${SCHEMA}.version`);
  return versions[0]?.version;
}

async function partitionsOf(client: Client): Promise<{ tableName: string; policy: string }[]> {
  const { rows } = await client.query<{ tableName: string; policy: string }>(
    `select table_name as "tableName", policy from ${SCHEMA}.queue where partition`,
  );
  return rows;
}

/** Makes or upgrades the schema and grants its use to the services. Idempotent. */
export async function ensureBusSchema(client: Client): Promise<void> {
  const version = await installedVersion(client);
  if (version !== undefined && version > WANTED_VERSION)
    throw new Error(`the bus schema has version ${version}, newer than this version of Sotto knows`);
  if (version === undefined) await client.query(getConstructionPlans(SCHEMA));
  else if (version < WANTED_VERSION)
    await client.query(getMigrationPlans(SCHEMA, version, { partitionTables: await partitionsOf(client) }));
  const roles = Object.values(ROLES).join(", ");
  await client.query(`
    grant usage on schema ${SCHEMA} to ${roles};
    grant select, insert, update, delete on all tables in schema ${SCHEMA} to ${roles};
    grant usage on all sequences in schema ${SCHEMA} to ${roles};
    alter default privileges in schema ${SCHEMA} grant select, insert, update, delete on tables to ${roles};
  `);
}
