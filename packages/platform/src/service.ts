import type { Server } from "node:http";
import { serve } from "@hono/node-server";
import { ConfigError } from "./config.ts";
import type { Logger } from "./log.ts";

export type Listening = { host: string; port: number; parentPid: number | undefined; log: Logger };

export type Running = {
  fetch: (request: Request) => Response | Promise<Response>;
  /** Called with the HTTP server before it listens; for WebSockets. */
  attach?: (server: Server) => void;
  /** Ends what the service started, in the time that a stop may take. */
  close: () => Promise<void>;
};

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
    const server = await listen(listening, running);
    listening.log.info({ address: server.address() }, `${name} is listening`);
    stopOnSignal(server, listening, running);
  } catch (error) {
    process.stderr.write(
      `${name}: ${error instanceof ConfigError ? error.message : String((error as Error)?.stack ?? error)}\n`,
    );
    process.exit(1);
  }
}

function listen({ host, port }: Listening, running: Running): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = serve(
      {
        fetch: running.fetch,
        hostname: host,
        port,
        serverOptions: {
          headersTimeout: 10_000,
          requestTimeout: 30_000,
          keepAliveTimeout: 65_000,
          maxHeaderSize: 16_384,
        },
      },
      () => resolve(server),
    ) as Server;
    server.once("error", reject);
    running.attach?.(server);
  });
}

function stopOnSignal(server: Server, { parentPid, log }: Listening, running: Running): void {
  let stopping = false;
  const stop = async (reason: string) => {
    if (stopping) return;
    stopping = true;
    log.info({ reason }, "stopping");
    setTimeout(() => process.exit(1), STOP_TIMEOUT_MS).unref();
    server.close();
    await running.close();
    server.closeAllConnections();
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
  setInterval(() => {
    try {
      process.kill(parentPid, 0);
    } catch {
      onGone();
    }
  }, PARENT_POLL_MS).unref();
}
