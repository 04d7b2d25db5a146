// The PostgreSQL roles of the services: made before the migrations, which grant rights to them.
import { createHash, createHmac, pbkdf2Sync, randomBytes, timingSafeEqual } from "node:crypto";
import type { Client } from "pg";

/** Service to role. */
export const ROLES = {
  user: "sotto_user",
  chat: "sotto_chat",
  notification: "sotto_notification",
  relay: "sotto_relay",
} as const;

export type ServiceRole = keyof typeof ROLES;
export type RolePasswords = Readonly<Record<ServiceRole, string>>;

const ITERATIONS = 4096;

/**
 * What PostgreSQL stores for a password (RFC 5803). Made here, so that the password itself appears in no
 * statement and therefore in no server log. Passwords are plain ASCII: SASLprep is left out.
 */
function scramVerifier(password: string, salt: Buffer, iterations: number): string {
  const salted = pbkdf2Sync(password, salt, iterations, 32, "sha256");
  const keyOf = (name: string): Buffer => createHmac("sha256", salted).update(name).digest();
  const storedKey = createHash("sha256").update(keyOf("Client Key")).digest("base64");
  const serverKey = keyOf("Server Key").toString("base64");
  return `SCRAM-SHA-256$${iterations}:${salt.toString("base64")}$${storedKey}:${serverKey}`;
}

function isSamePassword(password: string, verifier: string): boolean {
  const [, iterations, salt] = /^SCRAM-SHA-256\$(\d+):([^$]+)\$/.exec(verifier) ?? [];
  if (iterations === undefined || salt === undefined) return false;
  const expected = Buffer.from(scramVerifier(password, Buffer.from(salt, "base64"), Number(iterations)));
  const found = Buffer.from(verifier);
  return expected.length === found.length && timingSafeEqual(expected, found);
}

function assertUsable(service: string, password: string): void {
  if (!/^[\x21-\x7e]{16,}$/.test(password))
    throw new Error(
      `the database password of ${service} needs at least 16 printable ASCII characters without blanks`,
    );
}

/** The stored verifiers by role; undefined where a managed PostgreSQL does not show them to its owner role. */
async function readVerifiers(client: Client): Promise<Map<string, string> | undefined> {
  const { rows: rights } = await client.query<{ visible: boolean }>(
    "select has_table_privilege('pg_catalog.pg_authid', 'select') as visible",
  );
  if (!rights[0]?.visible) return undefined;
  const { rows } = await client.query<{ rolname: string; rolpassword: string | null }>(
    "select rolname, rolpassword from pg_authid where rolname = any($1)",
    [Object.values(ROLES)],
  );
  return new Map(rows.map((row) => [row.rolname, row.rolpassword ?? ""]));
}

/**
 * Creates the roles that are missing and sets the passwords that changed.
 * Roles belong to the whole cluster: nothing is written when nothing changed, so that migrating two databases
 * of one cluster at once does not collide.
 */
export async function ensureRoles(client: Client, passwords: RolePasswords): Promise<void> {
  const verifiers = await readVerifiers(client);
  const { rows } = await client.query<{ rolname: string }>(
    "select rolname from pg_roles where rolname = any($1)",
    [Object.values(ROLES)],
  );
  const present = new Set(rows.map((row) => row.rolname));
  for (const [service, role] of Object.entries(ROLES)) {
    const password = passwords[service as ServiceRole];
    assertUsable(service, password);
    const known = verifiers?.get(role);
    if (known !== undefined && isSamePassword(password, known)) continue;
    const verifier = scramVerifier(password, randomBytes(16), ITERATIONS);
    const verb = present.has(role) ? "alter" : "create";
    await client.query(`${verb} role ${role} login password '${verifier}'`);
  }
}
