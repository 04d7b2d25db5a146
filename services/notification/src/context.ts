import { createBus } from "@sotto/platform/bus/create-bus";
import { systemClock } from "@sotto/platform/clock";
import { createDatabase } from "@sotto/platform/db";
import type { NotifyDatabase } from "@sotto/platform/db-types/notify";
import { edgeOf } from "@sotto/platform/edge";
import { systemIds } from "@sotto/platform/ids";
import { createLogger } from "@sotto/platform/log";
import { createMetrics } from "@sotto/platform/metrics";
import type { NotificationConfig } from "./config.ts";
import { addEmailMetrics } from "./email/email-metrics.ts";
import { createSender } from "./email/sender.ts";
import { createSmtp } from "./email/smtp.ts";

export type NotificationContext = ReturnType<typeof createContext>;

const POOL_SIZE = 8;

export function createContext(config: NotificationConfig) {
  const log = createLogger({ service: "notification", level: config.LOG_LEVEL });
  const metrics = createMetrics();
  const clock = systemClock;
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
    databaseUrl: config.DATABASE_URL,
    log,
    metrics,
  });
  const smtp = createSmtp({ url: config.SMTP_URL, from: config.MAIL_FROM });
  const sender = createSender({ db, clock, ids, log, smtp, emails: addEmailMetrics(metrics, db) });
  const close = async (): Promise<void> => {
    await bus.close();
    await sender.stop();
    smtp.close();
    await database.close();
  };
  return { edge: edgeOf(config), log, metrics, clock, ids, db, pool, bus, sender, close };
}
