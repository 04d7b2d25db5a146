import { createAdapter } from "@socket.io/postgres-adapter";
import type { PrekeyStock } from "@sotto/contracts/device-api";
import type { CloseReason } from "@sotto/contracts/socket-events";
import { toAppError } from "@sotto/platform/app-error";
import type { Bus } from "@sotto/platform/bus/bus";
import { createBus } from "@sotto/platform/bus/create-bus";
import { type Clock, systemClock } from "@sotto/platform/clock";
import { createDatabase, createPool } from "@sotto/platform/db";
import type { ChatDatabase } from "@sotto/platform/db-types/chat";
import { type Edge, edgeOf } from "@sotto/platform/edge";
import { type Ids, systemIds } from "@sotto/platform/ids";
import { createLimits, type Limits } from "@sotto/platform/limits";
import { createLogger, type Logger } from "@sotto/platform/log";
import { createMetrics, type Registry } from "@sotto/platform/metrics";
import { createTokenVerifier, remoteKeys, type TokenVerifier } from "@sotto/platform/token-verifier";
import type { JWTVerifyGetKey } from "jose";
import type { Kysely } from "kysely";
import type pg from "pg";
import type { Server } from "socket.io";
import { addChatGauges, type ChatMetrics, createChatMetrics } from "./chat-metrics.ts";
import type { ChatConfig } from "./config.ts";
import { type Audiences, createAudiences } from "./conversations/audiences.ts";
import { type AcknowledgeQueue, createAcknowledgeQueue } from "./delivery/acknowledge-queue.ts";
import { createAdapterPool } from "./delivery/adapter-pool.ts";
import { type Connections, createConnections } from "./delivery/connections.ts";
import { deliverCommitted, readMailboxes } from "./delivery/deliver-committed.ts";
import { createDepartures, type Departures } from "./delivery/departures.ts";
import { createMailboxReader, type MailboxReader } from "./delivery/mailbox-reader.ts";
import { createNodeLink, type NodeLink } from "./delivery/node-link.ts";
import type { DeviceSession } from "./devices/device-context.ts";
import { INDEXES_ONLY } from "./indexes-only.ts";
import type { ChatLimit } from "./limits.ts";
import { COMMIT_POOL } from "./messages/commit-pool.ts";
import { type CommitQueue, createCommitQueue } from "./messages/commit-queue.ts";
import { type StoreBatchDeps, storeBatch } from "./messages/store-batch.ts";
import { createNodeLimits, type NodeLimits } from "./node-limits.ts";
import { createNotificationNews, type NotificationNews } from "./notifications/notification-news.ts";
import { createPeopleNews, type PeopleNews } from "./people/people-news.ts";
import { createFrameGate, type FrameGate } from "./socket/frame-gate.ts";
import { createSocketServer } from "./socket/server.ts";

export interface ChatContext {
  readonly config: ChatConfig;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly log: Logger;
  readonly metrics: Registry;
  /** What this node counts; scraped through `metrics`. */
  readonly figures: ChatMetrics;
  readonly db: Kysely<ChatDatabase>;
  readonly pool: pg.Pool;
  readonly bus: Bus;
  readonly verifier: TokenVerifier;
  /** Origin (RFC 6454) of the pages that may act by cookie. */
  readonly publicOrigin: string;
  readonly edge: Edge;
  readonly limits: Limits<ChatLimit>;
  readonly nodeLimits: NodeLimits;
  readonly io: Server;
  readonly frames: FrameGate;
  readonly node: { readonly id: string; readonly name: string };
  readonly connections: Connections;
  readonly departures: Departures;
  readonly audiences: Audiences;
  readonly news: PeopleNews;
  readonly listNews: NotificationNews;
  readonly reader: MailboxReader;
  readonly link: NodeLink;
  readonly commitQueue: CommitQueue;
  readonly acknowledgeQueue: AcknowledgeQueue;
  /** Tells a device, wherever it is connected, that its one-time keys run out. */
  keysLow(deviceId: string, stock: PrekeyStock): void;
  /** Ends the connections that one session of a device has, wherever they are. */
  closeDevice(ended: DeviceSession, reason: CloseReason): void;
  close(): Promise<void>;
}

/** Notifications that wait for a connection of the adapter's pool, before more are left out. */
const MAX_WAITING_HINTS = 200;

const POOL = { general: 8, adapter: 4, mailbox: 3 } as const;

/** Time, identity, and the keys that verify access tokens. */
export type ChatSources = { clock: Clock; ids: Ids; keys: JWTVerifyGetKey };

/** Everything the chat service works with; connects lazily, so that it starts while a dependency is away. */
export function createContext(config: ChatConfig, sources: Partial<ChatSources> = {}): ChatContext {
  const log = createLogger({ service: config.NODE_NAME, level: config.LOG_LEVEL });
  const metrics = createMetrics();
  const figures = createChatMetrics(metrics);
  const ground = {
    config,
    log,
    clock: sources.clock ?? systemClock,
    ids: sources.ids ?? systemIds,
    metrics,
    figures,
    node: { id: config.nodeId, name: config.NODE_NAME },
    publicOrigin: new URL(config.PUBLIC_URL).origin,
    edge: edgeOf(config),
  };
  const pools = createPools(config, log);
  const {
    db,
    pool,
    close: closeDatabase,
  } = createDatabase<ChatDatabase>({
    url: config.DATABASE_URL,
    max: POOL.general,
    applicationName: config.NODE_NAME,
    log,
  });
  const bus = createBus({
    service: config.NODE_NAME,
    brokerUrl: config.MESSAGE_BROKER_URL,
    brokerCa: config.MESSAGE_BROKER_CA,
    databaseUrl: config.DATABASE_URL,
    log,
    metrics,
  });
  const { close: closeDelivery, ...delivery } = createDelivery(pools, ground);
  const commitQueue = createCommit(pools.commit, ground, delivery);
  const audiences = createAudiences(db);
  addChatGauges(metrics, { connections: delivery.connections, commitQueue });
  return {
    ...ground,
    ...delivery,
    frames: createFrameGate(),
    departures: createDepartures({ pool, log }),
    db,
    pool,
    bus,
    verifier: createTokenVerifier({ keys: sources.keys ?? remoteKeys(config.JWKS_URL), clock: ground.clock }),
    limits: createLimits<ChatLimit>(config.RATE_LIMITS, { pool, schema: "chat", clock: ground.clock, log }),
    nodeLimits: createNodeLimits(config.RATE_LIMITS, ground.clock),
    audiences,
    news: createPeopleNews({ ...delivery, audiences }),
    listNews: createNotificationNews(delivery),
    commitQueue,
    close: async () => {
      await bus.close();
      await Promise.all([closeDatabase(), closeDelivery(), pools.commit.end(), pools.mailbox.end()]);
    },
  };
}

