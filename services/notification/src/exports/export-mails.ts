import { AppError } from "@sotto/platform/app-error";
import { jsonList, streamArchive } from "@sotto/platform/archive";
import { findAddressee, hasMark } from "../accounts/account-queries.ts";
import { deletedAccountMark } from "../accounts/deleted-account-mark.ts";
import type { NotificationContext } from "../context.ts";
import { findSuppression } from "../email/suppression-queries.ts";
import { isDigestWanted } from "../preferences/preference-queries.ts";
import { listExportedMails } from "./export-queries.ts";

const README = `What Sotto's notification service knows of you.

mails.json          the mails of the last 30 days: of which kind, to which address, in which language, when they were
                    queued, sent, or given up
mail-settings.json  your address and language as this service knows them, whether you want mails about waiting messages,
                    and since when no mail is sent to the address, if the mail server said that it does not exist

The words of the mails are in your mailbox. Links in them are not kept where they can be read.
`;

const PAGE_SIZE = 200;

/**
 * The mails of an account as a ZIP file, which is read as far as it has been taken.
 * @throws AppError `rate_limited`; `session_revoked` when the account is gone: its last access tokens outlive it by
 * minutes, and must not make anything be stored of it again.
 */
export async function exportMails(
  context: Pick<NotificationContext, "db" | "clock" | "limits">,
  accountId: string,
): Promise<ReadableStream<Uint8Array>> {
  if (await hasMark(context.db, deletedAccountMark(accountId)))
    throw new AppError("session_revoked", "The account of this session is gone.");
  await context.limits.take("export.account", accountId);
  return streamArchive(
    [
      { name: "README.txt", content: [README] },
      { name: "mails.json", content: jsonList(mailPages(context, accountId)) },
      { name: "mail-settings.json", content: mailSettings(context, accountId) },
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

async function* mailSettings({ db }: Pick<NotificationContext, "db">, accountId: string) {
  const addressee = await findAddressee(db, accountId);
  const suppression = addressee && (await findSuppression(db, addressee.email));
  const settings = {
    address: addressee?.email ?? null,
    addressVerified: addressee?.email_verified ?? null,
    language: addressee?.language ?? null,
    digests: await isDigestWanted(db, accountId),
    suppressedSince: suppression?.since ?? null,
    suppressionReason: suppression?.reason ?? null,
  };
  yield `${JSON.stringify(settings, null, 2)}\n`;
}
