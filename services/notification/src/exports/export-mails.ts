import { jsonList, jsonText, streamArchive } from "@sotto/platform/archive";
import { requireAccount } from "../accounts/require-account.ts";
import { findAttention, listWaiting } from "../attention/attention-queries.ts";
import type { NotificationContext } from "../context.ts";
import { getPreferences } from "../preferences/preference-queries.ts";
import { toWire } from "../preferences/wire-preferences.ts";
import { listSubscriptions } from "../push/subscription-queries.ts";
import { listExportedMails } from "./export-queries.ts";

const README = `What Sotto's notification service knows of you.

mails.json               the mails of the last 30 days: of which kind, to which address, when they were queued, sent, or given up
push-subscriptions.json  the devices that are woken, since when, and the addresses at their push services
preferences.json         what you want to be told, and when
waiting.json             for which of your devices how many messages wait while you are away, and when you were last there
                         after messages had waited

The words of the mails are in your mailbox. Links in them are not kept where they can be read.
`;

const PAGE_SIZE = 200;

/**
 * What is known of an account as a ZIP file, which is read as far as it has been taken.
 * @throws AppError `rate_limited`; `session_revoked` when the account is gone.
 */
export async function exportMails(
  context: Pick<NotificationContext, "db" | "clock" | "limits">,
  accountId: string,
): Promise<ReadableStream<Uint8Array>> {
  await requireAccount(context.db, accountId);
  await context.limits.take("export.account", accountId);
  // Without the keys: whoever has them can read what is sent.
  const subscriptions = (await listSubscriptions(context.db, accountId)).map((row) => ({
    deviceId: row.device_id,
    endpoint: row.endpoint,
    subscribedAt: row.created_at,
  }));
  const preferences = toWire(await getPreferences(context.db, accountId));
  return streamArchive(
    [
      { name: "README.txt", content: [README] },
      { name: "mails.json", content: jsonList(mailPages(context, accountId)) },
      { name: "push-subscriptions.json", content: jsonText(subscriptions) },
      { name: "preferences.json", content: jsonText(preferences) },
      { name: "waiting.json", content: jsonText(await exportWaiting(context, accountId)) },
    ],
    context.clock.now(),
  );
}

async function exportWaiting({ db }: Pick<NotificationContext, "db">, accountId: string) {
  const attention = await findAttention(db, accountId);
  const devices = await listWaiting(db, accountId);
  return {
    attendedAt: attention?.attended_at ?? null,
    digestedAt: attention?.digested_at ?? null,
    devices: devices.map((row) => ({ deviceId: row.device_id, waiting: row.waiting, since: row.told_at })),
  };
}

async function* mailPages({ db }: Pick<NotificationContext, "db">, accountId: string) {
  let after: string | undefined;
  for (;;) {
    const page = await listExportedMails(db, accountId, { after, limit: PAGE_SIZE });
    yield page;
    if (page.length < PAGE_SIZE) return;
    after = page.at(-1)?.mailId;
  }
}
