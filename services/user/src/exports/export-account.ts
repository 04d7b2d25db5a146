import { limits as sizes } from "@sotto/contracts/limits";
import { AppError } from "@sotto/platform/app-error";
import { jsonList, jsonText, streamArchive } from "@sotto/platform/archive";
import { listOwnAudit } from "../audit/list-own-audit.ts";
import { type Origin, recordAudit } from "../audit/record-audit.ts";
import type { UserContext } from "../context.ts";
import { findAccountExport, listPasskeyExports, listSessionExports } from "./export-queries.ts";

const README = `What Sotto's user service knows of your account.

account.json   your name, your address, and the state of the account
sessions.json  your sign-ins that have not been forgotten yet
passkeys.json  your passkeys, without their keys
audit.json     what happened to the account, newest first: what, when, from which network address

Passwords, codes and keys are not in here: the service keeps only what verifies them.

The mails that Sotto sent you: GET /api/notifications/export

Your messages are not in here either. They are encrypted for your devices, and the server cannot read them: only a
device of yours can export them.
`;

/**
 * Everything of an account as a ZIP file, which is read from the database as far as it has been taken.
 * @throws AppError `rate_limited`, `session_revoked` when the account has gone.
 */
export async function exportAccount(
  context: Pick<UserContext, "db" | "clock" | "ids" | "limits">,
  { accountId, origin }: { accountId: string; origin: Origin },
): Promise<ReadableStream<Uint8Array>> {
  await context.limits.take("export.account", accountId);
  const [account, sessions, passkeys] = await Promise.all([
    findAccountExport(context.db, accountId),
    listSessionExports(context.db, accountId),
    listPasskeyExports(context.db, accountId),
  ]);
  if (!account) throw new AppError("session_revoked", "The account of this session is gone.");
  await recordAudit(context.db, context, { accountId, type: "data-exported", origin });
  return streamArchive(
    [
      { name: "README.txt", content: [README] },
      { name: "account.json", content: jsonText(account) },
      { name: "sessions.json", content: jsonText(sessions) },
      { name: "passkeys.json", content: jsonText(passkeys) },
      { name: "audit.json", content: jsonList(auditPages(context, accountId)) },
    ],
    context.clock.now(),
  );
}

async function* auditPages(context: Pick<UserContext, "db">, accountId: string) {
  let after: string | undefined;
  do {
    const { entries, next } = await listOwnAudit(context, accountId, { after, limit: sizes.pageMax });
    yield entries;
    after = next ?? undefined;
  } while (after !== undefined);
}
