import { AppError } from "@sotto/platform/app-error";
import type pg from "pg";
import { deleteEnvelopes, type MailboxKey } from "./mailbox-queries.ts";

export interface AcknowledgeQueue {
  /** Deletes envelopes from a device's mailbox. Resolves with how many there were, once they are gone. */
  add(deviceId: string, envelopeIds: readonly number[]): Promise<number>;
}

type Waiting = {
  deviceId: string;
  envelopeIds: readonly number[];
  resolve(deleted: number): void;
  reject(error: unknown): void;
};

/** Acknowledgements that wait at most; each holds at most 256 ids. */
const MAX_WAITING = 20_000;
const IDS_PER_STATEMENT = 4096;

/**
 * Acknowledgements of all devices, deleted together, one statement at a time.
 * A deletion lost in a crash is harmless: the envelope is delivered again and the device knows it.
 */
export function createAcknowledgeQueue(deps: {
  pool: pg.Pool;
  /** Called after the deletion, before the device is answered. */
  onDeleted(deviceId: string, envelopeIds: readonly number[]): void;
}): AcknowledgeQueue {
  let waiting: Waiting[] = [];
  let running = false;

  async function run(): Promise<void> {
    while (waiting.length > 0) {
      const batch = takeBatch(waiting);
      waiting = waiting.slice(batch.length);
      await deleteBatch(deps, batch);
    }
    running = false;
  }

  return {
    add(deviceId, envelopeIds) {
      if (waiting.length >= MAX_WAITING) {
        return Promise.reject(
          new AppError("overloaded", "Too many acknowledgements wait.", { retryAfterSeconds: 1 }),
        );
      }
      return new Promise((resolve, reject) => {
        waiting.push({ deviceId, envelopeIds, resolve, reject });
        if (running) return;
        running = true;
        setImmediate(run);
      });
    },
  };
}

function takeBatch(waiting: readonly Waiting[]): Waiting[] {
  let ids = 0;
  const end = waiting.findIndex(({ envelopeIds }) => {
    ids += envelopeIds.length;
    return ids > IDS_PER_STATEMENT;
  });
  return waiting.slice(0, end === -1 ? waiting.length : Math.max(1, end));
}

async function deleteBatch(
  deps: { pool: pg.Pool; onDeleted(deviceId: string, envelopeIds: readonly number[]): void },
  batch: readonly Waiting[],
): Promise<void> {
  try {
    const deleted = await deleteEnvelopes(deps.pool, batch.flatMap(toKeys));
    for (const { deviceId, envelopeIds, resolve } of batch) {
      deps.onDeleted(deviceId, envelopeIds);
      // Of two acknowledgements of one device in one batch the first is told the sum; ids are never counted twice.
      resolve(deleted.get(deviceId) ?? 0);
      deleted.delete(deviceId);
    }
  } catch (error) {
    for (const { reject } of batch) reject(error);
  }
}

function toKeys({ deviceId, envelopeIds }: Waiting): MailboxKey[] {
  return envelopeIds.map((envelopeId) => ({ deviceId, envelopeId }));
}
