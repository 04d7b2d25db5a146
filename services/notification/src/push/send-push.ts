import { pushPayload } from "@sotto/contracts/notification-api";
import { backoffMs } from "@sotto/platform/bus/backoff";
import type { Clock } from "@sotto/platform/clock";
import type { NotifyDatabase } from "@sotto/platform/db-types/notify";
import type { Ids } from "@sotto/platform/ids";
import type { Logger } from "@sotto/platform/log";
import { appendEvents } from "@sotto/platform/outbox";
import type { Kysely } from "kysely";
import type { Counter } from "prom-client";
import { encryptPush } from "./encrypt-push.ts";
import type { PushHttp } from "./push-http.ts";
import { type DuePush, setPushRetry, settlePush } from "./push-queries.ts";
import { judgeAnswer, judgeFailure, type PushVerdict } from "./push-verdict.ts";
import {
  deleteThisSubscription,
  setSubscriptionFailing,
  setSubscriptionWorking,
} from "./subscription-queries.ts";
import type { VapidKeys } from "./vapid-keys.ts";

export type SendDeps = {
  readonly db: Kysely<NotifyDatabase>;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly log: Logger;
  readonly http: PushHttp;
  readonly keys: VapidKeys;
  readonly subject: string;
  readonly pushes: Counter<"outcome">;
};

/** How long a push is worth sending: here, and at the push service, together. */
const LIFETIME_MS = 24 * 3_600_000;
const BACKOFF = { firstMs: 2000, maxMs: 15 * 60_000 };
/** A subscription to which nothing came through for so long is given up. */
const FAILING_MAX_MS = 14 * 24 * 3_600_000;

/**
 * Sends one push and notes what became of it. When the process dies in between, it is sent again once the lease has
 * ended; at the push service the second takes the place of the first.
 */
export async function sendPush(deps: SendDeps, push: DuePush, stopping: AbortSignal): Promise<void> {
  if (push.serverKey.toString("base64url") !== deps.keys.publicKey)
    return drop(deps, push, "another server key");
  const ageMs = deps.clock.now().getTime() - push.createdAt.getTime();
  const ttlSeconds = Math.floor((LIFETIME_MS - ageMs) / 1000);
  if (ttlSeconds <= 0) return giveUp(deps, push, "too old");
  const verdict = await attempt(deps, push, { ttlSeconds, stopping });
  switch (verdict.kind) {
    case "sent":
      return noteSent(deps, push);
    case "gone":
      return drop(deps, push, verdict.reason);
    case "refused":
      return giveUp(deps, push, verdict.reason);
    case "later":
      return tryLater(deps, push, verdict);
  }
}

async function attempt(
  deps: SendDeps,
  push: DuePush,
  { ttlSeconds, stopping }: { ttlSeconds: number; stopping: AbortSignal },
): Promise<PushVerdict> {
  const url = new URL(push.endpoint);
  const type = pushPayload.shape.type.parse(push.type);
  const encrypted = encryptPush(deps, { url, p256dh: push.p256dh, auth: push.auth }, { type, ttlSeconds });
  try {
    return judgeAnswer(await deps.http.post({ url, ...encrypted, signal: stopping }), deps.clock.now());
  } catch (error) {
    return judgeFailure(error);
  }
}

/** For the log: the endpoint itself is a secret of its subscriber. */
const aboutPush = ({ id, host, attempts }: DuePush, reason: string) => ({
  pushId: id,
  host,
  attempt: attempts,
  reason,
});

async function noteSent({ db, clock, pushes }: SendDeps, push: DuePush): Promise<void> {
  await settlePush(db, push.id, { outcome: "sent", at: clock.now(), error: null });
  await setSubscriptionWorking(db, push);
  pushes.inc({ outcome: "sent" });
}

/** What waits for the subscription goes with it. */
async function drop({ db, log, pushes }: SendDeps, push: DuePush, reason: string): Promise<void> {
  await deleteThisSubscription(db, push);
  log.info(aboutPush(push, reason), "a push subscription is gone");
  pushes.inc({ outcome: "gone" });
}

async function tryLater(
  deps: SendDeps,
  push: DuePush,
  { reason, afterMs }: Extract<PushVerdict, { kind: "later" }>,
): Promise<void> {
  const now = deps.clock.now().getTime();
  const nextAttemptAt = new Date(now + Math.max(afterMs, backoffMs(push.attempts, BACKOFF)));
  if (nextAttemptAt.getTime() >= push.createdAt.getTime() + LIFETIME_MS) return giveUp(deps, push, reason);
  deps.log.warn({ ...aboutPush(push, reason), nextAttemptAt }, "a push could not be sent and is tried again");
  await setPushRetry(deps.db, push.id, { nextAttemptAt, error: reason });
  deps.pushes.inc({ outcome: "retried" });
}

async function giveUp(deps: SendDeps, push: DuePush, reason: string): Promise<void> {
  const { db, clock, ids } = deps;
  const now = clock.now();
  const isLost = await db.transaction().execute(async (tx) => {
    const failingSince = await setSubscriptionFailing(tx, push, now);
    if (await settlePush(tx, push.id, { outcome: "failed", at: now, error: reason })) {
      await appendEvents(tx, { clock, ids }, [
        {
          type: "notification.delivery-failed",
          key: push.eventId,
          data: { sourceEventId: push.eventId, channel: "push", reason },
        },
      ]);
    }
    if (now.getTime() - (failingSince ?? now).getTime() < FAILING_MAX_MS) return false;
    return deleteThisSubscription(tx, push);
  });
  deps.log.error({ ...aboutPush(push, reason), subscriptionDropped: isLost }, "a push was given up");
  deps.pushes.inc({ outcome: "failed" });
}
