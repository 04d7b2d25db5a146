import { randomBytes } from "node:crypto";
import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { describeBus } from "@sotto/testkit/bus-contract";
import { Client } from "pg";
import { migrate } from "../../../../db/migrate.ts";
import { ROLES, type ServiceRole } from "../../../../db/roles.ts";
import { findFreePort } from "../../../../scripts/embedded/free-port.ts";
import { startPostgres } from "../../../../scripts/embedded/postgres.ts";

const newPassword = (): string => randomBytes(18).toString("base64url");

/** The queues of tests have other names than those that the notification service has a right to. */
async function allowQueuesOfTests(ownerUrl: string): Promise<void> {
  const owner = new Client({ connectionString: ownerUrl });
  await owner.connect();
  for (const table of ["job", "job_common", "queue"])
    await owner.query(
      `create policy tests on bus.${table} for all to ${ROLES.notification} using (name like 'test-%')`,
    );
  await owner.end();
}

// A server of its own, on which nothing is switched off: it is killed, and must keep what it has committed.
describeBus("pg-boss", async () => {
  const dir = mkdtempSync(path.join(os.tmpdir(), "sotto-test-bus-"));
  chmodSync(dir, 0o711);
  const port = await findFreePort();
  const options = { dir: path.join(dir, "postgres"), port };
  let server = await startPostgres(options);
  const rolePasswords = {
    user: newPassword(),
    chat: newPassword(),
    notification: newPassword(),
    relay: newPassword(),
  };
  await migrate({ databaseUrl: server.url, rolePasswords });
  await allowQueuesOfTests(server.url);
  const urlFor = (role: ServiceRole): string => {
    const url = new URL(server.url);
    url.username = ROLES[role];
    url.password = rolePasswords[role];
    return url.href;
  };
  return {
    // With the rights that these services have in an installation.
    publisher: { databaseUrl: urlFor("relay") },
    consumer: { databaseUrl: urlFor("notification") },
    kill9: async () => {
      process.kill(server.pid, "SIGKILL");
      await server.exited;
    },
    restart: async () => {
      server = await startPostgres(options);
    },
    stop: async () => {
      await server.stop();
      rmSync(dir, { recursive: true, force: true });
    },
  };
});
