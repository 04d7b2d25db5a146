import type { Logger } from "@sotto/platform/log";
import { createPollLoop, type PollLoop } from "./poll-loop.ts";

/** A queue in the database that several processes share. */
export type DeliveryQueue<Job> = {
  /** For the log: "the push queue". */
  readonly name: string;
  /** Takes up to `limit` jobs that are due and of no lane in `full`, and keeps them from others for a while. */
  claim(want: { limit: number; full: readonly string[] }): Promise<readonly Job[]>;
  /** What jobs share that can be slow, such as a host. */
  laneOf(job: Job): string;
  /** Delivers and notes what became of it. Throws only where that could not be noted; the job comes back then. */
  deliver(job: Job, stopping: AbortSignal): Promise<void>;
};

/** A lane takes no more work than this, so that one that hangs leaves room for the others. */
export const LANE_SLOTS = 8;
export const ALL_SLOTS = 64;

/**
 * Works a queue off until stopped, and survives a database that is away. A claim takes as much as one lane has slots,
 * from lanes that have a free one: a lane so has fewer than two times `LANE_SLOTS` jobs under way.
 */
export function createDeliveryLoop<Job>({ log }: { log: Logger }, queue: DeliveryQueue<Job>): PollLoop {
  const stopping = new AbortController();
  const underWay = new Set<Promise<void>>();
  const lanes = new Map<string, number>();

  const fullLanes = () => [...lanes].filter(([, jobs]) => jobs >= LANE_SLOTS).map(([lane]) => lane);

  const begin = (job: Job): void => {
    const lane = queue.laneOf(job);
    lanes.set(lane, (lanes.get(lane) ?? 0) + 1);
    const work = queue
      .deliver(job, stopping.signal)
      .catch((error: unknown) => log.warn({ err: error }, `${queue.name} cannot note an outcome`))
      .finally(() => {
        const jobs = lanes.get(lane) ?? 0;
        const madeRoom = jobs >= LANE_SLOTS || underWay.size >= ALL_SLOTS;
        if (jobs > 1) lanes.set(lane, jobs - 1);
        else lanes.delete(lane);
        underWay.delete(work);
        if (madeRoom) loop.wake();
      });
    underWay.add(work);
  };

  /** @returns whether there may be more. */
  const claimOnce = async (): Promise<boolean> => {
    const limit = Math.min(LANE_SLOTS, ALL_SLOTS - underWay.size);
    if (limit === 0) return false;
    const jobs = await queue.claim({ limit, full: fullLanes() });
    for (const job of jobs) begin(job);
    return jobs.length === limit;
  };

  const loop = createPollLoop({ log }, { failing: `${queue.name} cannot be read`, step: claimOnce });
  return {
    ...loop,
    /** Ends what is under way, too. */
    stop: async () => {
      stopping.abort();
      await loop.stop();
      await Promise.all(underWay);
    },
  };
}
