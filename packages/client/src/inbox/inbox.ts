import type { InboxEnvelope } from "@sotto/contracts/message-api";
import { dropUsedPrekeys } from "@sotto/e2ee/upkeep";
import type { ClientContext } from "../client-context.ts";
import type { People } from "../devices/people.ts";
import { takeHeld } from "../rows/held-rows.ts";
import { findDevice, findPerson } from "../rows/person-rows.ts";
import type { SendQueue } from "../send/send-queue.ts";
import { hasCode } from "../sotto-error.ts";
import type { MessageFeed } from "./message-feed.ts";
import { type FrameOptions, type FrameOutcome, processFrame } from "./process-frame.ts";
import { Repeats } from "./repeats.ts";

type Deps = ClientContext & {
  readonly people: People;
  readonly feed: MessageFeed;
  /** Looks up what senders say they are called; best effort. */
  learnNames(names: ReadonlyMap<string, string>): Promise<void>;
  readonly queue: Pick<SendQueue, "adopt">;
};

/** After so many failures of one frame, what fails in it becomes a placeholder. */
const STRICT_ATTEMPTS = 3;

/** How the envelopes of one frame are acknowledged: over the connection they came by. */
export type Acknowledge = (envelopeIds: readonly number[]) => Promise<void>;

/**
 * Takes frames of envelopes one after the other. A frame is acknowledged after its transaction is durable, never
 * before; one that cannot be processed now (no network for a device list, a full disk) is tried again while its
 * connection lives. So is an acknowledgement that failed: on the same connection the server does not deliver again
 * what it waits for, and with enough of that it delivers nothing more.
 */
export class Inbox {
  readonly #deps: Deps;
  readonly #repeats: Repeats;
  #tail: Promise<void> = Promise.resolve();
  #isCatchingUp = true;
  #isClosed = false;

  constructor(deps: Deps) {
    this.#deps = deps;
    this.#repeats = new Repeats(deps);
  }

  /** `isWanted` turns false when the connection that brought the frame is gone. */
  take(
    envelopes: readonly InboxEnvelope[],
    acknowledge: Acknowledge,
    isWanted: () => boolean,
  ): Promise<void> {
    return this.#enqueue(() =>
      this.#repeats.run(async (attempt) => {
        const outcome = await this.#process(envelopes, attempt);
        // From here on the frame is durable: whatever fails now, it is not processed again.
        await this.#repeats.begin(() => acknowledge(envelopes.map(({ envelopeId }) => envelopeId)), isWanted);
        await this.#announce(outcome);
      }, isWanted),
    );
  }

  /** The application was told of a gap; the server delivers nothing more before it knows that. */
  passGap(acknowledge: () => Promise<void>, isWanted: () => boolean): Promise<void> {
    return this.#repeats.begin(acknowledge, isWanted);
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
        return processFrame(tx, held, this.#options(true));
      });
      this.#deps.queue.adopt(outcome.queued);
      await this.#announce(outcome);
    });
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#repeats.close();
    await this.#tail;
  }

  #enqueue(work: () => Promise<void>): Promise<void> {
    const done = this.#tail.then(() => (this.#isClosed ? undefined : work()));
    this.#tail = done.catch((error: unknown) => this.#deps.events.emit("trouble", { error }));
    return done;
  }

  async #process(envelopes: readonly InboxEnvelope[], attempt: number): Promise<FrameOutcome> {
    await this.#meetSenders(envelopes);
    const options = this.#options(attempt > STRICT_ATTEMPTS);
    const outcome = await this.#deps.transact((tx) => processFrame(tx, envelopes, options));
    this.#deps.queue.adopt(outcome.queued);
    return outcome;
  }

  #options(isTolerant: boolean): FrameOptions {
    const { clock, uuid } = this.#deps;
    return { clock, uuid, keepUsedPrekeys: this.#isCatchingUp, isTolerant };
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

  /** Never throws: a frame that is durable and acknowledged must not be processed again. */
  async #announce(outcome: FrameOutcome): Promise<void> {
    const { events, feed, learnNames } = this.#deps;
    await learnNames(outcome.names).catch((error: unknown) => events.emit("trouble", { error }));
    if (outcome.shown > 0) feed.notify();
    for (const { messageId, conversationId, senderAccountId, problem } of outcome.undecryptable) {
      const code = problem ?? "unknown";
      events.emit("undecryptable", { messageId, conversationId, senderAccountId, problem: code });
    }
  }
}
