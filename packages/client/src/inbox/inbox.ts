import type { InboxEnvelope } from "@sotto/contracts/message-api";
import { dropUsedPrekeys } from "@sotto/e2ee/upkeep";
import { backoffMs, sendBackoff } from "../backoff.ts";
import type { ClientContext } from "../client-context.ts";
import type { People } from "../devices/people.ts";
import { takeHeld } from "../rows/held-rows.ts";
import { findDevice, findPerson } from "../rows/person-rows.ts";
import { hasCode } from "../sotto-error.ts";
import type { MessageFeed } from "./message-feed.ts";
import { type FrameOutcome, processFrame } from "./process-frame.ts";

type Deps = ClientContext & {
  readonly people: People;
  readonly feed: MessageFeed;
  /** Looks up what senders say they are called; best effort. */
  learnNames(names: ReadonlyMap<string, string>): Promise<void>;
  /** Asks for, and answers, messages that could not be opened. */
  heal(outcome: FrameOutcome): Promise<void>;
};

/** After so many failures of one frame, what fails in it becomes a placeholder. */
const STRICT_ATTEMPTS = 3;

/** How the envelopes of one frame are acknowledged: over the connection they came by. */
export type Acknowledge = (envelopeIds: readonly number[]) => Promise<void>;

/**
 * Takes frames of envelopes one after the other. A frame is acknowledged after its transaction is durable, never
 * before; one that cannot be processed now (no network for a device list, a full disk) is tried again while its
 * connection lives. The server delivers again whatever was not acknowledged.
 */
export class Inbox {
  readonly #deps: Deps;
  #tail: Promise<void> = Promise.resolve();
  #isCatchingUp = true;
  #isClosed = false;
  #endPause: () => void = () => {};

  constructor(deps: Deps) {
    this.#deps = deps;
  }

  /** `isWanted` turns false when the connection that brought the frame is gone. */
  take(
    envelopes: readonly InboxEnvelope[],
    acknowledge: Acknowledge,
    isWanted: () => boolean,
  ): Promise<void> {
    return this.#enqueue(() => this.#processUntilDone(envelopes, acknowledge, isWanted));
  }

  /** A backlog follows: used one-time keys are kept until it is through, since first messages may repeat. */
  beginCatchUp(): void {
    this.#isCatchingUp = true;
  }

  /** The backlog is through. */
  endCatchUp(): Promise<void> {
    return this.#enqueue(async () => {
      this.#isCatchingUp = false;
      await this.#deps.transact((tx) => dropUsedPrekeys(tx));
    });
  }

  /** Opens what was held back while the account key of its sender was not accepted. */
  releaseHeld(accountId: string): Promise<void> {
    return this.#enqueue(async () => {
      const outcome = await this.#deps.transact(async (tx) => {
        const held = await takeHeld(tx, accountId);
        return processFrame(tx, held, { keepUsedPrekeys: this.#isCatchingUp, isTolerant: true });
      });
      await this.#announce(outcome);
    });
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#endPause();
    await this.#tail;
  }

  async #pause(pauseMs: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const cancel = this.#deps.clock.after(pauseMs, resolve);
    this.#endPause = () => {
      cancel();
      resolve();
    };
    await promise;
  }

  #enqueue(work: () => Promise<void>): Promise<void> {
    const done = this.#tail.then(() => (this.#isClosed ? undefined : work()));
    this.#tail = done.catch((error: unknown) => this.#deps.events.emit("trouble", { error }));
    return done;
  }

  async #processUntilDone(
    envelopes: readonly InboxEnvelope[],
    acknowledge: Acknowledge,
    isWanted: () => boolean,
  ): Promise<void> {
    const { clock, events } = this.#deps;
    for (let attempt = 1; isWanted() && !this.#isClosed; attempt++) {
      try {
        await this.#process(envelopes, acknowledge, attempt);
        return;
      } catch (error) {
        events.emit("trouble", { error });
        const pauseMs = backoffMs(sendBackoff, attempt, clock.random());
        await this.#pause(pauseMs);
      }
    }
  }

  async #process(
    envelopes: readonly InboxEnvelope[],
    acknowledge: Acknowledge,
    attempt: number,
  ): Promise<void> {
    await this.#meetSenders(envelopes);
    const options = { keepUsedPrekeys: this.#isCatchingUp, isTolerant: attempt > STRICT_ATTEMPTS };
    const outcome = await this.#deps.transact((tx) => processFrame(tx, envelopes, options));
    // From here on the frame is durable: whatever fails now, it is not processed again.
    await acknowledge(envelopes.map(({ envelopeId }) => envelopeId)).catch((error: unknown) =>
      this.#deps.events.emit("trouble", { error }),
    );
    await this.#announce(outcome);
  }

  /** Fetches, once per account, the lists of senders that a known list does not name. */
  async #meetSenders(envelopes: readonly InboxEnvelope[]): Promise<void> {
    const strangers = new Set<string>();
    for (const { senderAccountId, senderDeviceId } of envelopes) {
      const person = await findPerson(this.#deps.store, senderAccountId);
      if (findDevice(person, senderDeviceId) === undefined) strangers.add(senderAccountId);
    }
    await Promise.all([...strangers].map((accountId) => this.#meet(accountId)));
  }

  async #meet(accountId: string): Promise<void> {
    try {
      await this.#deps.people.refresh(accountId);
    } catch (error) {
      // The server cannot show who that is: the envelope becomes a placeholder. No answer at all is tried again.
      if (!hasCode(error, "device_list_invalid", "not_found", "forbidden", "bad_request")) throw error;
      this.#deps.events.emit("trouble", { error });
    }
  }

  async #announce(outcome: FrameOutcome): Promise<void> {
    const { events, feed, heal, learnNames } = this.#deps;
    await learnNames(outcome.names);
    if (outcome.shown > 0) feed.notify();
    for (const { messageId, conversationId, senderAccountId, problem } of outcome.undecryptable) {
      const code = problem ?? "unknown";
      events.emit("undecryptable", { messageId, conversationId, senderAccountId, problem: code });
    }
    await heal(outcome);
  }
}
