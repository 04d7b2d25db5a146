import { deviceMismatch, type MessageAccepted } from "@sotto/contracts/message-api";
import { backoffMs, sendBackoff } from "../backoff.ts";
import type { ClientContext } from "../client-context.ts";
import { tendKeys } from "../devices/key-upkeep.ts";
import type { People } from "../devices/people.ts";
import type { MessageContent } from "../message-content.ts";
import { findConversation } from "../rows/conversation-rows.ts";
import { findMessageAt, updateMessage } from "../rows/message-rows.ts";
import { deleteQueuedSend, findQueuedSend, listQueuedSends, type QueuedSend } from "../rows/queue-rows.ts";
import { hasCode, SottoError } from "../sotto-error.ts";
import { prepareSend, unprepare } from "./prepare-send.ts";
import { queueMessage } from "./queue-message.ts";
import { judgeSend, MAX_REPAIRS } from "./send-rules.ts";
import type { SendTransport } from "./transport.ts";

type Deps = ClientContext & { readonly people: People; readonly transport: SendTransport };

export type SentMessage = {
  readonly messageId: string;
  /**
   * Resolves when the server has it for good; rejects with the SottoError that refused it for good. Rejects with
   * `closed`, `signed_out` or `superseded` when this client can do no more about it: the message stays queued, and is
   * sent after the next sign-in or by the next client of this store.
   */
  readonly accepted: Promise<{ readonly acceptedAt: string }>;
};

type Lane = {
  readonly numbers: number[];
  failures: number;
  repairs: number;
  isRunning: boolean;
  /** Something came while it ran: it must look again before it rests. */
  isWoken: boolean;
  stopTimer: (() => void) | undefined;
};

type Pause = { readonly pauseMs: number | undefined };
const REST: Pause = { pauseMs: undefined };

/**
 * Sends what is queued: one message of a conversation at a time, in order, and the conversations side by side.
 * The queue is in the store; this object holds only what is under way.
 */
export class SendQueue {
  readonly #deps: Deps;
  readonly #lanes = new Map<string, Lane>();
  readonly #waiters = new Map<number, PromiseWithResolvers<{ acceptedAt: string }>>();
  readonly #running = new Set<Promise<void>>();
  #halt: SottoError | undefined;
  #isClosed = false;

  constructor(deps: Deps) {
    this.#deps = deps;
  }

