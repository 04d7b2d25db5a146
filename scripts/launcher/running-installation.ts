// Where a command finds the installation that it is about.
import { readFileSync } from "node:fs";
import path from "node:path";
import { ROLES, type ServiceRole } from "../../db/roles.ts";
import { type RunFile, readRunFile } from "./run-file.ts";
import type { Secrets } from "./secrets.ts";

export type Surroundings = {
  readonly env: NodeJS.ProcessEnv;
  /** Of the repository. */
  readonly root: string;
};

/** A setting, or the content of the file that `<name>_FILE` names. */
export function findSetting(name: string, env: NodeJS.ProcessEnv): string | undefined {
  const file = env[`${name}_FILE`];
  return env[name] || (file ? readFileSync(file, "utf8").trim() : undefined) || undefined;
}

/** DATABASE_URL, or the database of the running `npm start` with the rights of `role`. @throws Error for the operator. */
export function findDatabaseUrl(role: ServiceRole, surroundings: Surroundings): string {
  const given = findSetting("DATABASE_URL", surroundings.env);
  if (given) return given;
  const { dataDir, parts } = findRunning(surroundings);
  const port = parts.find(({ name }) => name === "postgresql")?.port;
  if (port === undefined) throw new Error(`${path.join(dataDir, "run.json")} names no database.`);
  const { databasePasswords }: Secrets = JSON.parse(readFileSync(path.join(dataDir, "secrets.json"), "utf8"));
  return `postgres://${ROLES[role]}:${encodeURIComponent(databasePasswords[role])}@127.0.0.1:${port}/sotto`;
}

/** What runs from the data folder. @throws Error when nothing does. */
export function findRunning({ env, root }: Surroundings): RunFile & { dataDir: string } {
  const dataDir = path.resolve(env.SOTTO_DATA_DIR || path.join(root, ".data"));
  const runFile = readRunFile(dataDir);
  if (runFile !== undefined) return { ...runFile, dataDir };
  throw new Error(
    `Nothing runs from ${dataDir}. Start it with "npm start", or name another folder by SOTTO_DATA_DIR, ` +
      "or a database by DATABASE_URL.",
  );
}
