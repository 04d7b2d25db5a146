// The floor of `send`: the service's own accepting transaction, called directly, without sockets and senders.
import { randomBytes } from "node:crypto";
import { COMMIT_POOL } from "@sotto/chat-service/messages/commit-pool";
import type { PendingSend } from "@sotto/chat-service/messages/commit-queue";
import { storeBatch } from "@sotto/chat-service/messages/store-batch";
import { systemClock } from "@sotto/platform/clock";
import { createPool } from "@sotto/platform/db";
import { systemIds } from "@sotto/platform/ids";
import { createLogger } from "@sotto/platform/log";
import { v7 } from "uuid";
import type { BenchDatabase } from "./ground.ts";
import type { Village } from "./village.ts";

const LANES = 2;
const BATCH = 128;
const WARM_UP_MS = 500;

interface FloorOptions {
  readonly database: BenchDatabase;
  readonly village: Village;
  readonly seconds: number;
  readonly contentBytes: number;
  readonly envelopeBytes: number;
}

function createBatchMaker({ village, contentBytes, envelopeBytes }: FloorOptions): () => PendingSend[] {
  const content = randomBytes(contentBytes).toString("base64");
  const envelope = randomBytes(envelopeBytes).toString("base64");
  const pick = <T>(items: readonly T[]): T => items[Math.floor(Math.random() * items.length)] as T;
  const one = (): PendingSend => {
    const { conversationId, sender, recipient } = pick(village.acquaintances);
    const { deviceId, registrationId } = recipient;
    return {
      senderAccountId: sender.accountId,
      senderDeviceId: sender.deviceId,
      request: {
        messageId: v7(),
        conversationId,
        content,
        recipients: [
          { accountId: sender.accountId, devices: [] },
          { accountId: recipient.accountId, devices: [{ deviceId, registrationId, envelope }] },
        ],
      },
    };
  };
  return () => Array.from({ length: BATCH }, one);
}

/** Empties the tables that sending fills, so that every measurement starts alike. */
export async function clearMessages({ owner }: BenchDatabase): Promise<void> {
  await owner.query("truncate chat.message, chat.envelope, outbox.event");
  await owner.query("checkpoint");
}

/** Messages per second that the accepting transaction takes, in batches of 128 on two connections. */
export async function measureStoreFloor(options: FloorOptions): Promise<number> {
  await clearMessages(options.database);
  const pool = createPool({
    url: options.database.urlFor("chat"),
    max: LANES,
    applicationName: "bench floor",
    log: createLogger({ service: "bench", level: "warn" }),
    ...COMMIT_POOL,
  });
  const ignore = (): void => undefined;
  const deps = { pool, clock: systemClock, ids: systemIds, onCommitted: ignore, onRepeated: ignore };
  const makeBatch = createBatchMaker(options);
  const fromMs = performance.now() + WARM_UP_MS;
  const toMs = fromMs + options.seconds * 1000;
  let stored = 0;
  const lane = async (): Promise<void> => {
    while (performance.now() < toMs) {
      const outcomes = await storeBatch(deps, makeBatch());
      if (!outcomes.every((outcome) => outcome !== "retry" && "accepted" in outcome))
        throw new Error("the floor's messages were not accepted");
      const nowMs = performance.now();
      if (nowMs >= fromMs && nowMs < toMs) stored += outcomes.length;
    }
  };
  try {
    await Promise.all(Array.from({ length: LANES }, lane));
  } finally {
    await pool.end();
  }
  return stored / options.seconds;
}
