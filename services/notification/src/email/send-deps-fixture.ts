import type { Clock } from "@sotto/platform/clock";
import type { Database } from "@sotto/platform/db";
import type { NotifyDatabase } from "@sotto/platform/db-types/notify";
import { systemIds } from "@sotto/platform/ids";
import { createLimits } from "@sotto/platform/limits";
import { createLogger } from "@sotto/platform/log";
import { createMetrics } from "@sotto/platform/metrics";
import { notificationLimits } from "../limits.ts";
import { newSealKeys } from "../seal-key-fixture.ts";
import { unsubscribeKeyOf } from "../unsubscribe/unsubscribe-token.ts";
import { addEmailMetrics } from "./email-metrics.ts";
import { createFaultAlarm } from "./fault-alarm.ts";
import type { SendDeps } from "./send-due-mail.ts";
import type { Smtp } from "./smtp.ts";

/** What sends mail in tests: everything real, with a time and a mail server of the test's own. */
export function newSendDeps(
  { db, pool }: Pick<Database<NotifyDatabase>, "db" | "pool">,
  { clock, smtp }: { clock: Clock; smtp: Smtp },
): SendDeps {
  const log = createLogger({ service: "test", level: "silent" });
  const { sealKey } = newSealKeys();
  return {
    ...{ db, clock, ids: systemIds, log, smtp, sealKey },
    limits: createLimits(notificationLimits, { pool, schema: "notify", clock, log }),
    unsubscribeKey: unsubscribeKeyOf(sealKey),
    publicUrl: "https://chat.example.org",
    defaultLanguage: "en",
    emails: addEmailMetrics(createMetrics(), db),
    alarm: createFaultAlarm(log),
  };
}
