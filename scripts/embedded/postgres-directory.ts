// Where the database files lie, and how they come to be. `dir` is the folder the caller named:
//   dir/lock       who uses it        dir/password   of the superuser, mode 0600
//   dir/data       the PostgreSQL data directory, or
//   dir/location   the folder under /var/lib that holds it: root started us, PostgreSQL may not run as root, and
//                  the unprivileged user cannot pass through `dir` (/root, for one)
import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import os from "node:os";
import path from "node:path";
import { isReachableByOthers, ROOT_HOME } from "./postgres-binaries.ts";

/** `nobody` on every Linux and macOS we know of. */
const UNPRIVILEGED_ID = 65534;
export const SUPERUSER = "sotto";

export interface ServerIdentity {
  readonly uid?: number;
  readonly gid?: number;
}

export interface DataDirectory {
  readonly data: string;
  readonly password: string;
  /** For spawn: PostgreSQL refuses to run as root. */
  readonly identity: ServerIdentity;
  /** Deletes every trace. */
  remove(): void;
}

export function serverIdentity(): ServerIdentity {
  return process.getuid?.() === 0 ? { uid: UNPRIVILEGED_ID, gid: UNPRIVILEGED_ID } : {};
}

/** Writes a whole file or none, readable by its owner alone. */
function writeSecret(file: string, text: string): void {
  const scratch = `${file}.${process.pid}.new`;
  writeFileSync(scratch, text, { mode: 0o600, flush: true });
  renameSync(scratch, file);
}

/** `recursive` applies its mode to every folder it makes; these must stay passable for the server's user. */
export function makePassableFolder(folder: string): void {
  if (existsSync(folder)) return;
  makePassableFolder(path.dirname(folder));
  mkdirSync(folder, { recursive: true });
  chmodSync(folder, 0o755);
}

/** The folder that holds `data`: `dir` itself, or one under /var/lib that is chosen once and noted down. */
function homeOf(dir: string, identity: ServerIdentity): string {
  const note = path.join(dir, "location");
  if (existsSync(note)) {
    const home = readFileSync(note, "utf8").trim();
    makePassableFolder(home);
    return home;
  }
  if (identity.uid === undefined || isReachableByOthers(dir) || existsSync(path.join(dir, "data")))
    return dir;
  const home = path.join(ROOT_HOME, `postgres-data-${randomBytes(6).toString("hex")}`);
  writeSecret(note, `${home}\n`);
  makePassableFolder(home);
  return home;
}

function runToEnd(program: string, args: readonly string[], options: object): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { ...options, stdio: ["ignore", "pipe", "pipe"] });
    let output = "";
    child.stdout.on("data", (chunk: Buffer) => (output += chunk.toString()));
    child.stderr.on("data", (chunk: Buffer) => (output += chunk.toString()));
    child.once("error", reject);
    child.once("close", (code) => {
      if (code === 0) resolve();
      else reject(new Error(`${path.basename(program)} ended with code ${code}:\n${output.trim()}`));
    });
  });
}

function give(file: string, { uid, gid }: ServerIdentity): void {
  if (uid !== undefined && gid !== undefined) chownSync(file, uid, gid);
}

interface InitOptions {
  readonly native: string;
  readonly home: string;
  readonly password: string;
  readonly identity: ServerIdentity;
  readonly ephemeral: boolean;
}

/** Makes the cluster in a scratch folder and renames it, so that `data` is never half made. */
async function initialise({ native, home, password, identity, ephemeral }: InitOptions): Promise<void> {
  const scratch = path.join(home, "data.new");
  const passwordFile = path.join(home, "initdb-password");
  rmSync(scratch, { recursive: true, force: true });
  rmSync(passwordFile, { force: true });
  mkdirSync(scratch, { mode: 0o700 });
  give(scratch, identity);
  try {
    writeFileSync(passwordFile, `${password}\n`, { mode: 0o600 });
    give(passwordFile, identity);
    const args = [
      "-D",
      scratch,
      "-U",
      SUPERUSER,
      "--pwfile",
      passwordFile,
      "--auth=scram-sha-256",
      "-E",
      "UTF8",
    ];
    args.push("--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--no-instructions");
    if (ephemeral) args.push("--no-sync");
    await runToEnd(path.join(native, "bin", "initdb"), args, {
      cwd: os.tmpdir(),
      env: serverEnvironment(),
      ...identity,
    });
    renameSync(scratch, path.join(home, "data"));
  } finally {
    rmSync(passwordFile, { force: true });
    rmSync(scratch, { recursive: true, force: true });
  }
}

/** The server speaks plain English and UTC wherever it runs; PGDATA and PGPORT are overruled by its arguments. */
export function serverEnvironment(): NodeJS.ProcessEnv {
  return { ...process.env, LC_ALL: "C", TZ: "UTC" };
}

function passwordOf(dir: string, isInitialised: boolean): string {
  const file = path.join(dir, "password");
  if (!existsSync(file)) {
    if (isInitialised)
      throw new Error(
        `${file} is missing, and the database beside it cannot be opened without it. Put the file back from a ` +
          `backup, or move ${dir} away to start with an empty database.`,
      );
    writeSecret(file, `${randomBytes(24).toString("base64url")}\n`);
  }
  return readFileSync(file, "utf8").trim();
}

/** Opens the data directory under `dir` (which exists and is locked by us), making it when there is none. */
export async function openDataDirectory(
  dir: string,
  native: string,
  ephemeral: boolean,
): Promise<DataDirectory> {
  const identity = serverIdentity();
  const home = homeOf(dir, identity);
  const data = path.join(home, "data");
  const isInitialised = existsSync(path.join(data, "PG_VERSION"));
  if (!isInitialised && existsSync(data) && readdirSync(data).length > 0)
    throw new Error(`${data} holds files but is no PostgreSQL data directory. Move it away and start again.`);
  const password = passwordOf(dir, isInitialised);
  if (!isInitialised) await initialise({ native, home, password, identity, ephemeral });
  return {
    data,
    password,
    identity,
    remove: () => {
      // Backends of a killed server may still be writing for a moment.
      for (const folder of [home, dir])
        rmSync(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
    },
  };
}
