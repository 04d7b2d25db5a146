// A part that is a Node process of ours: its start, its readiness, its end.
import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { setTimeout as delay } from "node:timers/promises";
import type { LogFile } from "./log-file.ts";
import type { Life } from "./supervise.ts";

export interface ChildSpec {
  readonly name: string;
  /** Path of the main script. */
  readonly script: string;
  readonly env: Readonly<Record<string, string>>;
  /** Answers 200 when the part does its work. */
  readonly readyUrl: string;
}

/**
 * What a process needs of our environment; PORT and the like are meant for us and not for it.
 * SOTTO_DATA_DIR lets a process table tell the parts of two installations apart.
 */
const INHERITED = [
  "PATH",
  "HOME",
  "TMPDIR",
  "TZ",
  "NODE_OPTIONS",
  "NODE_EXTRA_CA_CERTS",
  "NODE_COMPILE_CACHE",
  "SystemRoot",
  "SOTTO_DATA_DIR",
];
const READY_POLL_MS = 100;
const READY_PATIENCE_MS = 60_000;
/** A little more than a service allows itself for an orderly end. */
const STOP_PATIENCE_MS = 12_000;

function childEnvironment(env: ChildSpec["env"]): Record<string, string> {
  const inherited = INHERITED.flatMap((name) =>
    process.env[name] === undefined ? [] : [[name, process.env[name]]],
  );
  return { ...Object.fromEntries(inherited), ...env, SOTTO_PARENT_PID: String(process.pid) };
}

async function isReady(url: string): Promise<boolean> {
  try {
    const answer = await fetch(url, { signal: AbortSignal.timeout(3_000) });
    await answer.body?.cancel();
    return answer.status === 200;
  } catch (error) {
    // Not listening yet, or too busy to answer in time: ask again. Any other mistake is ours.
    if (error instanceof TypeError || (error as Error).name === "TimeoutError") return false;
    throw error;
  }
}

/**
 * Ready is a child that has said itself that it listens, and whose dependencies answer. Asking the port alone is not
 * enough: another process may have taken it, perhaps of another installation.
 */
async function waitUntilReady(child: ChildProcess, url: string): Promise<void> {
  let isListening = false;
  child.once("message", (message) => {
    isListening = message === "listening";
  });
  const deadline = performance.now() + READY_PATIENCE_MS;
  while (child.exitCode === null && child.signalCode === null) {
    if (isListening && (await isReady(url))) return;
    if (performance.now() > deadline) {
      child.kill("SIGKILL");
      throw new Error(`it was not ready after ${READY_PATIENCE_MS / 1000} s`);
    }
    await delay(READY_POLL_MS);
  }
  throw new Error("it ended before it was ready");
}

function endOf(child: ChildProcess): Promise<string> {
  return new Promise((resolve) => {
    child.once("error", (error) => resolve(`it could not be started: ${error.message}`));
    child.once("close", (code, signal) =>
      resolve(signal ? `it was ended by ${signal}` : `it ended with code ${code}`),
    );
  });
}

/** Starts the process. Its output goes to `log`, line by line, and to `onLine`. */
export function startChild(spec: ChildSpec, log: LogFile, onLine: (line: string) => void): Life {
  const child = spawn(process.execPath, [spec.script], {
    env: childEnvironment(spec.env),
    stdio: ["ignore", "pipe", "pipe", "ipc"],
    // A process group of its own: Ctrl-C is for the launcher, which ends the parts in good order.
    detached: true,
  });
  const take = (line: string): void => {
    log.write(`${line}\n`);
    onLine(line);
  };
  for (const stream of [child.stdout, child.stderr])
    if (stream !== null) createInterface({ input: stream }).on("line", take);
  const ended = endOf(child);
  const ready = waitUntilReady(child, spec.readyUrl);
  return {
    pid: child.pid ?? 0,
    ready,
    ended,
    stop: async () => {
      child.kill("SIGTERM");
      const impatient = setTimeout(() => child.kill("SIGKILL"), STOP_PATIENCE_MS);
      await ended;
      clearTimeout(impatient);
    },
    kill: () => child.kill("SIGKILL"),
  };
}
