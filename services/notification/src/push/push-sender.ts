import { createDeliveryLoop, type DeliveryQueue } from "../delivery/delivery-loop.ts";
import type { PollLoop } from "../delivery/poll-loop.ts";
import { claimPushes, type DuePush } from "./push-queries.ts";
import { type SendDeps, sendPush } from "./send-push.ts";

/** Longer than a push can take. */
const LEASE_MS = 30_000;

/** Sends queued pushes until stopped. Several senders share the queue; pushes to one host share its slots. */
export function createPushSender(deps: SendDeps): PollLoop {
  return createDeliveryLoop(deps, pushQueue(deps));
}

export function pushQueue(deps: SendDeps): DeliveryQueue<DuePush> {
  return {
    name: "the push queue",
    claim({ limit, full }) {
      const now = deps.clock.now();
      return claimPushes(deps.db, { now, leaseEnd: new Date(now.getTime() + LEASE_MS), limit, full });
    },
    laneOf: (push) => push.host,
    deliver: (push, stopping) => sendPush(deps, push, stopping),
  };
}
