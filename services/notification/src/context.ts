import { createBus } from "@sotto/platform/bus/create-bus";
import { type Clock, systemClock } from "@sotto/platform/clock";
import { createDatabase } from "@sotto/platform/db";
import type { NotifyDatabase } from "@sotto/platform/db-types/notify";
import { edgeOf } from "@sotto/platform/edge";
import { systemIds } from "@sotto/platform/ids";
import { createLimits } from "@sotto/platform/limits";
import { createLogger } from "@sotto/platform/log";
import { createMetrics } from "@sotto/platform/metrics";
import { createTokenVerifier, remoteKeys } from "@sotto/platform/token-verifier";
import { createAttentionMetrics } from "./attention/attention-metrics.ts";
import { type NotificationConfig, smtpOptions } from "./config.ts";
import { addEmailMetrics } from "./email/email-metrics.ts";
import { createFaultAlarm } from "./email/fault-alarm.ts";
import { createSender } from "./email/sender.ts";
import { createSmtp } from "./email/smtp.ts";
import { addInAppMetrics } from "./in-app/in-app-metrics.ts";
import { createPushHttp, createResolver, TIMEOUTS } from "./push/push-http.ts";
import { addPushMetrics } from "./push/push-metrics.ts";
import { createPushSender } from "./push/push-sender.ts";
import { defaultSubject } from "./push/vapid-keys.ts";
import { unsubscribeKeyOf } from "./unsubscribe/unsubscribe-token.ts";

export type NotificationContext = ReturnType<typeof createContext>;

const POOL_SIZE = 8;

/** Time, and the keys that verify access tokens. */
export type NotificationSources = Pick<Parameters<typeof createTokenVerifier>[0], "keys"> & { clock: Clock };

/** Everything the notification service works with. */
export function createContext(config: NotificationConfig, sources: Partial<NotificationSources> = {}) {
  const log = createLogger({ service: "notification", level: config.LOG_LEVEL });
  const metrics = createMetrics();
  const clock = sources.clock ?? systemClock;
  const ids = systemIds;
  const database = createDatabase<NotifyDatabase>({
    url: config.DATABASE_URL,
    max: POOL_SIZE,
    applicationName: "notification",
    log,
  });
  const { db, pool } = database;
  const bus = createBus({
    service: "notification",
    brokerUrl: config.MESSAGE_BROKER_URL,
    brokerCa: config.MESSAGE_BROKER_CA,
    databaseUrl: config.DATABASE_URL,
    log,
    metrics,
  });
  const limits = createLimits(config.RATE_LIMITS, { pool, schema: "notify", clock, log });
  const unsubscribeKey = unsubscribeKeyOf(config.SEAL_KEY);
  const smtp = createSmtp(smtpOptions(config));
  const emails = addEmailMetrics(metrics, db);
  const sender = createSender({
    ...{ db, clock, ids, log, limits, smtp, unsubscribeKey },
    sealKey: config.SEAL_KEY,
    publicUrl: config.PUBLIC_URL,
    defaultLanguage: config.DEFAULT_LANGUAGE,
    emails,
    alarm: createFaultAlarm(log),
  });
  const keys = config.VAPID_PRIVATE_KEY;
  const hosts = config.PUSH_PRIVATE_HOSTS;
  const pushHttp = createPushHttp({
    hosts,
    ca: config.PUSH_CA,
    timeouts: TIMEOUTS,
    resolve: createResolver(),
  });
  const pushSender = createPushSender({
    ...{ db, clock, ids, log, keys },
    http: pushHttp,
    subject: config.VAPID_SUBJECT ?? defaultSubject(config),
    pushes: addPushMetrics(metrics, db),
  });
  const close = async (): Promise<void> => {
    await bus.close();
    await Promise.all([sender.stop(), pushSender.stop()]);
    smtp.close();
    pushHttp.close();
    await database.close();
  };
  return {
    ...{ log, metrics, clock, ids, db, pool, bus, limits, sender, emails, pushSender, unsubscribeKey, close },
    /** What subscriptions are made with, and where they may lead. */
    push: { keys, hosts },
    notified: addInAppMetrics(metrics),
    edge: edgeOf(config),
    attention: createAttentionMetrics(metrics, db),
    digestAfterMs: config.DIGEST_AFTER_MINUTES * 60_000,
    digestEveryMs: config.DIGEST_EVERY_HOURS * 3_600_000,
    verifier: createTokenVerifier({ keys: sources.keys ?? remoteKeys(config.JWKS_URL), clock }),
    /** Origin (RFC 6454) of the pages that may act by cookie. */
    publicOrigin: new URL(config.PUBLIC_URL).origin,
  };
}
