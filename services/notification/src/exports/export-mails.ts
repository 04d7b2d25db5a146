import { jsonList, streamArchive } from "@sotto/platform/archive";
import { requireAccount } from "../accounts/require-account.ts";
import type { NotificationContext } from "../context.ts";
import { listNotifications } from "../in-app/notification-queries.ts";
import { listExportedMails } from "./export-queries.ts";

const README = `What Sotto's notification service knows of you.

mails.json          the mails of the last 30 days: of which kind, to which address, when they were queued, sent, or given up
notifications.json  what your clients were told of your account in the last 90 days, newest first, and when it was read

The words of the mails are in your mailbox. Links in them are not kept where they can be read.
`;

const PAGE_SIZE = 200;

/**
 * The mails and notifications of an account as a ZIP file, which is read as far as it has been taken.
 * @throws AppError `rate_limited`; `session_revoked` when the account is gone: its last access tokens outlive it by
 * minutes, and must not make anything be stored of it again.
 */
export async function exportMails(
  context: Pick<NotificationContext, "db" | "clock" | "limits">,
  accountId: string,
): Promise<ReadableStream<Uint8Array>> {
  await requireAccount(context.db, accountId);
  await context.limits.take("export.account", accountId);
  return streamArchive(
    [
      { name: "README.txt", content: [README] },
      { name: "mails.json", content: jsonList(mailPages(context, accountId)) },
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

async function* notificationPages({ db }: Pick<NotificationContext, "db">, accountId: string) {
  let before: string | undefined;
  for (;;) {
    const page = await listNotifications(db, accountId, { before, limit: PAGE_SIZE });
    yield page;
    if (page.length < PAGE_SIZE) return;
    before = page.at(-1)?.notificationId;
  }
}
