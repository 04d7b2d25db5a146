/**
 * Shares of a delay after which an event may come again. Events that failed together shall not come together, and
 * RabbitMQ gives a queue's messages out in their order: a time to live of each message's own would make the short ones
 * wait behind the long ones, until all come with the longest. So each share has a queue, whose messages all live
 * equally long, and an event takes one at random.
 */
const SHARES = [0.75, 1, 1.25] as const;

/** The times that an event may wait before it comes again after about `delaySeconds`, in milliseconds. */
export function retryLanesMs(delaySeconds: number): readonly number[] {
  return SHARES.map((share) => Math.round(delaySeconds * share * 1000));
}

/** One of them. `random`: 0 to 1, exclusive. */
export function pickLaneMs(delaySeconds: number, random: () => number): number {
  const lanes = retryLanesMs(delaySeconds);
  return lanes[Math.floor(random() * lanes.length)] ?? delaySeconds * 1000;
}
