import type { MessageAccepted, SendMessageRequest } from "@sotto/contracts/message-api";
import { AppError, toAppError } from "@sotto/platform/app-error";

/** A message that waits to be stored, from a device whose session was checked. */
export type PendingSend = {
  readonly senderAccountId: string;
  readonly senderDeviceId: string;
  readonly request: SendMessageRequest;
};

/** What became of one message of a batch; `retry` goes back to the head of its lane. */
export type SendOutcome = { accepted: MessageAccepted } | { refused: AppError } | "retry";

export type StoreBatch = (batch: readonly PendingSend[]) => Promise<readonly SendOutcome[]>;

export interface CommitQueue {
  /** Resolves when the message is durable. @throws AppError, `overloaded` when too much waits already. */
  add(send: PendingSend): Promise<MessageAccepted>;
  /** Messages that wait or are being stored. */
  readonly depth: number;
  /** Resolves when everything that was added has been answered. */
  drain(): Promise<void>;
}

type Waiting = PendingSend & {
  readonly bytes: number;
  resolve(accepted: MessageAccepted): void;
  reject(error: unknown): void;
};

export type CommitQueueOptions = {
  store: StoreBatch;
  /** Batches in flight at once, each on a connection of its own. A sending device always uses the same lane. */
  lanes: number;
  maxBatch: number;
  /** Characters of content and envelopes in one batch; a batch always has one message at least. */
  maxBatchBytes: number;
  maxWaiting: number;
  maxWaitingBytes: number;
};

/**
 * Group commit: everything that arrived while a lane's last batch was in flight becomes its next batch.
 * The order of one device is kept, because it has one lane and a lane stores one batch at a time.
 */
export function createCommitQueue(options: CommitQueueOptions): CommitQueue {
  let depth = 0;
  let bytes = 0;
  let idle: (() => void)[] = [];
  const settle = (items: readonly Waiting[]) => {
    depth -= items.length;
    for (const item of items) bytes -= item.bytes;
    if (depth > 0) return;
    for (const resolve of idle) resolve();
    idle = [];
  };
  const lanes = Array.from({ length: options.lanes }, () => createLane(options, settle));
  return {
    add(send) {
      const size = sizeOf(send.request);
      if (depth >= options.maxWaiting || bytes + size > options.maxWaitingBytes) {
        return Promise.reject(
          new AppError("overloaded", "Too many messages wait to be stored.", { retryAfterSeconds: 1 }),
        );
      }
      depth += 1;
      bytes += size;
      const lane = lanes[laneOf(send.senderDeviceId, lanes.length)];
      return new Promise((resolve, reject) => lane?.push({ ...send, bytes: size, resolve, reject }));
    },
    get depth() {
      return depth;
    },
    drain: () => (depth === 0 ? Promise.resolve() : new Promise((resolve) => idle.push(resolve))),
  };
}

function laneOf(deviceId: string, lanes: number): number {
  return Number.parseInt(deviceId.slice(-4), 16) % lanes;
}

function sizeOf(request: SendMessageRequest): number {
  let size = request.content.length;
  for (const { devices } of request.recipients) for (const { envelope } of devices) size += envelope.length;
  return size;
}

function createLane(options: CommitQueueOptions, settle: Settle) {
  let waiting: Waiting[] = [];
  let running = false;

  async function run(): Promise<void> {
    while (waiting.length > 0) {
      const batch = takeBatch(waiting, options);
      waiting = waiting.slice(batch.length);
      const { unanswered, outage } = await storeOrSplit(batch, options.store, settle);
      waiting = [...unanswered, ...waiting];
      if (outage) refuseWaiting(outage.error);
    }
    running = false;
  }

  /** Whoever waits for a database that is away would wait for a connection once for each batch before. */
  function refuseWaiting(error: unknown): void {
    const refused = waiting;
    waiting = [];
    refuse(refused, error, settle);
  }

  return {
    push(item: Waiting): void {
      waiting.push(item);
      // Not at once, so that frames which arrived together share the first batch.
      if (!running) {
        running = true;
        setImmediate(run);
      }
    },
  };
}

function takeBatch(waiting: readonly Waiting[], { maxBatch, maxBatchBytes }: CommitQueueOptions): Waiting[] {
  let bytes = 0;
  const batch: Waiting[] = [];
  for (const item of waiting) {
    bytes += item.bytes;
    if (batch.length > 0 && (batch.length >= maxBatch || bytes > maxBatchBytes)) break;
    batch.push(item);
  }
  return batch;
}

type Settle = (items: readonly Waiting[]) => void;

/** `unanswered` must be stored again, but for an outage. */
type Rest = { unanswered: readonly Waiting[]; outage?: { error: unknown } };

/**
 * Stores a batch and answers its senders. A batch that lost against another transaction is tried once more; one that
 * the database refuses for what is in it is halved until only the culprit fails.
 */
async function storeOrSplit(
  batch: readonly Waiting[],
  store: StoreBatch,
  settle: Settle,
  isSecondTry = false,
): Promise<Rest> {
  try {
    return { unanswered: answer(batch, await store(batch), settle) };
  } catch (error) {
    if (isLostRace(error) && !isSecondTry) return storeOrSplit(batch, store, settle, true);
    if (isOutage(error)) return { unanswered: batch, outage: { error } };
    if (batch.length > 1 && isDataError(error)) return split(batch, store, settle);
    refuse(batch, error, settle);
    return { unanswered: [] };
  }
}

async function split(batch: readonly Waiting[], store: StoreBatch, settle: Settle): Promise<Rest> {
  const middle = Math.ceil(batch.length / 2);
  const first = await storeOrSplit(batch.slice(0, middle), store, settle);
  const rest = batch.slice(middle);
  // What must be tried again may be of the same device as what stands behind it, and goes first.
  if (first.unanswered.length > 0) return { ...first, unanswered: [...first.unanswered, ...rest] };
  return storeOrSplit(rest, store, settle);
}

function refuse(items: readonly Waiting[], error: unknown, settle: Settle): void {
  for (const item of items) item.reject(error);
  settle(items);
}

function answer(batch: readonly Waiting[], outcomes: readonly SendOutcome[], settle: Settle): Waiting[] {
  const again: Waiting[] = [];
  const settled: Waiting[] = [];
  for (const [index, item] of batch.entries()) {
    const outcome = outcomes[index] ?? "retry";
    if (outcome === "retry") {
      again.push(item);
      continue;
    }
    settled.push(item);
    if ("accepted" in outcome) item.resolve(outcome.accepted);
    else item.reject(outcome.refused);
  }
  settle(settled);
  return again;
}

function hasState(error: unknown, states: RegExp): boolean {
  const { code } = error as { code?: unknown };
  return typeof code === "string" && states.test(code);
}

/** SQLSTATE classes of what is the input's fault; of all else halving would cure nothing. */
function isDataError(error: unknown): boolean {
  return hasState(error, /^(22|23|54)/);
}

/** A serialization failure or a deadlock. */
function isLostRace(error: unknown): boolean {
  return hasState(error, /^(40001|40P01)$/);
}

/** The database is away for everybody. A lost race, and a statement that took too long, are of one batch. */
function isOutage(error: unknown): boolean {
  return toAppError(error).code === "unavailable" && !hasState(error, /^(40...|55P03|57014)$/);
}
