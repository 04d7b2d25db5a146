import { pause } from "@sotto/platform/bus/backoff";
import type { Logger } from "@sotto/platform/log";
import pg from "pg";
import { sayAlive, tryLock } from "./outbox-queries.ts";

/**
 * PostgreSQL ends a session of which it has heard nothing for so long, and its lock with it: also that of a relay which
 * is stopped, or whose network swallows everything, and whose connection therefore never closes.
 */
const SILENCE_MS = 3000;
/** How often the active relay is heard of while it waits for the broker. */
const HEARTBEAT_MS = 500;
/** How often a standby asks for the lock. It does not wait inside PostgreSQL: that would hold back vacuum. */
const STANDBY_MS = 500;
/** Longest wait for a connection to close: over a dead network it never does. */
const CLOSE_MS = 2000;

/** A connection for one session of a relay: lock, reading and deleting. */
export function createSessionClient({ databaseUrl, log }: { databaseUrl: string; log: Logger }): pg.Client {
  const client = new pg.Client({
    connectionString: databaseUrl,
    application_name: "relay",
    connectionTimeoutMillis: 5000,
    statement_timeout: 15_000,
    query_timeout: 20_000,
    keepAlive: true,
    // The second is for a session that is not silent but in the middle of an answer that nobody takes.
    options: `-c idle_session_timeout=${SILENCE_MS} -c tcp_user_timeout=${SILENCE_MS}`,
  });
  // The statement in flight, or the next one, rejects as well; unheard, the event would end the process.
  client.on("error", (error) => log.debug({ err: error }, "the relay's connection failed"));
  return client;
}

/** Closes the connection, or lets it be when that takes too long: PostgreSQL ends it soon. */
export async function closeSession(client: pg.Client, log: Logger): Promise<void> {
  const closed = new AbortController();
  const closing = client
    .end()
    .catch((error: unknown) => log.debug({ err: error }, "closing a lost connection"))
    .finally(() => closed.abort());
  await Promise.race([closing, pause(CLOSE_MS, closed.signal)]);
}

/** Resolves when this session holds the lock, or `signal` is aborted. */
export async function waitForLock(client: pg.Client, log: Logger, signal: AbortSignal): Promise<void> {
  for (let tries = 1; !signal.aborted; tries++) {
    if (await tryLock(client)) {
      log.info("this relay is active");
      return;
    }
    if (tries === 1) log.info("another relay is active; standing by");
    await pause(STANDBY_MS, signal);
  }
}

export type HeldSession = {
  /** Aborted when the session, and so the lock, is gone. */
  readonly lost: AbortSignal;
  /** Rejects when the session was lost meanwhile. */
  release(): Promise<void>;
};

/** Keeps the session alive while nothing else is asked of it, and notices when it is gone. */
export function holdSession(client: pg.Client): HeldSession {
  const lost = new AbortController();
  const released = new AbortController();
  const beat = async (): Promise<void> => {
    for (;;) {
      await pause(HEARTBEAT_MS, released.signal);
      if (released.signal.aborted) return;
      await sayAlive(client);
    }
  };
  const beating = beat().catch((error: unknown) => lost.abort(error));
  return {
    lost: lost.signal,
    release: async () => {
      released.abort();
      await beating;
      lost.signal.throwIfAborted();
    },
  };
}
