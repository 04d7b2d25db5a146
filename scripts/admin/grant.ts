import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import type { OperatorRole } from "@sotto/contracts/operator-api";
import { systemClock } from "@sotto/platform/clock";
import { createDatabase } from "@sotto/platform/db";
import type { AccountDatabase } from "@sotto/platform/db-types/account";
import { systemIds } from "@sotto/platform/ids";
import { createLogger } from "@sotto/platform/log";
import { grantRole } from "@sotto/user-service/operators/grant-role";
import { ROLES } from "../../db/roles.ts";
import type { RunFile } from "../launcher/run-file.ts";
import type { Secrets } from "../launcher/secrets.ts";

type Surroundings = { readonly env: NodeJS.ProcessEnv; readonly root: string };

/** Gives a role by the database itself: DATABASE_URL, or that of a running `npm start`. Answers the former role. */
export async function grantByDatabase(
  granted: { username: string; role: OperatorRole },
  surroundings: Surroundings,
): Promise<OperatorRole | null> {
  const log = createLogger({ service: "admin", level: "fatal" });
  const { db, close } = createDatabase<AccountDatabase>({
    url: findDatabaseUrl(surroundings),
    ...{ max: 1, applicationName: "sotto-admin", log },
    // The owner of the database is not the service, whose search path this is.
    settings: { search_path: "account" },
  });
  try {
    return await grantRole({ db, clock: systemClock, ids: systemIds }, granted);
  } finally {
    await close();
  }
}

function findDatabaseUrl({ env, root }: Surroundings): string {
  const file = env.DATABASE_URL_FILE;
  const given = env.DATABASE_URL || (file ? readFileSync(file, "utf8").trim() : undefined);
  if (given) return given;
  const dataDir = path.resolve(env.SOTTO_DATA_DIR || path.join(root, ".data"));
  const runFile = path.join(dataDir, "run.json");
  if (!existsSync(runFile)) {
    throw new Error(
      `Nothing runs from ${dataDir}. Start it with "npm start", or name another folder by SOTTO_DATA_DIR, ` +
        "or a database by DATABASE_URL.",
    );
  }
  const { parts }: RunFile = JSON.parse(readFileSync(runFile, "utf8"));
  const port = parts.find(({ name }) => name === "postgresql")?.port;
  if (port === undefined) throw new Error(`${runFile} names no database.`);
  const { databasePasswords }: Secrets = JSON.parse(readFileSync(path.join(dataDir, "secrets.json"), "utf8"));
  return `postgres://${ROLES.user}:${encodeURIComponent(databasePasswords.user)}@127.0.0.1:${port}/sotto`;
}
