// npm start: the whole of Sotto on this machine, with nothing needed but Node.
import path from "node:path";
import { fileURLToPath } from "node:url";
import { launch } from "./launcher/launch.ts";
import { readSettings } from "./launcher/settings.ts";
import { createTerminal } from "./launcher/terminal.ts";

const PARENT_POLL_MS = 250;
/** One Ctrl-C may arrive twice: from the terminal's process group and from the parent that passes it on. */
const SAME_KEYPRESS_MS = 400;
/** Longer than any part may take to end. */
const STOP_PATIENCE_MS = 45_000;

const terminal = createTerminal((text) => process.stdout.write(text));

function fail(error: unknown): void {
  process.exitCode = 1;
  process.stderr.write(`\n${error instanceof Error ? error.message : String(error)}\n`);
}

async function main(): Promise<void> {
  const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
  const installation = launch({ root, settings: readSettings(process.env, root), terminal });
  let stopping: Promise<void> | undefined;
  let askedAtMs = 0;
  const stop = (): Promise<void> => {
    stopping ??= end(installation.stop);
    return stopping;
  };
  const interrupt = (): void => {
    const again = stopping !== undefined && performance.now() - askedAtMs > SAME_KEYPRESS_MS;
    if (again) {
      installation.kill();
      process.exit(130);
    }
    if (stopping !== undefined) return;
    askedAtMs = performance.now();
    terminal.line("\nStopping. Press Ctrl-C again to stop at once.");
    void stop();
  };
  process.on("SIGINT", interrupt);
  for (const signal of ["SIGTERM", "SIGHUP"] as const) process.on(signal, () => void stop());
  // kill -9 of npm or of the script that started us gives no signal: a new parent is the only sign.
  const parent = process.ppid;
  setInterval(() => process.ppid !== parent && void stop(), PARENT_POLL_MS).unref();
  process.on("uncaughtException", (error) => {
    fail(error);
    void stop();
  });
  try {
    terminal.line(`Sotto is ready: ${await installation.ready}`);
  } catch (error) {
    if (stopping === undefined) fail(error);
    await stop();
  }
}

async function end(stopInstallation: () => Promise<void>): Promise<void> {
  setTimeout(() => process.exit(1), STOP_PATIENCE_MS).unref();
  try {
    await stopInstallation();
    if (!process.exitCode) terminal.line("Sotto has stopped.");
  } catch (error) {
    fail(error);
  }
  process.exit();
}

await main();
