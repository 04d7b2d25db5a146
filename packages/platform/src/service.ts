import { ConfigError } from "./config.ts";
import type { Logger } from "./log.ts";
import { type Running, type Serving, startServer } from "./node-server.ts";

export type Listening = { host: string; port: number; parentPid: number | undefined; log: Logger };

/** A stop that takes longer than this is ended. */
const STOP_TIMEOUT_MS = 10_000;
const PARENT_POLL_MS = 500;

/**
 * Runs a service process: listens, stops in order on SIGTERM and SIGINT, ends when its launcher is gone.
 * A start that fails prints one clear message and exits with 1.
 */
export async function runService(
  name: string,
  start: () => Promise<{ listening: Listening; running: Running }>,
): Promise<void> {
  try {
    const { listening, running } = await start();
    const serving = await startServer(listening, running);
    listening.log.info({ address: serving.address }, `${name} is listening`);
    // For a launcher that started this process with a channel.
    process.send?.("listening");
    stopOnSignal(serving, listening);
  } catch (error) {
    process.stderr.write(`${name} cannot start: ${describeFailure(error)}\n`);
    process.exit(1);
  }
}

type Failure = Error & { code?: unknown; syscall?: unknown; port?: unknown; address?: unknown };

/** One line for what an operator can mend; the stack for what only a programmer can. */
function describeFailure(thrown: unknown): string {
  if (!(thrown instanceof Error)) return String(thrown);
  if (thrown instanceof ConfigError) return thrown.message;
  const { code, syscall, port, address } = thrown as Failure;
  if (syscall === "listen" && code === "EADDRINUSE") {
    return `port ${port} of ${address} is in use by another process`;
  }
  if (syscall === "listen") return `it may not listen on port ${port} of ${address} (${code})`;
  const isDefect = [TypeError, ReferenceError, RangeError, SyntaxError].some(
    (kind) => thrown instanceof kind,
  );
  return isDefect ? String(thrown.stack) : describeCauses(thrown);
}

function describeCauses(error: Error): string {
  // An AggregateError of connection attempts has no message of its own.
  const own = (error.message || String((error as Failure).code ?? error.name)).replaceAll(/\s*\n\s*/g, " ");
  return error.cause instanceof Error ? `${own}: ${describeCauses(error.cause)}` : own;
}

function stopOnSignal(serving: Serving, { parentPid, log }: Listening): void {
  let stopping = false;
  const stop = async (reason: string) => {
    // A terminal sends its signal to a whole group, and a launcher another one: the second changes nothing.
    if (stopping) return;
    stopping = true;
    log.info({ reason }, "stopping");
    setTimeout(() => {
      log.error("the stop takes too long; ending at once");
      process.exit(1);
    }, STOP_TIMEOUT_MS).unref();
    await serving.stop();
    process.exit(0);
  };
  const stopOrFail = (reason: string) =>
    stop(reason).catch((error: unknown) => {
      log.error({ err: error }, "the stop failed");
      process.exit(1);
    });
  for (const signal of ["SIGTERM", "SIGINT"] as const) process.on(signal, () => stopOrFail(signal));
  if (parentPid !== undefined) watchParent(parentPid, () => stopOrFail("the launcher is gone"));
}

function watchParent(parentPid: number, onGone: () => void): void {
  const timer = setInterval(() => {
    if (isRunning(parentPid)) return;
    clearInterval(timer);
    onGone();
  }, PARENT_POLL_MS).unref();
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // A process of another user is there, though no signal may be sent to it.
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}
