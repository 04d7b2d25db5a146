/** A question about writers pays off when so many rows lie behind the horizon. */
const ROWS_PER_QUESTION = 1000;
/** So many reads in a row that found nothing take a minute when nothing happens. */
const EMPTY_READS = 120;

export type ReadHorizon = ReturnType<typeof createReadHorizon>;

/**
 * Where reading may begin, so that it does not walk over all the dead rows that vacuum has not removed yet, or may not
 * remove because of a long transaction elsewhere.
 *
 * Ids are drawn in order, but commit out of it: a remembered id alone would skip rows. So an id is believed only when
 * every transaction that could still bring a lower one is over: whoever inserts holds a lock on the table from before
 * it draws an id until it ends. Three steps: the highest deleted id is remembered together with the writers of that
 * moment; all of them have ended; a read that began after that finds nothing up to the id.
 *
 * Nothing is kept over a session. Whoever winds the ids back (a restored dump) is noticed within a minute: after
 * that many empty reads the next one begins at the start.
 */
export function createReadHorizon() {
  let from = 0n;
  let deletedUpTo = 0n;
  let deletedSinceQuestion = 0;
  let emptyReads = 0;
  let candidate: { id: bigint; writers: ReadonlySet<string> } | undefined;
  return {
    /** Rows with this id or a lower one are gone, and none will come. */
    from: () => from,
    /** After each read; `firstId` of what it found. */
    read(firstId: bigint | undefined): void {
      emptyReads = firstId === undefined ? emptyReads + 1 : 0;
      if (candidate?.writers.size === 0 && (firstId === undefined || firstId > candidate.id)) {
        from = candidate.id;
        candidate = undefined;
      }
      if (emptyReads < EMPTY_READS) return;
      emptyReads = 0;
      from = 0n;
      deletedUpTo = 0n;
      candidate = undefined;
    },
    /** After rows were deleted. */
    deleted(lastId: bigint, rows: number): void {
      if (lastId > deletedUpTo) deletedUpTo = lastId;
      deletedSinceQuestion += rows;
    },
    /** Whether it is worth asking who writes. */
    wantsWriters: () => deletedSinceQuestion >= ROWS_PER_QUESTION,
    /** The answer: every transaction that may have drawn an id by now and has not ended. */
    wrote(writers: ReadonlySet<string>): void {
      deletedSinceQuestion = 0;
      candidate =
        candidate === undefined
          ? { id: deletedUpTo, writers }
          : { id: candidate.id, writers: candidate.writers.intersection(writers) };
    },
  };
}
