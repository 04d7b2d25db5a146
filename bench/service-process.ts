// A service as a process of its own, as the launcher starts it.
import { spawn } from "node:child_process";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { findFreePort } from "../scripts/embedded/free-port.ts";
import type { Cleanup } from "./cleanup.ts";
import { cpuMsOf, residentKbOf } from "./process-usage.ts";

export interface ServiceProcess {
  readonly name: string;
  readonly url: string;
  cpuMs(): number;
  residentKb(): number;
  /** The last of what it printed. */
  said(): string;
  stop(): Promise<void>;
}

export interface ServiceOptions {
  /** For people. */
  readonly name: string;
  /** Path of the main script from the root of the repository. */
  readonly script: string;
  readonly env: Readonly<Record<string, string>>;
  /** Folder for a CPU profile, written when the process stops. */
  readonly profileDir?: string | undefined;
  readonly readyPath?: string;
}

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const READY_PATIENCE_MS = 60_000;
const READY_POLL_MS = 50;
const STOP_PATIENCE_MS = 12_000;
const SAID_CHARACTERS = 8000;

async function isReady(url: string): Promise<boolean> {
  try {
    const answer = await fetch(url, { signal: AbortSignal.timeout(3000) });
    await answer.body?.cancel();
    return answer.status === 200;
  } catch (error) {
    // Not listening yet, or too busy to answer in time.
    if (error instanceof TypeError || (error as Error).name === "TimeoutError") return false;
    throw error;
  }
}

function startChild({ script, env, profileDir }: ServiceOptions, port: number) {
  const flags = profileDir === undefined ? [] : ["--cpu-prof", `--cpu-prof-dir=${profileDir}`];
  const child = spawn(process.execPath, [...flags, script], {
    cwd: ROOT,
    env: {
      PATH: process.env.PATH,
      NODE_ENV: "production",
      LOG_LEVEL: "warn",
      SOTTO_PARENT_PID: String(process.pid),
      ...env,
      PORT: String(port),
    },
    stdio: ["ignore", "pipe", "pipe"],
    // A process group of its own: Ctrl-C is for us, and we end it in good order.
    detached: true,
  });
  let text = "";
  for (const stream of [child.stdout, child.stderr])
    stream.on("data", (chunk: Buffer) => {
      text = (text + chunk.toString()).slice(-SAID_CHARACTERS);
    });
  const exited = new Promise<void>((resolve, reject) => {
    child.once("close", () => resolve());
    child.once("error", reject);
  });
  return { child, exited, said: () => text };
}

/** Starts it on a free port and resolves when it is ready. It ends with `stop`, with `cleanup`, or with this process. */
export async function startService(cleanup: Cleanup, options: ServiceOptions): Promise<ServiceProcess> {
  const port = await findFreePort();
  const url = `http://127.0.0.1:${port}`;
  const { child, exited, said } = startChild(options, port);
  const hasEnded = () => child.exitCode !== null || child.signalCode !== null;
  const stop = cleanup.add(async () => {
    if (!hasEnded()) child.kill("SIGTERM");
    const impatient = setTimeout(() => child.kill("SIGKILL"), STOP_PATIENCE_MS);
    await exited;
    clearTimeout(impatient);
  });
  const deadline = performance.now() + READY_PATIENCE_MS;
  while (!(await isReady(`${url}${options.readyPath ?? "/health/ready"}`))) {
    if (hasEnded() || performance.now() > deadline)
      throw new Error(`${options.name} did not become ready:\n${said()}`);
    await delay(READY_POLL_MS);
  }
  const pid = child.pid ?? 0;
  return {
    name: options.name,
    url,
    cpuMs: () => cpuMsOf(pid),
    residentKb: () => residentKbOf(pid),
    said,
    stop,
  };
}
