// Opens the connection to a backend before anything of the request is sent: so a node that is down can be skipped
// for every method, and a service that is being restarted is waited for.
import net from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import type { Backend } from "../config.ts";

export interface Connection {
  readonly backend: Backend;
  readonly socket: net.Socket;
}

const CONNECT_TIMEOUT_MS = 1_000;
const ROUND_PAUSE_MS = 100;

function open({ url }: Backend, signal: AbortSignal): Promise<net.Socket> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve, reject) => {
    const socket = net.connect({ host: hostname, port: Number(port || 80), noDelay: true, signal });
    socket.setTimeout(CONNECT_TIMEOUT_MS, () =>
      socket.destroy(new Error(`no connection within ${CONNECT_TIMEOUT_MS} ms`)),
    );
    socket.once("error", reject);
    socket.once("connect", () => {
      socket.setTimeout(0);
      socket.off("error", reject);
      resolve(socket);
    });
  });
}

/** The first backend that accepts a connection, asking all of them again for `patienceMs`; undefined when none does. */
export async function connectToFirst(
  backends: readonly Backend[],
  patienceMs: number,
  signal: AbortSignal,
): Promise<Connection | undefined> {
  const deadline = performance.now() + patienceMs;
  while (!signal.aborted) {
    for (const backend of backends) {
      const outcome = await Promise.allSettled([open(backend, signal)]);
      if (outcome[0].status === "fulfilled") return { backend, socket: outcome[0].value };
    }
    if (performance.now() > deadline) return undefined;
    await delay(ROUND_PAUSE_MS);
  }
  return undefined;
}
