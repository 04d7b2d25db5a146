import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import pg from "pg";
import { ROLES } from "../../db/roles.ts";
import type { RunFile } from "../launcher/run-file.ts";
import type { Secrets } from "../launcher/secrets.ts";

/** What the demo may do to an installation on this machine; of another one it only knows the URL. */
export type LocalInstallation = {
  /** Ends the chat node without warning. */
  killNode(name: string): void;
  /** The chat node that each device is connected to. */
  nodesOf(deviceIds: readonly string[]): Promise<Map<string, string>>;
  /** Rows of the chat schema, as the server stores them. */
  query(sql: string, values: readonly unknown[]): Promise<Record<string, unknown>[]>;
  close(): Promise<void>;
};

export type Installation = { readonly url: string; readonly local: LocalInstallation | undefined };

/**
 * The installation to demonstrate: the one at `url`, or the one that runs from the data folder.
 * @throws Error that says what to do when nothing answers there
 */
export async function findInstallation(from: {
  url: string | undefined;
  dataDir: string;
}): Promise<Installation> {
  const runFile = readRunFile(from.dataDir);
  const url = (from.url ?? runFile?.url ?? "http://localhost:8080").replace(/\/$/, "");
  await expectAnswer(url);
  const isLocal = runFile !== undefined && runFile.url === url;
  return { url, local: isLocal ? openLocal(runFile, from.dataDir) : undefined };
}

function readRunFile(dataDir: string): RunFile | undefined {
  const file = path.join(dataDir, "run.json");
  return existsSync(file) ? JSON.parse(readFileSync(file, "utf8")) : undefined;
}

async function expectAnswer(url: string): Promise<void> {
  let status: number | string;
  try {
    const answer = await fetch(`${url}/api/user/.well-known/jwks.json`, {
      signal: AbortSignal.timeout(5000),
    });
    await answer.body?.cancel();
    status = answer.status;
  } catch (error) {
    status = (error as Error).message;
  }
  if (status !== 200) {
    throw new Error(
      `No Sotto answers at ${url} (${status}). Start it with "npm start", or name it: npm run demo -- --url URL`,
    );
  }
}

function openLocal(runFile: RunFile, dataDir: string): LocalInstallation {
  const partOf = (name: string) => {
    const part = runFile.parts.find((each) => each.name === name);
    if (!part) throw new Error(`The running installation has no part named ${name}.`);
    return part;
  };
  const secrets: Secrets = JSON.parse(readFileSync(path.join(dataDir, "secrets.json"), "utf8"));
  const pool = new pg.Pool({
    host: "127.0.0.1",
    port: partOf("postgresql").port,
    user: ROLES.chat,
    password: secrets.databasePasswords.chat,
    database: "sotto",
    max: 1,
  });
  const query = async (sql: string, values: readonly unknown[]) => (await pool.query(sql, [...values])).rows;
  return {
    query,
    killNode(name) {
      const { pid } = partOf(name);
      if (pid !== undefined) process.kill(pid, "SIGKILL");
    },
    async nodesOf(deviceIds) {
      const rows = await query(
        "select p.device_id, n.name from chat.presence p join chat.node n using (node_id) where p.device_id = any($1)",
        [deviceIds],
      );
      return new Map(rows.map(({ device_id, name }) => [String(device_id), String(name)]));
    },
    close: () => pool.end(),
  };
}
