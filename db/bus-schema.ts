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

/** Queues of a consumer: its events, and those it could not handle. */
const CONSUMERS = { chat: ROLES.chat, notification: ROLES.notification } as const;

/**
 * The rights to the schema. The relay publishes to every queue. A consumer sees and changes the jobs of its own queues
 * only, for events of others may hold what it must not know, and is told of all queues only what they are called and
 * how they are set: each process of pg-boss declares and watches over the queues it may. The user service has no
 * business here. All is stated anew each time, so that an upgrade of the schema cannot widen it; one list of statements is one
 * transaction.
 */
function rightsText(): string {
  const users = [ROLES.relay, ...Object.values(CONSUMERS)].join(", ");
  const all = Object.values(ROLES).join(", ");
  const policies = ["job", "job_common", "queue"].flatMap((table) => [
    `alter table ${SCHEMA}.${table} enable row level security`,
    ...policy(table, "relay_all", `for all to ${ROLES.relay} using (true) with check (true)`),
    ...Object.entries(CONSUMERS).flatMap(([consumer, role]) => {
      const own = `name in ('${consumer}', '${consumer}.dead')`;
      return policy(table, `${consumer}_own`, `for all to ${role} using (${own}) with check (${own})`);
    }),
  ]);
  const consumers = Object.values(CONSUMERS).join(", ");
  return [
    `revoke all on schema ${SCHEMA} from ${all}`,
    `revoke all on all tables in schema ${SCHEMA} from ${all}`,
    `revoke all on all sequences in schema ${SCHEMA} from ${all}`,
    `alter default privileges in schema ${SCHEMA} revoke all on tables from ${all}`,
    `grant usage on schema ${SCHEMA} to ${users}`,
    `grant select, insert, update, delete on all tables in schema ${SCHEMA} to ${users}`,
    `revoke insert, update, delete on ${SCHEMA}.version from ${users}`,
    // Its one row also says when each chore was last done, which whoever does the chore writes down.
    `do $$ begin execute (
       select format('grant update (%s) on ${SCHEMA}.version to ${users}', string_agg(quote_ident(attname), ', '))
       from pg_attribute
       where attrelid = '${SCHEMA}.version'::regclass and attnum > 0 and not attisdropped and attname <> 'version'
     ); end $$`,
    `grant usage on all sequences in schema ${SCHEMA} to ${users}`,
    ...policies,
    ...policy("queue", "consumers_read", `for select to ${consumers} using (true)`),
    ...policy("queue", "consumers_declare", `for insert to ${consumers} with check (true)`),
  ].join(";\n");
}

function policy(table: string, name: string, rest: string): string[] {
  return [
    `drop policy if exists ${name} on ${SCHEMA}.${table}`,
    `create policy ${name} on ${SCHEMA}.${table} ${rest}`,
  ];
}

/** Makes or upgrades the schema and grants its use to the services. Idempotent. */
export async function ensureBusSchema(client: Client): Promise<void> {
  const version = await installedVersion(client);
  if (version !== undefined && version > WANTED_VERSION)
    throw new Error(`the bus schema has version ${version}, newer than this version of Sotto knows`);
  if (version === undefined) await client.query(getConstructionPlans(SCHEMA));
  else if (version < WANTED_VERSION)
    await client.query(getMigrationPlans(SCHEMA, version, { partitionTables: await partitionsOf(client) }));
  await client.query(rightsText());
}
