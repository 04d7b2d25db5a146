// The whole installation, started as a person would start it, for tests that kill parts of it.
import { type ChildProcess, spawn } from "node:child_process";
import { chmodSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import type { RunFile } from "../../../scripts/launcher/run-file.ts";

const ROOT = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "../../..");
const START_PATIENCE_MS = 90_000;
const STOP_PATIENCE_MS = 60_000;

export interface Stack {
  readonly url: string;
  readonly dataDir: string;
  /** Everything it has printed. */
  output(): string;
  /** What runs now. */
  runFile(): RunFile;
  pidOf(part: string): number;
  /** Ends a part without warning; the launcher starts it again. */
  kill9(part: string): void;
  /** Ends in good order. The data stay unless `remove`. */
  stop(): Promise<void>;
  /** Ends the launcher and every part at once, without warning. */
  killEverything(): Promise<void>;
  /** Deletes the data folder. */
  remove(): void;
}

/** All the people of a test come from one address. */
const NO_LIMITS = JSON.stringify({ "*": "off" });

export type StackOptions = { dataDir?: string; env?: Readonly<Record<string, string>> };

/** A data folder outside the repository that every user may pass through, as PostgreSQL under root needs it. */
export function createDataDir(): string {
  const parent = mkdtempSync(path.join(os.tmpdir(), "sotto-stack-"));
  chmodSync(parent, 0o711);
  return path.join(parent, "data");
}

/** Starts the installation on a free port and waits until it says that it is ready. */
export async function startStack({ dataDir = createDataDir(), env = {} }: StackOptions = {}): Promise<Stack> {
  const launcher = spawn(process.execPath, [path.join(ROOT, "scripts/start.ts")], {
    cwd: ROOT,
    env: {
      PATH: process.env.PATH,
      HOME: process.env.HOME,
      NODE_COMPILE_CACHE: process.env.NODE_COMPILE_CACHE,
      PORT: "0",
      SOTTO_DATA_DIR: dataDir,
      RATE_LIMITS: NO_LIMITS,
      ...env,
    },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const printed = collect(launcher);
  const url = await waitForUrl(launcher, printed);
  const runFile = (): RunFile => JSON.parse(readFileSync(path.join(dataDir, "run.json"), "utf8"));
  const pidOf = (part: string): number => {
    const pid = runFile().parts.find(({ name }) => name === part)?.pid;
    if (pid === undefined) throw new Error(`${part} is not running`);
    return pid;
  };
  return {
    url,
    dataDir,
    output: () => printed.text,
    runFile,
    pidOf,
    kill9: (part) => void process.kill(pidOf(part), "SIGKILL"),
    stop: () => stop(launcher, printed),
    async killEverything() {
      const pids = [launcher.pid, ...runFile().parts.map(({ pid }) => pid)];
      for (const pid of pids) if (pid !== undefined) killIfRunning(pid);
      await exited(launcher);
      await Promise.all(pids.map((pid) => (pid === undefined ? undefined : gone(pid))));
    },
    remove: () => rmSync(path.dirname(dataDir), { recursive: true, force: true }),
  };
}

function collect(child: ChildProcess): { text: string } {
  const printed = { text: "" };
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on("data", (chunk: Buffer) => {
      printed.text += chunk.toString();
    });
  }
  return printed;
}

function waitForUrl(launcher: ChildProcess, printed: { text: string }): Promise<string> {
  return new Promise((resolve, reject) => {
    const fail = (why: string) => {
      launcher.kill("SIGKILL");
      reject(new Error(`the installation did not start: ${why}\n${printed.text}`));
    };
    const timer = setTimeout(() => fail("it took too long"), START_PATIENCE_MS);
    const look = () => {
      const url = /^Sotto is ready: (\S+)$/m.exec(printed.text)?.[1];
      if (url === undefined) return;
      clearTimeout(timer);
      launcher.stdout?.off("data", look);
      resolve(url);
    };
    launcher.stdout?.on("data", look);
    launcher.once("exit", (code) => {
      clearTimeout(timer);
      fail(`it ended with code ${code}`);
    });
  });
}

function exited(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
  return new Promise((resolve) => child.once("exit", () => resolve()));
}

async function stop(launcher: ChildProcess, printed: { text: string }): Promise<void> {
  launcher.kill("SIGTERM");
  const timer = setTimeout(() => launcher.kill("SIGKILL"), STOP_PATIENCE_MS);
  await exited(launcher);
  clearTimeout(timer);
  if (launcher.exitCode !== 0)
    throw new Error(`the installation ended badly (${launcher.exitCode})\n${printed.text}`);
}

function killIfRunning(pid: number): void {
  if (isRunning(pid)) process.kill(pid, "SIGKILL");
}

/** True while the process exists and is no zombie, which only waits for its parent to take note. */
export function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch {
    return false;
  }
  return process.platform !== "linux" || !isZombie(pid);
}

function isZombie(pid: number): boolean {
  try {
    // The name of the program stands in parentheses and may hold anything; the state follows it.
    return /\) Z /.test(readFileSync(`/proc/${pid}/stat`, "utf8"));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return true;
    throw error;
  }
}

async function gone(pid: number): Promise<void> {
  const deadline = performance.now() + STOP_PATIENCE_MS;
  while (isRunning(pid)) {
    if (performance.now() > deadline) throw new Error(`process ${pid} does not end`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
