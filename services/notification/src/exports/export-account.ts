import { jsonList, jsonText, streamArchive } from "@sotto/platform/archive";
import { findAddressee } from "../accounts/account-queries.ts";
import { requireAccount } from "../accounts/require-account.ts";
import { findAttention, listWaiting } from "../attention/attention-queries.ts";
import type { NotificationContext } from "../context.ts";
import { findSuppression } from "../email/suppression-queries.ts";
import { listNotifications } from "../in-app/notification-queries.ts";
import { getPreferences } from "../preferences/preference-queries.ts";
import { toWire } from "../preferences/wire-preferences.ts";
import { listSubscriptions } from "../push/subscription-queries.ts";
import { listExportedMails } from "./export-queries.ts";

const README = `What Sotto's notification service knows of you.

mails.json               the mails of the last 30 days: of which kind, to which address, in which language, when they were
                         queued, sent, or given up
addressee.json           your address and language as this service knows them, and since when no mail is sent to the
                         address, if the mail server said that it does not exist
preferences.json         what you want to be told, and when
waiting.json             for which of your devices how many messages wait while you are away, and when you were last there
                         after messages had waited
push-subscriptions.json  the devices that are woken, since when, and the addresses at their push services
notifications.json       what your clients were told of your account in the last 90 days, newest first, and when it was read

The words of the mails are in your mailbox. Links in them are not kept where they can be read.
`;

const PAGE_SIZE = 200;

/**
 * What the service knows of an account as a ZIP file, which is read as far as it has been taken.
 * @throws AppError `rate_limited`; `session_revoked` when the account is gone.
 */
export async function exportAccount(
  context: Pick<NotificationContext, "db" | "clock" | "limits">,
  accountId: string,
): Promise<ReadableStream<Uint8Array>> {
  await requireAccount(context.db, accountId);
  await context.limits.take("export.account", accountId);
  return streamArchive(
    [
      { name: "README.txt", content: [README] },
      { name: "mails.json", content: jsonList(mailPages(context, accountId)) },
      { name: "addressee.json", content: addressee(context, accountId) },
      { name: "preferences.json", content: preferences(context, accountId) },
      { name: "waiting.json", content: waiting(context, accountId) },
      { name: "push-subscriptions.json", content: subscriptions(context, accountId) },
      { name: "notifications.json", content: jsonList(notificationPages(context, accountId)) },
    ],
    context.clock.now(),
  );
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

async function* addressee({ db }: Pick<NotificationContext, "db">, accountId: string) {
  const known = await findAddressee(db, accountId);
  const suppression = known && (await findSuppression(db, known.email));
  yield* jsonText({
    address: known?.email ?? null,
    addressVerified: known?.email_verified ?? null,
    language: known?.language ?? null,
    suppressedSince: suppression?.since ?? null,
    suppressionReason: suppression?.reason ?? null,
  });
}

async function* preferences({ db }: Pick<NotificationContext, "db">, accountId: string) {
  yield* jsonText(toWire(await getPreferences(db, accountId)));
}

async function* waiting({ db }: Pick<NotificationContext, "db">, accountId: string) {
  const attention = await findAttention(db, accountId);
  const devices = await listWaiting(db, accountId);
  yield* jsonText({
    attendedAt: attention?.attended_at ?? null,
    digestedAt: attention?.digested_at ?? null,
    devices: devices.map((row) => ({ deviceId: row.device_id, waiting: row.waiting, since: row.told_at })),
  });
}

/** Without the keys: whoever has them can read what is sent. */
async function* subscriptions({ db }: Pick<NotificationContext, "db">, accountId: string) {
  const rows = await listSubscriptions(db, accountId);
  yield* jsonText(
    rows.map((row) => ({ deviceId: row.device_id, endpoint: row.endpoint, subscribedAt: row.created_at })),
  );
}

async function* notificationPages({ db }: Pick<NotificationContext, "db">, accountId: string) {
  let before: string | undefined;
  for (;;) {
    const page = await listNotifications(db, accountId, { before, limit: PAGE_SIZE });
    yield page;
    if (page.length < PAGE_SIZE) return;
    before = page.at(-1)?.notificationId;
  }
}
