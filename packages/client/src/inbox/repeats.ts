import { backoffMs, sendBackoff } from "../backoff.ts";
import type { ClientContext } from "../client-context.ts";
import { SottoError } from "../sotto-error.ts";

type Deps = Pick<ClientContext, "clock" | "events">;
type Work = (attempt: number) => Promise<void>;

/** Work that is repeated, with growing pauses, until it succeeds or nobody wants it any more. Failures are told. */
export class Repeats {
  readonly #deps: Deps;
  readonly #pauses = new Set<() => void>();
  readonly #running = new Set<Promise<void>>();
  #isClosed = false;

  constructor(deps: Deps) {
    this.#deps = deps;
  }

  /** Resolves when the work succeeded or was given up. */
  async run(work: Work, isWanted: () => boolean): Promise<void> {
    await this.#runFrom(1, work, isWanted);
  }

  /** Resolves after the first attempt; further ones, where they are needed, go on behind the caller's back. */
  async begin(work: Work, isWanted: () => boolean): Promise<void> {
    if (!isWanted() || this.#isClosed) return;
    const failure = await this.#attempt(1, work);
    if (failure === undefined) return;
    const running = this.#pause(1, failure.error)
      .then(() => this.#runFrom(2, work, isWanted))
      .finally(() => this.#running.delete(running));
    this.#running.add(running);
  }

  /** Ends the pauses; what was not done by then is not done. */
  async close(): Promise<void> {
    this.#isClosed = true;
    for (const endPause of this.#pauses) endPause();
    await Promise.all(this.#running);
  }

  async #runFrom(first: number, work: Work, isWanted: () => boolean): Promise<void> {
    for (let attempt = first; isWanted() && !this.#isClosed; attempt++) {
      const failure = await this.#attempt(attempt, work);
      if (failure === undefined) return;
      await this.#pause(attempt, failure.error);
    }
  }

  async #attempt(attempt: number, work: Work): Promise<{ readonly error: unknown } | undefined> {
    try {
      await work(attempt);
      return undefined;
    } catch (error) {
      this.#deps.events.emit("trouble", { error });
      return { error };
    }
  }

  async #pause(attempt: number, error: unknown): Promise<void> {
    if (this.#isClosed) return;
    const { clock } = this.#deps;
    const { promise, resolve } = Promise.withResolvers<void>();
    const retryAfter = error instanceof SottoError ? error.retryAfterSeconds : undefined;
    const cancel = clock.after(backoffMs(sendBackoff, attempt, clock.random(), retryAfter), resolve);
    const endPause = () => {
      cancel();
      resolve();
    };
    this.#pauses.add(endPause);
    await promise;
    this.#pauses.delete(endPause);
  }
}
