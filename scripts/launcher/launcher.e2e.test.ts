// The launcher as a person meets it: started, killed in every way, started again.
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import net from "node:net";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { identify } from "../embedded/process-identity.ts";
import type { RunFile } from "./run-file.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const START = path.join(ROOT, "scripts/start.ts");
const PATIENCE_MS = 90_000;
const isRoot = process.getuid?.() === 0;

interface Launched {
  readonly child: ChildProcess;
  readonly said: () => string;
  readonly ended: Promise<number | null>;
}

let folder: string;
let dataDir: string;
const launched: Launched[] = [];

beforeEach(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), "sotto-launch-"));
  chmodSync(folder, 0o755);
  dataDir = path.join(folder, "data");
});

afterEach(async () => {
  for (const { child, ended } of launched.splice(0)) {
    child.kill("SIGTERM");
    await ended;
  }
  try {
    await until("everything ends", () => ownProcesses().length === 0);
  } finally {
    // Of a test that failed; all of these carry the folder's name.
    for (const pid of ownProcesses()) process.kill(pid, "SIGKILL");
    rmSync(folder, { recursive: true, force: true });
  }
});

async function until(what: string, isTrue: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = performance.now() + PATIENCE_MS;
  while (!(await isTrue())) {
    if (performance.now() > deadline) throw new Error(`waited in vain: ${what}\n${launched.at(-1)?.said()}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** Everything of this test's installations: each process has the data folder in its arguments or environment. */
function ownProcesses(): number[] {
  const table = execFileSync("ps", ["axeww", "-o", "pid=,stat=,command="], {
    encoding: "utf8",
    maxBuffer: 1 << 26,
  });
  return table.split("\n").flatMap((line) => {
    const [pid, state] = line.trim().split(/ +/, 2);
    return line.includes(folder) && !state?.startsWith("Z") && !line.includes(" ps axeww")
      ? [Number(pid)]
      : [];
  });
}

interface Command {
  readonly program?: string;
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly uid?: number;
  /** In a process group of its own, as a terminal would start it. */
  readonly detached?: boolean;
}

function start({
  program = process.execPath,
  args = [START],
  env = {},
  uid,
  detached = false,
}: Command = {}): Launched {
  const child = spawn(program, args, {
    cwd: ROOT,
    env: {
      PATH: process.env.PATH,
      NODE_COMPILE_CACHE: process.env.NODE_COMPILE_CACHE,
      HOME: folder,
      PORT: "0",
      SOTTO_DATA_DIR: dataDir,
      ...env,
    },
    stdio: ["ignore", "pipe", "pipe"],
    detached,
    ...(uid === undefined ? {} : { uid, gid: uid }),
  });
  let text = "";
  for (const stream of [child.stdout, child.stderr])
    stream.on("data", (data: Buffer) => (text += data.toString()));
  const ended = new Promise<number | null>((resolve) => child.once("close", resolve));
  const one = { child, said: () => text, ended };
  launched.push(one);
  return one;
}

function addressIn(text: string): string | undefined {
  return /^Sotto is ready: (\S+)$/m.exec(text)?.[1];
}

async function ready({ child, said }: Launched): Promise<string> {
  await until("it is ready", () => addressIn(said()) !== undefined || child.exitCode !== null);
  const url = addressIn(said());
  if (url === undefined) throw new Error(`it ended instead of being ready:\n${said()}`);
  return url;
}

function runFile(): RunFile {
  return JSON.parse(readFileSync(path.join(dataDir, "run.json"), "utf8")) as RunFile;
}

async function everyPartIsReady(url: string): Promise<boolean> {
  const answer = await fetch(`${url}/status.json`, { signal: AbortSignal.timeout(5_000) }).catch(
    () => undefined,
  );
  if (!answer?.ok) return false;
  const { parts } = (await answer.json()) as { parts: { status: string }[] };
  return parts.length === 6 && parts.every(({ status }) => status === "ready");
}

const person = { username: "alice", password: "a long sentence of hers" };

async function post(url: string, body: object): Promise<number> {
  const headers = { "content-type": "application/json" };
  return (await fetch(url, { method: "POST", headers, body: JSON.stringify(body) })).status;
}

const register = (url: string): Promise<number> =>
  post(`${url}/api/user/register`, { ...person, email: "alice@example.org" });
const signIn = (url: string): Promise<number> => post(`${url}/api/user/sign-in`, person);

describe("a start", () => {
  it("says what it starts, then one line, and keeps secrets and data to itself", async () => {
    const one = start();
    const url = await ready(one);
    expect(one.said().match(/^Sotto is ready: http:\/\/localhost:\d+$/gm)).toHaveLength(1);
    for (const part of ["postgresql", "user", "chat-1", "chat-2", "relay", "notification", "mail", "gateway"])
      expect(one.said()).toMatch(new RegExp(`^ {2}${part} +ready on 127\\.0\\.0\\.1:\\d+`, "m"));
    expect(await everyPartIsReady(url)).toBe(true);
    for (const file of ["secrets.json", "run.json", "postgres/password"])
      expect(statSync(path.join(dataDir, file)).mode & 0o777).toBe(0o600);
    expect(JSON.stringify(runFile())).not.toContain("postgres://");
    one.child.kill("SIGTERM");
    expect(await one.ended).toBe(0);
    expect(one.said()).toContain("Sotto has stopped.");
  });

  it("refuses a second one on the same folder, naming the process and the two variables", async () => {
    const one = start();
    const url = await ready(one);
    const second = start();
    expect(await second.ended).toBe(1);
    expect(second.said()).toContain(`Sotto already runs on ${dataDir} (process ${one.child.pid})`);
    expect(second.said()).toMatch(/SOTTO_DATA_DIR.*PORT/);
    expect(await everyPartIsReady(url)).toBe(true);
  });

  it("tells that the port is taken, and starts nothing", async () => {
    const server = net.createServer();
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as net.AddressInfo;
    const one = start({ env: { PORT: String(port) } });
    expect(await one.ended).toBe(1);
    expect(one.said()).toContain(`Port ${port} is in use by another program.`);
    expect(one.said()).not.toContain("postgresql");
    server.close();
  });

  it("tells that the secrets are damaged, and touches nothing", async () => {
    mkdirSync(dataDir);
    writeFileSync(path.join(dataDir, "secrets.json"), "{");
    const one = start();
    expect(await one.ended).toBe(1);
    expect(one.said()).toContain("secrets.json is no JSON. Put the file back from a backup.");
    expect(one.said()).not.toContain("postgresql");
  });
});

describe("kill -9", () => {
  it("of any one part: it is said, the part is started again, everything works on", async () => {
    const one = start();
    const url = await ready(one);
    expect(await register(url)).toBe(201);
    for (const { name, pid } of runFile().parts) {
      process.kill(pid ?? 0, "SIGKILL");
      await until(`${name} is missed`, () => one.said().includes(`  ${name.padEnd(13)} died: `));
      await until(`${name} is back`, () =>
        runFile().parts.some((part) => part.name === name && part.pid && part.pid !== pid),
      );
      await until("every part is ready", () => everyPartIsReady(url));
    }
    expect(await signIn(url)).toBe(200);
  });

  it("of the launcher: nothing is left behind, and the next start has the data", async () => {
    const one = start();
    expect(await register(await ready(one))).toBe(201);
    expect(ownProcesses().length).toBeGreaterThan(8);
    one.child.kill("SIGKILL");
    await until("everything ends", () => ownProcesses().length === 0);
    expect(await signIn(await ready(start()))).toBe(200);
  });

  it("of everything at once: the next start has the data", async () => {
    const one = start();
    expect(await register(await ready(one))).toBe(201);
    one.child.kill("SIGSTOP"); // so that it starts nothing again meanwhile
    for (const pid of ownProcesses()) if (identify(pid) !== undefined) process.kill(pid, "SIGKILL");
    await until("everything ends", () => ownProcesses().length === 0);
    expect(await signIn(await ready(start()))).toBe(200);
  });
});

describe("npm start", () => {
  const npm = { program: "npm", args: ["start"] };
  /** The process that runs scripts/run.mjs for this test. */
  const runner = (): number => {
    const table = execFileSync("ps", ["axeww", "-o", "pid=,command="], {
      encoding: "utf8",
      maxBuffer: 1 << 26,
    });
    const line = table
      .split("\n")
      .find(
        (row) =>
          row.includes("scripts/run.mjs scripts/start.ts") &&
          row.includes(folder) &&
          !/\bsh -c\b|npm start/.test(row.slice(0, 60)),
      );
    return Number.parseInt(line ?? "", 10);
  };

  it.each(["SIGTERM", "SIGKILL"] as const)("ended by %s to npm leaves nothing behind", async (signal) => {
    const one = start(npm);
    await ready(one);
    one.child.kill(signal);
    await until("everything ends", () => ownProcesses().length === 0);
    expect(one.said()).toContain("Sotto has stopped.");
  });

  it("ends in good order by one Ctrl-C, which reaches the whole process group", async () => {
    const one = start({ ...npm, detached: true });
    await ready(one);
    process.kill(-(one.child.pid ?? 0), "SIGINT");
    await one.ended;
    expect(one.said()).toContain("Sotto has stopped.");
    expect(ownProcesses()).toEqual([]);
  });

  it("leaves nothing behind when the script between npm and the launcher is killed", async () => {
    const one = start(npm);
    await ready(one);
    process.kill(runner(), "SIGKILL");
    await until("everything ends", () => ownProcesses().length === 0);
  });
});

describe("Ctrl-C", () => {
  it("during the start ends it in good order", async () => {
    const one = start();
    await until("the database is there", () => one.said().includes("postgresql"));
    one.child.kill("SIGINT");
    expect(await one.ended).toBe(0);
    expect(addressIn(one.said())).toBeUndefined();
  });

  it("for the second time ends everything at once", async () => {
    const one = start();
    await ready(one);
    // A part that does not react would make the first Ctrl-C wait.
    const relay = runFile().parts.find(({ name }) => name === "relay")?.pid ?? 0;
    process.kill(relay, "SIGSTOP");
    one.child.kill("SIGINT");
    await until("it says how to end at once", () => one.said().includes("Press Ctrl-C again"));
    await new Promise((resolve) => setTimeout(resolve, 600)); // a keypress counts once within 400 ms
    one.child.kill("SIGINT");
    expect(await one.ended).toBe(130);
    await until("everything ends", () => ownProcesses().length === 0);
  });
});

describe.runIf(isRoot)("another user than root", () => {
  const NOBODY = 65_534;

  it("runs it from a copy that only root may write", async () => {
    mkdirSync(dataDir);
    execFileSync("chown", [`${NOBODY}:${NOBODY}`, dataDir, folder]);
    const one = start({ uid: NOBODY });
    expect(await register(await ready(one))).toBe(201);
    expect(statSync(path.join(dataDir, "postgres/data")).uid).toBe(NOBODY);
  });

  it("is told which variable to set when the folder is not its own", async () => {
    mkdirSync(dataDir, { mode: 0o755 });
    const one = start({ uid: NOBODY });
    expect(await one.ended).toBe(1);
    expect(one.said()).toContain(
      `Sotto cannot write to ${dataDir}. Set SOTTO_DATA_DIR to a folder that you own.`,
    );
  });
});
