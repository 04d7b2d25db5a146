import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { Client } from "pg";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type EmbeddedPostgres, startPostgres } from "./postgres.ts";
import { preparePostgresBinaries } from "./postgres-binaries.ts";
import { identify } from "./process-identity.ts";

const HOLDER = fileURLToPath(new URL("./hold-postgres.ts", import.meta.url));
const isRoot = process.getuid?.() === 0;
let folder: string;
const servers: EmbeddedPostgres[] = [];
const holders: ChildProcess[] = [];

beforeEach(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), "sotto-embedded-"));
  chmodSync(folder, 0o711);
});

afterEach(async () => {
  for (const server of servers.splice(0)) await server.stop();
  for (const holder of holders.splice(0)) holder.kill("SIGKILL");
  await until("the servers of killed holders end", () => !isServerOn(folder));
  rmSync(folder, { recursive: true, force: true });
});

function dir(): string {
  return path.join(folder, "postgres");
}

async function start(where = dir()): Promise<EmbeddedPostgres> {
  const server = await startPostgres({ dir: where });
  servers.push(server);
  return server;
}

async function until(what: string, isTrue: () => boolean): Promise<void> {
  const deadline = performance.now() + 15_000;
  while (!isTrue()) {
    if (performance.now() > deadline) throw new Error(`waited in vain: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
}

function pidsOf(pattern: string): number[] {
  const table = execFileSync("ps", ["-axww", "-o", "pid=,command="], { encoding: "utf8" });
  const lines = table.split("\n").filter((line) => line.includes(pattern) && !line.includes("ps -axww"));
  return lines.map((line) => Number.parseInt(line, 10));
}

function isServerOn(where: string): boolean {
  return pidsOf(`-D ${where}`).length > 0;
}

async function query<T extends object>(url: string, sql: string): Promise<T[]> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query<T>(sql)).rows;
  } finally {
    await client.end();
  }
}

/** Another process with a server on `dir()`. */
async function startHolder(): Promise<{ holder: ChildProcess; url: string; pid: number }> {
  const holder = spawn(process.execPath, [HOLDER, dir()], { stdio: ["ignore", "pipe", "inherit"] });
  holders.push(holder);
  const line = await new Promise<string>((resolve, reject) => {
    holder.stdout?.once("data", (data: Buffer) => resolve(data.toString()));
    holder.once("exit", (code) => reject(new Error(`the holder ended with ${code}`)));
  });
  return { holder, ...(JSON.parse(line) as { url: string; pid: number }) };
}

describe("an embedded PostgreSQL", () => {
  it("keeps its data over a stop and a start", async () => {
    const first = await start();
    await query(first.url, "create table kept (a integer); insert into kept values (7)");
    await first.stop();
    servers.pop();
    const second = await start();
    expect(await query(second.url, "select a from kept")).toEqual([{ a: 7 }]);
  });

  it("looks after dead rows every ten seconds: the outbox is as large as what passes between two visits", async () => {
    const { url } = await start();
    expect(await query(url, "show autovacuum_naptime")).toEqual([{ autovacuum_naptime: "10s" }]);
  });

  it("listens on 127.0.0.1 alone, asks for a password, and never runs as root", async () => {
    const { url, pid } = await start();
    expect(await query(url, "show listen_addresses")).toEqual([{ listen_addresses: "127.0.0.1" }]);
    expect(await query(url, "show unix_socket_directories")).toEqual([{ unix_socket_directories: "" }]);
    const wrong = new URL(url);
    wrong.password = "wrong";
    await expect(query(wrong.href, "select 1")).rejects.toThrow("password authentication failed");
    expect(statSync(path.join(dir(), "password")).mode & 0o777).toBe(0o600);
    if (isRoot && process.platform === "linux") expect(statSync(`/proc/${pid}`).uid).not.toBe(0);
  });

  it("does without the environment of the caller", async () => {
    process.env.PGPORT = "1";
    process.env.PGDATA = "/nowhere";
    process.env.LC_ALL = "de_DE.UTF-8";
    try {
      expect(await query((await start()).url, "show timezone")).toEqual([{ TimeZone: "UTC" }]);
    } finally {
      delete process.env.PGPORT;
      delete process.env.PGDATA;
      delete process.env.LC_ALL;
    }
  });

  it("leaves nothing of an ephemeral one", async () => {
    const server = await startPostgres({ dir: dir(), ephemeral: true });
    await server.stop();
    expect(existsSync(dir())).toBe(false);
    expect(pidsOf(`${server.pid} `).filter((pid) => pid === server.pid)).toEqual([]);
  });

  it("ends when it is stopped, even if it reacts to nothing", { timeout: 90_000 }, async () => {
    const server = await startPostgres({ dir: dir(), ephemeral: true });
    process.kill(server.pid, "SIGSTOP");
    await server.stop();
    expect(identify(server.pid)).toBeUndefined();
  });

  it("refuses a second start on the same folder, naming the process that has it", async () => {
    await start();
    await expect(startPostgres({ dir: dir() })).rejects.toThrow(
      `is in use by another Sotto (process ${process.pid}). Stop that one, or start this one with another ` +
        "SOTTO_DATA_DIR and another PORT.",
    );
  });

  it("lets one of several starts at once win", async () => {
    const outcomes = await Promise.allSettled([start(), start(), start()]);
    expect(outcomes.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
  });
});

describe("after kill -9", () => {
  it("of the starter, the server ends by itself", async () => {
    const { holder, pid } = await startHolder();
    holder.kill("SIGKILL");
    await until("the server ends", () => identify(pid) === undefined);
    expect(await query((await start()).url, "select 1 as one")).toEqual([{ one: 1 }]);
  });

  it("of the starter and its watchdog, the next start ends the orphan and keeps its data", async () => {
    const { holder, pid, url } = await startHolder();
    await query(url, "create table kept (a integer); insert into kept values (7)");
    const [watchdog] = pidsOf(`watchdog.ts ${pid} `);
    if (watchdog === undefined) throw new Error("there is no watchdog");
    process.kill(watchdog, "SIGSTOP");
    holder.kill("SIGKILL");
    await until("the holder ends", () => holder.signalCode !== null);
    process.kill(watchdog, "SIGKILL");
    expect(identify(pid)).toBeDefined();
    const next = await start();
    expect(identify(pid)).toBeUndefined();
    expect(await query(next.url, "select a from kept")).toEqual([{ a: 7 }]);
  });

  it("of the watchdog, another one takes its place", async () => {
    const { holder, pid } = await startHolder();
    const [watchdog] = pidsOf(`watchdog.ts ${pid} `);
    process.kill(watchdog ?? 0, "SIGKILL");
    await until("a new watchdog", () => pidsOf(`watchdog.ts ${pid} `).some((found) => found !== watchdog));
    holder.kill("SIGKILL");
    await until("the server ends", () => identify(pid) === undefined);
  });

  it("of the server, the next start recovers what was committed", async () => {
    const { holder, pid, url } = await startHolder();
    await query(url, "create table kept (a integer); insert into kept values (7)");
    process.kill(pid, "SIGKILL");
    holder.kill("SIGKILL");
    await until("the holder ends", () => holder.signalCode !== null);
    expect(await query((await start()).url, "select a from kept")).toEqual([{ a: 7 }]);
  });

  it("during the making of the database, the next start makes it anew", async () => {
    mkdirSync(path.join(dir(), "data.new/base"), { recursive: true });
    writeFileSync(path.join(dir(), "data.new/PG_VERSION"), "17\n");
    expect(await query((await start()).url, "select 1 as one")).toEqual([{ one: 1 }]);
  });
});

describe("a clear message", () => {
  it("tells that the password is gone, and does not start an empty database instead", async () => {
    const { stop } = await start();
    await stop();
    servers.pop();
    rmSync(path.join(dir(), "password"));
    await expect(startPostgres({ dir: dir() })).rejects.toThrow("password is missing");
    expect(existsSync(path.join(dir(), "data/PG_VERSION"))).toBe(true);
  });

  it("tells that the folder holds something else", async () => {
    mkdirSync(path.join(dir(), "data"), { recursive: true });
    writeFileSync(path.join(dir(), "data/thesis.txt"), "all of it");
    await expect(startPostgres({ dir: dir() })).rejects.toThrow(
      "holds files but is no PostgreSQL data directory",
    );
    expect(readFileSync(path.join(dir(), "data/thesis.txt"), "utf8")).toBe("all of it");
  });
});

describe.runIf(isRoot)("started by root", () => {
  it("puts the data where the server's user can reach them, and finds them again", async () => {
    const hidden = path.join(folder, "hidden");
    mkdirSync(hidden, { mode: 0o700 });
    const where = path.join(hidden, "postgres");
    const first = await start(where);
    await query(first.url, "create table kept (a integer); insert into kept values (7)");
    const home = readFileSync(path.join(where, "location"), "utf8").trim();
    expect(home).toMatch(/^\/var\/lib\/sotto\//);
    await first.stop();
    servers.pop();
    const second = await start(where);
    expect(await query(second.url, "select a from kept")).toEqual([{ a: 7 }]);
    await second.stop();
    servers.pop();
    rmSync(home, { recursive: true });
  });

  it("copies the programs where the server's user can reach them", () => {
    const real = path.dirname(preparePostgresBinaries(true));
    const hidden = path.join(folder, "package");
    cpSync(real, hidden, { recursive: true, verbatimSymlinks: true });
    chmodSync(hidden, 0o700);
    const native = preparePostgresBinaries(true, hidden);
    expect(native).toMatch(/^\/var\/lib\/sotto\/postgres-17/);
    const version = execFileSync(path.join(native, "bin/postgres"), ["--version"], {
      uid: 65534,
      gid: 65534,
      cwd: "/",
      encoding: "utf8",
    });
    expect(version).toContain("PostgreSQL) 17.");
    expect(preparePostgresBinaries(true, hidden)).toBe(native);
    rmSync(path.dirname(native), { recursive: true });
  });
});
