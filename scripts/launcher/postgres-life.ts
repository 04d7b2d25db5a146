// PostgreSQL as a supervised part.
import { type PostgresOptions, startPostgres } from "../embedded/postgres.ts";
import type { Life } from "./supervise.ts";

/** Starts the server, or starts it again after it died. Ready as soon as it is there. */
export async function startPostgresLife(options: PostgresOptions): Promise<Life & { readonly url: string }> {
  const server = await startPostgres(options);
  return {
    url: server.url,
    pid: server.pid,
    ready: Promise.resolve(),
    ended: server.exited.then(() => "it ended"),
    stop: server.stop,
    kill: () => process.kill(server.pid, "SIGQUIT"),
  };
}