type Delivery = Pick<
  ChatContext,
  "io" | "connections" | "reader" | "link" | "acknowledgeQueue" | "keysLow" | "closeDevice"
>;

function createDelivery(
  pools: { adapter: pg.Pool; mailbox: pg.Pool },
  { log, figures, edge }: Pick<ChatContext, "log" | "figures" | "edge">,
): Delivery & { close(): Promise<void> } {
  const connections = createConnections();
  const io = createSocketServer(edge);
  const reader = createMailboxReader({ pool: pools.mailbox, log, figures, nextTick: connections.nextTick });
  const adapterPool = createAdapterPool(pools.adapter, log, () => {
    for (const connection of connections.all()) reader.request(connection);
  });
  io.adapter(createAdapter(adapterPool.pool, adapterOptions(log)));
  const link = createNodeLink({
    ...{ io, log, figures },
    isCongested: () => pools.adapter.waitingCount > MAX_WAITING_HINTS,
  });
  const acknowledgeQueue = createAcknowledgeQueue({
    pool: pools.mailbox,
    onDeleted: (deviceId, envelopeIds) => {
      figures.acknowledged.inc(envelopeIds.length);
      const connection = connections.get(deviceId);
      connection?.acknowledged(envelopeIds);
      if (connection?.wantsRead) reader.request(connection);
    },
  });
  return {
    io,
    connections,
    link,
    reader,
    acknowledgeQueue,
    keysLow(deviceId, stock) {
      const connection = connections.get(deviceId);
      if (connection) connection.sink.keysLow(stock);
      else link.keysLow(deviceId, stock);
    },
    closeDevice(ended, reason) {
      connections.close(ended, reason);
      link.close(ended, reason);
    },
    close: () => adapterPool.end(),
  };
}

type Ground = Pick<ChatContext, "config" | "clock" | "ids" | "figures">;

const COMMIT_BATCH_BYTES = 8 * 1024 * 1024;

function createCommit(
  pool: pg.Pool,
  { config, clock, ids, figures }: Ground,
  delivery: Delivery,
): CommitQueue {
  const deps: StoreBatchDeps = {
    pool,
    clock,
    ids,
    onCommitted: (committed) => deliverCommitted({ ...delivery, figures }, committed),
    onRepeated: ({ recipients }) => {
      const deviceIds = recipients.flatMap(({ devices }) => devices.map(({ deviceId }) => deviceId));
      readMailboxes(delivery, deviceIds);
      delivery.link.mail(deviceIds);
    },
  };
  const queue = createCommitQueue({
    store: (batch) => {
      figures.batchSize.observe(batch.length);
      return storeBatch(deps, batch).finally(figures.storeSeconds.startTimer());
    },
    lanes: config.COMMIT_LANES,
    maxBatch: config.COMMIT_BATCH,
    maxBatchBytes: COMMIT_BATCH_BYTES,
    maxWaiting: config.COMMIT_WAITING,
    maxWaitingBytes: config.COMMIT_WAITING_MIB * 1024 * 1024,
  });
  return countSends(queue, figures);
}

function countSends(queue: CommitQueue, { accepted, refused }: ChatMetrics): CommitQueue {
  return {
    async add(send) {
      try {
        const answer = await queue.add(send);
        accepted.inc();
        return answer;
      } catch (error) {
        refused.inc({ code: toAppError(error).code });
        throw error;
      }
    },
    get depth() {
      return queue.depth;
    },
    drain: queue.drain,
  };
}

function createPools(config: ChatConfig, log: Logger) {
  const common = { url: config.DATABASE_URL, log };
  return {
    commit: createPool({
      ...common,
      max: config.COMMIT_LANES,
      applicationName: `${config.NODE_NAME} commit`,
      ...COMMIT_POOL,
    }),
    // Acknowledgements need not survive a crash: what they deleted is delivered again, and recognised.
    mailbox: createPool({
      ...common,
      max: POOL.mailbox,
      applicationName: `${config.NODE_NAME} mailbox`,
      settings: { ...INDEXES_ONLY, synchronous_commit: "off" },
    }),
    adapter: createPool({
      ...common,
      url: config.ADAPTER_DATABASE_URL ?? config.DATABASE_URL,
      max: POOL.adapter,
      applicationName: `${config.NODE_NAME} adapter`,
    }),
  };
}

function adapterOptions(log: Logger) {
  return {
    tableName: "chat.socket_io_attachments",
    // A payload of 8000 bytes is refused by PostgreSQL.
    payloadThreshold: 7000,
    errorHandler: (error: Error) => log.warn({ err: error }, "a hint to the other nodes was lost"),
  };
}
