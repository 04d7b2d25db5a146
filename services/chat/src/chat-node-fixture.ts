// Chat nodes in the test's own process, over a real database.
import { PROTOCOL_VERSION } from "@sotto/contracts/protocol-version";
import { type ClientEvent, type FrameAnswer, SOCKET_PATH } from "@sotto/contracts/socket-events";
import { createBus } from "@sotto/platform/bus/create-bus";
import { systemClock } from "@sotto/platform/clock";
import { systemIds } from "@sotto/platform/ids";
import { createLogger } from "@sotto/platform/log";
import { createMetrics } from "@sotto/platform/metrics";
import { startServer } from "@sotto/platform/node-server";
import { completeEvents, type NewEvent } from "@sotto/platform/outbox";
import { startTokenMaker } from "@sotto/testkit/access-tokens";
import { introduce, populate, type Resident } from "@sotto/testkit/population";
import { createTestDatabase } from "@sotto/testkit/postgres";
import pg from "pg";
import { io, type Socket } from "socket.io-client";
import { createChatApp } from "./app.ts";
import { parseChatConfig } from "./config.ts";
import { type ChatContext, createContext } from "./context.ts";
import { serveSockets } from "./socket/server.ts";
import { startNode } from "./start-node.ts";

export const PUBLIC_URL = "http://localhost:8080";

/** Tests do in a second what people do in an hour. */
const NO_LIMITS = JSON.stringify({ "*": "off" });

export type ChatNode = { readonly url: string; readonly context: ChatContext; stop(): Promise<void> };

/** A database, a maker of tokens, and as many chat nodes as a test wants. */
export async function startChatWorld() {
  const database = await createTestDatabase();
  const tokens = await startTokenMaker();
  const owner = new pg.Pool({ connectionString: database.ownerUrl, max: 4 });
  const nodes: ChatNode[] = [];
  const sockets: Socket[] = [];

  return {
    database,
    owner,
    tokens,
    async startNode(settings: Record<string, string> = {}): Promise<ChatNode> {
      const node = await startChatNode(
        { databaseUrl: database.urlFor("chat"), jwksUrl: tokens.jwksUrl },
        settings,
      );
      nodes.push(node);
      return node;
    },
    /** Publishes what happened in another service, as the relay does: nobody else may write to the queues of all. */
    async publish(event: NewEvent): Promise<void> {
      const bus = createBus({
        service: "relay",
        databaseUrl: database.urlFor("relay"),
        log: createLogger({ service: "relay", level: "silent" }),
        metrics: createMetrics(),
      });
      await bus.publish(completeEvents({ clock: systemClock, ids: systemIds }, [event]));
      await bus.close();
    },
    people: (count: number) => populate(owner, count),
    async talk(a: Resident, b: Resident): Promise<string> {
      return (await introduce(owner, [[a, b]]))[0] as string;
    },
    token: (resident: Resident) => tokens.sign(resident.accountId, resident.sessionId),
    /** A socket that has not connected yet; listen first, then `connect`. */
    async socket(
      node: { url: string },
      resident: Resident,
      auth: Record<string, unknown> = {},
    ): Promise<Socket> {
      const socket = io(node.url, {
        path: SOCKET_PATH,
        transports: ["websocket"],
        forceNew: true,
        reconnection: false,
        autoConnect: false,
        auth: {
          token: await tokens.sign(resident.accountId, resident.sessionId),
          deviceId: resident.deviceId,
          protocolVersion: PROTOCOL_VERSION,
          ...auth,
        },
      });
      sockets.push(socket);
      return socket;
    },
    async close(): Promise<void> {
      for (const socket of sockets) socket.disconnect();
      await Promise.all(nodes.map((node) => node.stop()));
      await tokens.close();
      await owner.end();
      await database.drop();
    },
  };
}

export type ChatWorld = Awaited<ReturnType<typeof startChatWorld>>;

async function startChatNode(
  urls: { databaseUrl: string; jwksUrl: string },
  settings: Record<string, string>,
): Promise<ChatNode> {
  const config = parseChatConfig({
    PORT: "0",
    LOG_LEVEL: "fatal",
    DATABASE_URL: urls.databaseUrl,
    JWKS_URL: urls.jwksUrl,
    PUBLIC_URL,
    RATE_LIMITS: NO_LIMITS,
    ...settings,
  });
  const context = createContext(config);
  const serving = await startServer(
    { host: "127.0.0.1", port: 0, log: context.log },
    {
      fetch: createChatApp(context).fetch,
      attach: (server) => serveSockets(context, server),
      ...startNode(context),
    },
  );
  return { url: `http://127.0.0.1:${serving.address.port}`, context, stop: serving.stop };
}

/** The setting of a node that has these limits and no others. */
export function limitTo(limits: Record<string, { burst: number; perMinute: number }>) {
  return { RATE_LIMITS: JSON.stringify({ "*": "off", ...limits }) };
}

/** Connects; rejects with the error of the handshake. */
export function connect(socket: Socket): Promise<Socket> {
  return new Promise((resolve, reject) => {
    socket.once("connect", () => resolve(socket));
    socket.once("connect_error", reject);
    socket.connect();
  });
}

/** Sends a frame and waits for its acknowledgement. */
export function ask<E extends ClientEvent>(
  socket: Socket,
  event: E,
  payload: unknown,
): Promise<FrameAnswer<E>> {
  return socket.timeout(10_000).emitWithAck(event, payload);
}

/** Waits until `check` holds; fails with `what` after ten seconds. */
export async function until(
  what: string,
  check: () => boolean | Promise<boolean>,
  timeoutMs = 10_000,
): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  while (!(await check())) {
    if (performance.now() > deadline) throw new Error(`did not happen in time: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