  /** Takes up what an earlier process left. */
  async load(): Promise<void> {
    for (const send of await listQueuedSends(this.#deps.store)) this.#laneOf(send).numbers.push(send.number);
  }

  /** When this resolves the message is durable, and will be sent by this process or a later one. */
  async enqueue(conversationId: string, plain: MessageContent): Promise<SentMessage> {
    if (this.#isClosed) throw new SottoError("closed", "The client is closed");
    const send = await this.#deps.transact((tx) => queueMessage(tx, this.#deps, conversationId, plain));
    const waiter = Promise.withResolvers<{ acceptedAt: string }>();
    // A caller who does not look at `accepted` must not crash of it; the event `refused` tells too.
    waiter.promise.catch(() => undefined);
    this.#waiters.set(send.number, waiter);
    this.adopt([send]);
    if (this.#halt !== undefined) this.#rejectWaiters(this.#halt);
    return { messageId: send.messageId, accepted: waiter.promise };
  }

  /** Sends what `queueMessage` has queued, in a transaction that is committed. */
  adopt(sends: readonly QueuedSend[]): void {
    for (const send of sends) {
      const lane = this.#laneOf(send);
      lane.numbers.push(send.number);
      this.#run(send.conversationId, lane);
    }
  }

  /** Tries everything again now: the connection is back, or the user has signed in. */
  wake(): void {
    for (const [conversationId, lane] of this.#lanes) {
      lane.failures = 0;
      this.#run(conversationId, lane);
    }
  }

  /** Sends nothing until `resume`; what is queued stays queued, and nobody waits for it. */
  halt(error: SottoError): void {
    this.#halt = error;
    for (const lane of this.#lanes.values()) lane.stopTimer?.();
    this.#rejectWaiters(error);
  }

  resume(): void {
    if (this.#halt === undefined) return;
    this.#halt = undefined;
    this.wake();
  }

  /** Ends after the attempts under way; what is queued stays queued. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.halt(new SottoError("closed", "The client was closed; the message is queued"));
    await Promise.all(this.#running);
  }

  #rejectWaiters(error: SottoError): void {
    for (const waiter of this.#waiters.values()) waiter.reject(error);
    this.#waiters.clear();
  }

  #laneOf({ conversationId }: QueuedSend): Lane {
    const known = this.#lanes.get(conversationId);
    if (known !== undefined) return known;
    const lane: Lane = {
      numbers: [],
      failures: 0,
      repairs: 0,
      isRunning: false,
      isWoken: false,
      stopTimer: undefined,
    };
    this.#lanes.set(conversationId, lane);
    return lane;
  }

  #run(conversationId: string, lane: Lane): void {
    lane.isWoken = true;
    if (lane.isRunning || this.#halt !== undefined) return;
    lane.stopTimer?.();
    lane.stopTimer = undefined;
    lane.isRunning = true;
    lane.isWoken = false;
    const run = this.#drain(lane)
      .catch((error: unknown) => {
        this.#deps.events.emit("trouble", { error });
        return { pauseMs: this.#pauseMs(lane, error) };
      })
      .then(({ pauseMs }) => {
        lane.isRunning = false;
        this.#running.delete(run);
        const delayMs = pauseMs ?? (lane.isWoken ? 0 : undefined);
        if (delayMs !== undefined) this.#resumeLater(conversationId, lane, delayMs);
      });
    this.#running.add(run);
  }

  #resumeLater(conversationId: string, lane: Lane, pauseMs: number): void {
    if (this.#halt !== undefined) return;
    lane.stopTimer = this.#deps.clock.after(pauseMs, () => this.#run(conversationId, lane));
  }

  /** Sends until the lane is empty, must pause, or (without a `pauseMs`) must rest until it is woken. */
  async #drain(lane: Lane): Promise<Pause> {
    for (;;) {
      const [number] = lane.numbers;
      if (number === undefined || this.#halt !== undefined) return REST;
      const send = await findQueuedSend(this.#deps.store, number);
      if (send !== undefined) {
        const pause = await this.#attempt(lane, send);
        if (pause !== undefined) return pause;
      }
      lane.numbers.shift();
      lane.failures = 0;
      lane.repairs = 0;
    }
  }

  /** Undefined when the send is settled, one way or the other. */
  async #attempt(lane: Lane, send: QueuedSend): Promise<Pause | undefined> {
    try {
      const request = await prepareSend(this.#deps, send);
      await this.#settleAccepted(send, await this.#deps.transport(request));
      return undefined;
    } catch (error) {
      return this.#handleFailure(lane, send, error);
    }
  }

  async #handleFailure(lane: Lane, send: QueuedSend, error: unknown): Promise<Pause | undefined> {
    const verdict = judgeSend(error);
    if (!(error instanceof SottoError)) this.#deps.events.emit("trouble", { error });
    if (this.#halt !== undefined || verdict === "wait") return REST;
    if (verdict === "refuse") {
      await this.#settleRefused(send, error);
      return undefined;
    }
    lane.failures += 1;
    if (verdict === "repair") return this.#repair(lane, send, error);
    if (verdict === "upkeep") await tendKeys(this.#deps);
    return { pauseMs: this.#pauseMs(lane, error) };
  }

  async #repair(lane: Lane, send: QueuedSend, error: unknown): Promise<Pause | undefined> {
    lane.repairs += 1;
    try {
      if (lane.repairs > MAX_REPAIRS) throw error;
      await this.#followDeviceSet(send, error);
    } catch (failure) {
      if (judgeSend(failure) !== "refuse" && failure !== error)
        return { pauseMs: this.#pauseMs(lane, failure) };
      await this.#settleRefused(send, failure);
      return undefined;
    }
    // The first repairs at once: a linked device is an everyday event.
    return { pauseMs: lane.repairs <= 2 ? 0 : this.#pauseMs(lane, error) };
  }

  async #followDeviceSet(send: QueuedSend, error: unknown): Promise<void> {
    const { store, transact, people } = this.#deps;
    const mismatch = deviceMismatch.safeParse(hasCode(error, "device_mismatch") ? error.details : undefined);
    if (!mismatch.success) throw new SottoError("bad_answer", "The server does not say which devices differ");
    const members = (await findConversation(store, send.conversationId))?.members ?? [];
    if (mismatch.data.some(({ accountId, missing }) => missing.length > 0 && !members.includes(accountId))) {
      throw new SottoError(
        "membership_changed",
        "The server wants an account to read that is no member here",
      );
    }
    const refreshed = mismatch.data.filter(({ accountId }) => members.includes(accountId));
    await Promise.all(refreshed.map(({ accountId }) => people.refresh(accountId)));
    const stale = mismatch.data.flatMap(({ accountId, stale: devices }) =>
      devices.map(({ deviceId }) => ({ accountId, deviceId })),
    );
    await transact((tx) => unprepare(tx, send.number, stale));
  }

  #pauseMs(lane: Lane, error: unknown): number {
    const retryAfter = error instanceof SottoError ? error.retryAfterSeconds : undefined;
    return backoffMs(sendBackoff, lane.failures, this.#deps.clock.random(), retryAfter);
  }

  async #settleAccepted(send: QueuedSend, { acceptedAt }: MessageAccepted): Promise<void> {
    const { transact, events } = this.#deps;
    await transact(async (tx) => {
      const row = send.place === undefined ? undefined : await findMessageAt(tx, send.place);
      if (row !== undefined) updateMessage(tx, { ...row, state: "accepted", acceptedAt });
      deleteQueuedSend(tx, send.number);
    });
    this.#takeWaiter(send)?.resolve({ acceptedAt });
    if (send.place === undefined) return;
    const { messageId, conversationId } = send;
    events.emit("accepted", { messageId, conversationId, acceptedAt });
  }

  async #settleRefused(send: QueuedSend, cause: unknown): Promise<void> {
    const { transact, events } = this.#deps;
    const error = toSottoError(cause);
    await transact(async (tx) => {
      const row = send.place === undefined ? undefined : await findMessageAt(tx, send.place);
      if (row !== undefined) updateMessage(tx, { ...row, state: "refused", problem: error.code });
      deleteQueuedSend(tx, send.number);
    });
    this.#takeWaiter(send)?.reject(error);
    const { messageId, conversationId } = send;
    if (send.place === undefined) events.emit("trouble", { error });
    else events.emit("refused", { messageId, conversationId, error });
  }

  #takeWaiter({ number }: QueuedSend) {
    const waiter = this.#waiters.get(number);
    this.#waiters.delete(number);
    return waiter;
  }
}

function toSottoError(error: unknown): SottoError {
  if (error instanceof SottoError) return error;
  return new SottoError("internal", "The message could not be encrypted", { cause: error });
}
